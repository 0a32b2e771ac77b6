"""Checks by operators over HTTP: in parts, and for operators alone."""

from __future__ import annotations

import pytest

from tests.api.conftest import code_of


def parts_of(api, path, limit):
    """Return all parts of an answer."""
    found, cursor = [], None
    while not found or cursor is not None:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        found.append(api.get(path, params=query).json())
        cursor = found[-1]["next"]
    return found


def total(parts):
    """Return the numbers of all parts, added; lists joined."""
    names = [name for name in parts[0] if name != "next"]
    return {name: sum((part[name] for part in parts[1:]), parts[0][name]) for name in names}


@pytest.mark.parametrize("path", ["verify", "audit/chain"])
def test_parts_are_together_what_one_part_is(worked, path):
    """However small the parts, everything is looked at once."""
    for number in range(5):
        worked.start(variables={"n": number})

    small, [whole] = parts_of(worked, path, 1), parts_of(worked, path, 1_000)

    assert len(small) > 5
    assert total(small) == total([whole])


def test_what_is_kept_agrees(worked):
    """Every instance was folded, and every commit was recomputed."""
    worked.start()

    state, chain = worked.get("verify").json(), worked.get("audit/chain").json()

    assert (state["instances"], state["differences"], state["moved"]) == (1, [], 0)
    assert chain["commits"] >= 3
    assert (chain["findings"], chain["next"]) == ([], None)


@pytest.mark.parametrize("path", ["verify", "audit/chain"])
def test_a_cursor_is_good_for_its_own_check(worked, path):
    """A cursor of the other one, or of nobody, is refused."""
    worked.start()
    other = {"verify": "audit/chain", "audit/chain": "verify"}[path]
    cursor = worked.get(other, params={"limit": 1}).json()["next"]

    for text in (cursor, "made-up"):
        answer = worked.get(path, params={"cursor": text})
        assert code_of(answer) == (400, "invalid-cursor")


def test_a_witness_that_saw_something_else_is_told(worked):
    """Its signature, its database and its heads are compared, each with a finding."""
    heads = worked.get("audit/heads").json()
    witness = {**heads, "public_key": "5a" * 32, "signature": "5a" * 64}

    [finding] = worked.post("audit/witness", witness).json()["findings"]
    assert "signature" in finding["message"]

    witness["cluster"] = "ab"
    witness["heads"] = [{"log": heads["heads"][0]["log"], "seq": 10**9, "hash": "00"}]
    messages = [one["message"] for one in worked.post("audit/witness", witness).json()["findings"]]

    assert any("another database" in message for message in messages)
    assert any("missing" in message for message in messages)


@pytest.mark.parametrize(
    "change",
    [{"cluster": "no hex"}, {"heads": [{"log": 2**63, "seq": 1, "hash": ""}]}, {"public_key": 1}],
)
def test_what_is_no_witness_is_refused(worked, change):
    """A witness has hexadecimal texts and numbers that a log may have."""
    witness = {"cluster": "", "heads": [], "public_key": "", "signature": "", **change}

    assert code_of(worked.post("audit/witness", witness)) == (400, "invalid-body")


def test_a_witness_of_odd_texts_does_not_fit(worked):
    """Half a byte, a key that is none: the signature does not hold, and nothing breaks."""
    witness = {"cluster": "abc", "heads": [], "public_key": "abc", "signature": "a"}

    answer = worked.post("audit/witness", witness)

    assert answer.status_code == 200
    assert len(answer.json()["findings"]) == 2


def test_a_server_in_memory_is_examined_without_a_disk(worked):
    """There is no file to look at; the rest is."""
    found = {one["name"]: one for one in worked.get("doctor").json()}

    assert found["server"]["status"] == "ok"
    assert "0 requests wait" in found["server"]["found"]
    assert "database" not in found
    assert "python" in found


def test_checks_are_for_operators(worked):
    """A developer deploys, and does not look at everything that is kept."""
    for role, status in (("operator", 200), ("developer", 403), ("person", 403)):
        token = worked.issue(role)
        for path in ("verify", "audit/chain", "audit/heads", "doctor"):
            assert worked.get(path, token=token).status_code == status, (role, path)
