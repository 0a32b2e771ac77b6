"""What `then` sees: each look names what was expected and what was found."""

import pytest


@pytest.mark.parametrize(
    ("then", "found"),
    [
        ("status: active", "completed"),
        ("variables: {receipt: R-9}", '"R-O-1"'),
        ("variables: {receipts: 1}", "no such variable"),
        ("variables: {amount: '40'}", "40"),
        ("variables: {amount: '=receipt + 1'}", "expected a value of"),
        ("holds: amount > 100", "false with {amount: 40}"),
        ("holds: amount > order", 'null with {amount: 40, order: "O-1"}; '),
        ("path: [pay, decide]", "start > decide > choose > pay > done"),
        ("passed: [approve, pay]", "never passed"),
        ("not_passed: [choose_pay]", "passed"),
        ("waiting: [pay]", "nothing"),
        ("tasks: [approve]", "nothing"),
        ("decisions: [{decision: level, rules: [r2]}]", "r1"),
        ("decisions: [{decision: level, value: slow}]", '"swift"'),
        ("decisions: [{decision: level, annotations: {Why: so}}]", "none"),
        ("decisions: fee", "level"),
        ("incidents: [no-flow]", "nothing"),
        ("calls: {pay: 2}", "1"),
        ("passed: [approvee]", "`approvee`; did you mean `approve`?"),
        ("not_passed: [nowhere]", "`nowhere`"),
        ("{of: B-7, status: active}", "expected an instance `B-7`"),
    ],
)
def test_what_does_not_hold_is_one_difference(refunds, then, found):
    """A look that finds something else fails the scenario and says what it found."""
    outcome = refunds.play(f"then: {then if then[0] == '{' else '{' + then + '}'}")

    (one,) = outcome.differences
    assert found in one.found, one


def test_everything_that_differs_is_listed(refunds):
    """One run shows all differences, each with its own line."""
    outcome = refunds.play("""
        then:
          status: active
          variables:
            receipt: R-9
            amount: 41
          path: [approve]
    """)

    assert [one.what for one in outcome.differences] == [
        "status",
        "variable `receipt`",
        "variable `amount`",
        "path",
    ]
    first = outcome.differences[0].line
    assert [one.line - first for one in outcome.differences] == [0, 2, 3, 4]


def test_contexts_are_compared_by_the_members_that_are_named(refunds):
    """A mapping looks at its members alone, a list at all of its items, numbers by value."""
    outcome = refunds.play("""
        given: {handlers: {pay: {paid: {to: Ann, sums: [1.50, 2], on: 2026-03-01, note: x}}}}
        then:
          variables:
            paid: {to: Ann, sums: [1.5, 2.0], on: 2026-03-01, missing: null}
    """)

    assert outcome.differences == ()


@pytest.mark.parametrize("paid", ["{sums: [1]}", "{on: '2026-03-01'}", "{to: {}}", "[]"])
def test_values_of_another_kind_differ(refunds, paid):
    """A shorter list, a text for a date, a context for a text and a list for a context differ."""
    outcome = refunds.play(f"""
        given: {{handlers: {{pay: {{paid: {{to: Ann, sums: [1, 2], on: 2026-03-01}}}}}}}}
        then: {{variables: {{paid: {paid}}}}}
    """)

    assert [one.what for one in outcome.differences] == ["variable `paid`"]


def test_a_formula_compares_a_context_whole(refunds):
    """What FEEL builds stands for itself: a member that it does not name is a difference."""
    wanted = "then: {variables: {paid: '={to: \"Ann\"}'}}"
    given = "given: {handlers: {pay: {paid: {to: Ann, more: 1}}}}\n"

    assert len(refunds.play(given + wanted).differences) == 1
    assert refunds.play(given.replace(", more: 1", "") + wanted).differences == ()


def test_where_a_failed_scenario_stands_is_said(refunds):
    """The state names what the instance waits for, and its incidents."""
    outcome = refunds.play("""
        given: {handlers: {pay: {fail: no line}}}
        when: [start, advance: PT1H]
        then: {status: completed}
    """)

    assert outcome.state.startswith("the instance is active, waiting at pay; incident job-failed")
    assert "no line" in outcome.state


def test_waiting_means_every_leaf(refunds):
    """`waiting` lists all live elements that hold no other."""
    one = refunds.path.joinpath("refund.bpmn").read_text()
    more = (
        '<userTask id="also"/><sequenceFlow id="b" sourceRef="closed" targetRef="also"/></process>'
    )
    refunds.write("two.bpmn", one.replace("</process>", more))
    outcome = refunds.play(
        """
        given: {models: [two.bpmn, level.dmn], handlers: {pay: {error: CLOSED}}}
        then: {waiting: [mend]}
        """
    )

    (one,) = outcome.differences
    assert one.found == "mend, also"
