"""User tasks (BPMN 2.0.2 §10.3.2, §10.3.4): who, by when, with which form."""

import datetime

import pytest

from tenuto.graph.nodes import UserTask


def zeebe_assignment(models, extension):
    """Return the assignment of a zeebe user task."""
    return models.node("userTask", "zeebe", extension=extension).assignment


def camunda_assignment(models, attributes):
    """Return the assignment of a camunda user task."""
    return models.node("userTask", "camunda", attributes=attributes).assignment


@pytest.mark.parametrize("marker", ["<zeebe:userTask/>", ""])
def test_user_task_with_and_without_marker(models, marker):
    """Native and job-based user tasks of Camunda 8 are the same user task."""
    node = models.node("userTask", "zeebe", extension=marker)

    assert isinstance(node, UserTask)
    assert node.assignment.assignee is None


def test_zeebe_assignment(models):
    """Assignee, candidates, dates, priority and form are text or FEEL."""
    assignment = zeebe_assignment(
        models,
        '<zeebe:assignmentDefinition assignee="=who" candidateGroups="ops, law"'
        " candidateUsers='=[\"ann\"]'/>"
        '<zeebe:taskSchedule dueDate="2030-01-01T00:00:00Z" followUpDate="=when"/>'
        '<zeebe:priorityDefinition priority="70"/><zeebe:formDefinition formId="f1"/>',
    )

    assert assignment.assignee.expression.call({"who": "bo"}) == "bo"
    assert assignment.candidate_groups.constant == ["ops", "law"]
    assert assignment.candidate_users.expression.call({}) == ["ann"]
    assert assignment.due.constant == "2030-01-01T00:00:00Z"
    assert assignment.follow_up.expression.call({"when": 1}) == 1
    assert (assignment.priority.constant, assignment.form) == (70, "f1")


def test_camunda_assignment(models):
    """Assignee, candidates, dates, priority and form are text or JUEL."""
    assignment = camunda_assignment(
        models,
        'camunda:assignee="${who}" camunda:candidateGroups="ops,law" camunda:candidateUsers="ann"'
        ' camunda:dueDate="${when}" camunda:priority="70" camunda:formKey="f1"',
    )

    assert assignment.assignee.expression.call({"who": "bo"}) == "bo"
    assert assignment.candidate_groups.constant == ["ops", "law"]
    assert assignment.candidate_users.constant == ["ann"]
    assert assignment.due.expression.call({"when": 1}) == 1
    assert (assignment.priority.constant, assignment.form) == (70, "f1")


def test_camunda_due_date_may_be_a_span(models):
    """A plain duration as due date counts from the creation of the task."""
    due = camunda_assignment(models, 'camunda:dueDate="P2DT2H"').due
    now = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)

    assert str(due.expression.call({}, now)).startswith("2030-01-03T02:00:00")


def test_roles_of_the_standard(models):
    """A human performer is the assignee; potential owners are users and groups."""
    inner = (
        "<humanPerformer><resourceAssignmentExpression><formalExpression>ann</formalExpression>"
        "</resourceAssignmentExpression></humanPerformer>"
        "<potentialOwner><resourceAssignmentExpression><formalExpression>"
        "user(bo), group(ops), law</formalExpression></resourceAssignmentExpression>"
        "</potentialOwner>"
    )

    assignment = models.node("userTask", inner=inner).assignment

    assert assignment.assignee.constant == "ann"
    assert assignment.candidate_users.constant == ["bo"]
    assert assignment.candidate_groups.constant == ["ops", "law"]


@pytest.mark.parametrize("owner", ["=groups", "${groups}"])
def test_potential_owners_may_be_computed(models, owner):
    """Potential owners may be an expression that gives groups."""
    inner = (
        "<potentialOwner><resourceAssignmentExpression><formalExpression>"
        f"{owner}</formalExpression></resourceAssignmentExpression></potentialOwner>"
    )

    groups = models.node("userTask", inner=inner).assignment.candidate_groups

    assert groups.expression.call({"groups": ["ops"]}) == ["ops"]
