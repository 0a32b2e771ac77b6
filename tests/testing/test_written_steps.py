"""What scenarios in YAML do: each step acts on the engine as a caller would."""

import pytest


def test_without_steps_the_process_is_started(refunds):
    """A scenario without `when` starts the given process with the given variables."""
    outcome = refunds.play("""
        then: {status: completed, variables: {receipt: R-O-1}}
    """)

    assert outcome.differences == ()


def test_a_scenario_changes_what_the_file_gives(refunds):
    """Variables and handlers of a scenario are laid over those of its file, name by name."""
    outcome = refunds.play("""
        given: {variables: {order: O-2}, business_key: B-2, handlers: {remind: {told: true}}}
        then:
          of: B-2
          variables: {receipt: R-O-2, reason: damaged}
    """)

    assert outcome.differences == ()


def test_time_passes_and_timers_fire(refunds):
    """The virtual clock stops at the timer, and its handler is called once."""
    outcome = refunds.play("""
        given: {variables: {amount: 400}}
        when:
          - start
          - then: {not_passed: [late], calls: {remind: 0}}
          - advance: P1D
        then: {passed: [late, late_remind, reminded], calls: {remind: 1}, waiting: [approve]}
    """)

    assert outcome.differences == ()


def test_tasks_are_claimed_and_completed(refunds):
    """A task is found by its element or by its group."""
    outcome = refunds.play("""
        given: {variables: {amount: 400}}
        when:
          - start
          - claim: approve
            by: ann
          - then: {tasks: [{element: approve, groups: [leads], users: [], assignee: ann}]}
          - complete: {group: leads}
            variables: {approved: '=amount > 1'}
        then: {status: completed, variables: {approved: true}, tasks: []}
    """)

    assert outcome.differences == ()


def test_messages_find_their_instance(refunds):
    """A message is published with a key and variables; FEEL in them sees the newest instance."""
    outcome = refunds.play("""
        given: {variables: {papers: false}}
        when:
          - start
          - then: {waiting: [papers]}
          - message: papers
            key: =order
            variables: {pages: 3}
        then: {status: completed, variables: {pages: 3}}
    """)

    assert outcome.differences == ()


def test_a_message_is_kept_for_its_time(refunds):
    """A message that comes first waits as long as its time to live."""
    outcome = refunds.play("""
        given: {variables: {papers: false}}
        when:
          - message: papers
            key: O-1
            ttl: PT1H
          - start
        then: {status: completed}
    """)

    assert outcome.differences == ()


EVENTS = """\
events:
  - id: ordered
    type: shop.ordered
    start: refund
    business_key: data.order
  - id: papers
    type: archive.*
    source: /archive/*
    message: papers
    key: data.order
    variables: {pages: data.pages, by: subject}
"""


def with_events(refunds):
    """Return givens that deploy event mappings too."""
    refunds.write("refund.events.yaml", EVENTS)
    return (
        "given:\n  models: [refund.bpmn, level.dmn, refund.events.yaml]\n"
        "  handlers: {pay: {receipt: R}}\n"
    )


def test_events_start_and_reach_instances(refunds):
    """A CloudEvent goes through the mappings that are deployed, with its data and attributes."""
    outcome = refunds.play(
        """
        when:
          - event: shop.ordered
            data: {order: O-7, reason: damaged, amount: 40, papers: false}
          - then: {of: O-7, waiting: papers}
          - event: archive.scanned
            source: /archive/eu
            id: e-1
            subject: ann
            data: {order: O-7, pages: =amount / 10}
          - event: archive.scanned
            source: /archive/eu
            id: e-1
            subject: ann
            data: {order: O-7, pages: 4}
        then: {status: completed, variables: {pages: 4, by: ann, receipt: R}}
        """,
        given=with_events(refunds),
    )

    assert outcome.differences == ()


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("event: shop.cancelled", "unmapped: expected a mapping that wants the event"),
        ("event: archive.scanned", "unmapped"),
        ("{event: archive.scanned, source: /archive/eu, data: {order: null}}", "correlation key"),
        ("{event: shop.ordered, time: soon}", "RFC 3339"),
    ],
)
def test_an_event_that_reaches_nobody_fails_its_step(refunds, event, says):
    """A type or source that no mapping wants, a key that is null, and what is no CloudEvent."""
    step = event if event.startswith("{") else f"{{{event}}}"
    outcome = refunds.play(f"when: [{step}]\nthen: {{status: active}}", given=with_events(refunds))

    assert says in outcome.differences[0].found


