"""How far the engine is: what is at hand, and which rules have matched."""

from __future__ import annotations

import pytest

from tests.api.conftest import code_of
from tests.api.test_decisions import decided


def at_hand(api, **query):
    """Return what is at hand for workers of the type `work`."""
    return api.get("jobs/at-hand", params={"type": "work", **query}).json()


def test_a_job_is_ready_then_leased_then_gone(worked):
    """Whoever waits for the end of work sees each of these."""
    assert at_hand(worked) == {"leased": 0, "ready": False, "busy": False}
    worked.start()
    assert at_hand(worked) == {"leased": 0, "ready": True, "busy": False}

    [job] = worked.post("jobs/activate", {"types": ["work"]}).json()["jobs"]
    assert at_hand(worked) == {"leased": 1, "ready": False, "busy": False}

    worked.post(f"jobs/{job['job']}/complete", {"token": job["token"]})
    assert at_hand(worked) == {"leased": 0, "ready": False, "busy": False}


def test_only_the_types_that_are_named_count(worked):
    """A job of another type is for somebody else."""
    worked.start()

    other = worked.get("jobs/at-hand", params={"type": "other"}).json()
    both = worked.get("jobs/at-hand", params={"type": ["other", "work"]}).json()

    assert (other["ready"], both["ready"]) == (False, True)
    assert worked.get("jobs/at-hand").json()["ready"] is False


def test_a_back_off_counts_as_far_as_one_looks(worked):
    """A job that is tried again in ten minutes is at hand within an hour."""
    worked.start()
    [job] = worked.post("jobs/activate", {"types": ["work"]}).json()["jobs"]
    worked.post(f"jobs/{job['job']}/fail", {"token": job["token"], "retry_after": 600})

    assert at_hand(worked)["ready"] is False
    assert at_hand(worked, within=60)["ready"] is False
    assert at_hand(worked, within=3_600)["ready"] is True


def counted(api, **query):
    """Return the matches of all parts, and how many parts there were."""
    found, parts, cursor = {}, 0, None
    while not parts or cursor is not None:
        asked = query | ({"cursor": cursor} if cursor else {})
        page = api.get("matched-rules", params=asked).json()
        for one in page["rules"]:
            rule = (one["decision"], one["index"], one["annotation"])
            found[rule] = found.get(rule, 0) + one["count"]
        parts, cursor = parts + 1, page["next"]
    return found, parts


def test_matches_are_counted_by_rule(api):
    """In parts of any size, from an instance on, and with what is written beside the rule."""
    keys = decided(api, 1, 2.5, 20)

    whole, one_part = counted(api)
    small, parts = counted(api, limit=1)
    later, _ = counted(api, instance=keys[1])

    assert one_part == 1
    assert parts > 1
    assert small == whole
    assert sum(whole.values()) == 3
    assert sum(later.values()) == 2
    assert {(decision, index) for decision, index, _ in whole} <= {("limit", 1), ("limit", 2)}
    assert ("limit", 2, "all else") in whole
    assert counted(api, since="2999-01-01T00:00:00Z")[0] == {}


@pytest.mark.parametrize("query", [{"instance": "x"}, {"since": "soon"}, {"instance": "0"}])
def test_what_cannot_be_counted_from_is_refused(api, query):
    """A key of an instance and an instant."""
    assert code_of(api.get("matched-rules", params=query)) == (400, "invalid-query")
