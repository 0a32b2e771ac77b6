"""Instances of a scenario come in the order in which they were started."""

from tests.spec.models import end, flows, model, start, user

ONE = model(start() + user("t") + end() + flows("start>t", "t>end"))


def test_instances_of_one_instant_are_in_order(scenario):
    """The clock stands still between the starts, and keys of other slots do not part them."""
    scenario.deploy(ONE)

    started = [
        scenario.start_with("p", business_key=f"B-{n}", idempotency_key=f"I-{n}").key
        for n in range(50)
    ]

    assert sorted(started) != started, "keys alone do not say who was first"
    assert [case.key for case in scenario.instances()] == started
    assert [row.business_key for row in scenario.rows("p")] == [f"B-{n}" for n in range(50)]