def test_answers_come_call_by_call(refunds):
    """A list of answers is given in order: the closed account, then the payment."""
    outcome = refunds.play("""
        given: {handlers: {pay: [{error: CLOSED, returns: {why: closed}}, {receipt: R}]}}
        when: [start, then: {waiting: [mend]}, complete: mend]
        then: {status: completed, variables: {receipt: R}, calls: {pay: 2}}
    """)

    assert outcome.differences == ()


def test_a_failure_is_retried_and_becomes_an_incident(refunds):
    """`fail` fails the job: back-off first, an incident when no retries are left, then repair."""
    outcome = refunds.play("""
        given: {handlers: {pay: [{fail: no line}, {fail: still no line}, {receipt: R}]}}
        when:
          - start
          - then: {incidents: [], waiting: [pay]}
          - advance: PT1H
          - then:
              incidents: [{code: job-failed, element: pay, message: still no line}]
              calls: {pay: 2}
          - resolve: pay
        then: {status: completed, incidents: []}
    """)

    assert outcome.differences == ()


def test_variables_are_set_and_instances_canceled(refunds):
    """`set` changes variables, `cancel` ends the instance."""
    outcome = refunds.play("""
        given: {variables: {amount: 400}}
        when:
          - start
          - set: {amount: =amount + 1}
          - cancel
        then: {status: terminated, variables: {amount: 401}, waiting: []}
    """)

    assert outcome.differences == ()


def test_instances_have_names(refunds):
    """`as` names an instance, `of` acts on it and looks at it; without it the newest is meant."""
    outcome = refunds.play("""
        given: {variables: {amount: 400}}
        when:
          - start:
            as: first
          - start: refund
            variables: {order: O-2}
          - complete: approve
            of: first
        then:
          - {of: first, status: completed, variables: {order: O-1}}
          - {status: active, variables: {order: O-2}}
    """)

    assert outcome.differences == ()


def test_a_refusal_may_be_expected(refunds):
    """A step that is to be refused passes when it is, with that code."""
    wanted = """
        given: {variables: {amount: 400}}
        when:
          - start
          - claim: approve
            by: ann
          - claim: approve
            by: ben
            refused: %s
        then: {status: active}
    """
    code = refunds.play(wanted % "nothing").differences[0].found.split(":")[0]

    assert refunds.play(wanted % code).differences == ()


def test_a_step_that_should_be_refused_but_is_taken_fails(refunds):
    """An expected refusal that does not come is a difference."""
    outcome = refunds.play("""
        when: [{start: refund, refused: not-found}]
        then: {status: completed}
    """)

    (one,) = outcome.differences
    assert (one.expected, one.found) == ("refused with not-found", "it was taken")


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("complete: approve", "found 0 (open tasks: none)"),
        ("resolve", "found none"),
        ("start: nothing", "nothing"),
        ("{cancel: , of: nobody}", "expected an instance `nobody`"),
    ],
)
def test_a_step_that_cannot_be_taken_ends_the_scenario(refunds, step, says):
    """The step's line and the reason are the only difference; nothing is looked at after it."""
    outcome = refunds.play(f"""
        when: [start, {step}]
        then: {{status: failed}}
    """)

    (one,) = outcome.differences
    assert says in one.found
    assert outcome.state == "the instance is completed"


def test_the_instance_of_two_has_to_be_named(refunds):
    """Two open tasks of one element are told apart by `of`, not guessed."""
    outcome = refunds.play("""
        given: {variables: {amount: 400}}
        when: [start, start, complete: approve]
        then: {status: completed}
    """)

    assert "say with `of` which instance is meant" in outcome.differences[0].found


def test_a_python_file_brings_handlers(refunds):
    """`app` names a file beside the scenarios; what `handlers` lists is answered without it."""
    refunds.write(
        "refund_handlers.py",
        "from tenuto import handler\n\n\n"
        '@handler("pay")\ndef pay(order: str):\n    return {"receipt": f"P-{order}"}\n\n\n'
        '@handler("remind")\nasync def remind():\n    raise AssertionError\n',
    )
    given = """\
given:
  models: [refund.bpmn, level.dmn]
  app: refund_handlers.py
  at: 2027-03-01T08:00:00Z
  handlers: {remind: {reminded: =now()}}
  variables: {order: O-1, reason: damaged, amount: 400}
"""
    outcome = refunds.play(
        """
        when: [start, advance: P1D, complete: approve]
        then:
          variables: {receipt: P-O-1, reminded: 2027-03-02T08:00:00Z}
        """,
        given=given,
    )

    assert outcome.differences == ()
