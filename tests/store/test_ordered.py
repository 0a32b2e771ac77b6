"""Sorted keys: whatever is added and removed, reading is that of a sorted list."""

from bisect import bisect_left, bisect_right

from hypothesis import given
from hypothesis import strategies as st

from tenuto.store import ordered
from tenuto.store.ordered import SortedKeys

KEYS = st.tuples(st.integers(0, 9), st.integers(0, 9))


def build(changes):
    """Return sorted keys after changes, each adding a key or removing it, and the plain set."""
    keys, plain = SortedKeys(), set()
    for key in changes:
        if key in plain:
            keys.remove(key)
            plain.remove(key)
        else:
            keys.add(key)
            plain.add(key)
    return keys, sorted(plain)


@given(changes=st.lists(KEYS, max_size=200), key=KEYS)
def test_sorted_keys_read_like_a_sorted_list(changes, key):
    """Above, below and by prefix give what a sorted list gives, over many short pieces."""
    kept, ordered.PIECE_MAX = ordered.PIECE_MAX, 4
    try:
        keys, plain = build(changes)
    finally:
        ordered.PIECE_MAX = kept

    assert list(keys.above()) == plain
    assert list(keys.above(key)) == plain[bisect_right(plain, key) :]
    assert list(keys.below()) == plain[::-1]
    assert list(keys.below(key)) == plain[: bisect_left(plain, key)][::-1]
    assert list(keys.begin_with(key[:1])) == [one for one in plain if one[0] == key[0]]
    assert list(keys.begin_with(key[:1], key)) == [
        one for one in plain if one[0] == key[0] and one > key
    ]
