"""What routines of a remote worker say goes in order."""

from __future__ import annotations

from collections import deque

from tenuto.worker.remote_routines import SENT_AT_ONCE, SENT_BYTES_MAX, Parcel, next_batch


def parcels(*keys: int, data: bytes = b"{}") -> deque[Parcel]:
    return deque(Parcel((key, 1), data, None) for key in keys)


def test_what_a_routine_says_waits_for_what_it_said_before():
    """Two requests at a time, and yet never two with something of one routine."""
    said = parcels(1, 2, 1, 3)

    batch = next_batch(said, {(1, 1)})

    assert [one.key[0] for one in batch] == [2, 3]
    assert [one.key[0] for one in said] == [1, 1]


def test_nothing_goes_when_all_have_something_on_the_way():
    """They stay, in their order."""
    said = parcels(1, 2)

    assert next_batch(said, {(1, 1), (2, 1)}) == []
    assert [one.key[0] for one in said] == [1, 2]


def test_a_request_carries_so_many_and_so_much():
    """What is too large for a request with others goes alone."""
    many = parcels(*range(SENT_AT_ONCE + 1))
    large = parcels(1, 2, data=b"x" * (SENT_BYTES_MAX + 1))

    assert len(next_batch(many, set())) == SENT_AT_ONCE
    assert [one.key[0] for one in next_batch(large, set())] == [1]
    assert len(large) == 1
