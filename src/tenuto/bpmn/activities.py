"""Activities: tasks and call activities.

BPMN 2.0.2 §10.3.3 (tasks) and §10.3.6 (call activity). Each reader returns the node of one kind;
what all nodes share (flows, mappings, boundary events) is added by the scope.
"""

from __future__ import annotations

import re

from tenuto.bpmn.events import message_throw, message_trigger
from tenuto.bpmn.formulas import (
    BROKEN,
    camunda_text,
    feel_formula,
    translated_formula,
    zeebe_text,
)
from tenuto.bpmn.jobs import implied_policy, job_policy
from tenuto.bpmn.juel import NotTranslatable, translate
from tenuto.bpmn.mappings import call_mappings, script_text
from tenuto.bpmn.model import Dialect, Model
from tenuto.bpmn.people import assignment
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup
from tenuto.graph.data import Formula, constant
from tenuto.graph.nodes import (
    AnyNode,
    CallActivity,
    DecisionTask,
    JobTask,
    PassTask,
    ReceiveTask,
    ScriptTask,
    ThrowEvent,
    UserTask,
)
from tenuto.graph.triggers import MessageTrigger

_JOB_KINDS = {
    "bpmn:serviceTask": "service",
    "bpmn:sendTask": "send",
    "bpmn:scriptTask": "script",
    "bpmn:businessRuleTask": "business-rule",
}
_OWN_BUSINESS_KEY = re.compile(r"[$#]\{\s*execution\.(processBusinessKey|businessKey)\s*\}\Z")
RESULT_SHAPES = frozenset(["singleEntry", "singleResult", "collectEntries", "resultList"])


def pass_task(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """An undefined task, or a manual one."""
    return PassTask(id=_id(place), scope=scope, manual=node.name == "bpmn:manualTask")


def user_task(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """A user task; C8's job-based and its native user tasks are the same here."""
    return UserTask(id=_id(place), scope=scope, assignment=assignment(model, node, place))


def service_task(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """A service task: a job, or a JUEL expression that only reads variables, evaluated at once."""
    return _pure_expression(model, node, place, scope) or _job_task(model, node, place, scope)


def send_task(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """A send task: a job where a worker is named, else the engine publishes its message."""
    pure = _pure_expression(model, node, place, scope)
    policy = None if pure else job_policy(model, node, node, place)
    if pure is not None:
        return pure
    if policy is not None:
        return JobTask(id=_id(place), scope=scope, job=policy, kind="send")
    if node.get("messageRef") is None:
        model.findings.refuse(
            "job-type", "expected a job type or a message to send, but it has neither", place
        )
        return PassTask(id=_id(place), scope=scope)
    return ThrowEvent(id=_id(place), scope=scope, throw=message_throw(model, node, node, place))


def script_task(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """A script task in FEEL (or JUEL that only reads), or a job."""
    zeebe = node.extension("zeebe:script")
    if zeebe is not None:
        inside = place.within(zeebe)
        return ScriptTask(
            id=_id(place),
            scope=scope,
            script=feel_formula(model, zeebe.get("expression") or "", inside),
            result_variable=zeebe.get("resultVariable"),
        )
    policy = job_policy(model, node, node, place)
    if policy is not None:
        return JobTask(id=_id(place), scope=scope, job=policy, kind="script")
    script = node.first("bpmn:script") or node
    text = script_text(model, script, node.get("scriptFormat"), place.within(script))
    return ScriptTask(
        id=_id(place),
        scope=scope,
        script=BROKEN if text is None else translated_formula(model, text, place.within(script)),
        result_variable=node.get("camunda:resultVariable"),
    )


def business_rule_task(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """A business-rule task: a DMN decision, or a job."""
    zeebe = node.extension("zeebe:calledDecision")
    if zeebe is not None:
        return _zeebe_decision(model, zeebe, place.within(zeebe), scope)
    if node.get("camunda:decisionRef") is not None:
        return _camunda_decision(model, node, place, scope)
    return _pure_expression(model, node, place, scope) or _job_task(model, node, place, scope)


def receive_task(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """A receive task; one without message waits for a message of its own id, as C7's signal API."""
    if node.flag("instantiate", default=False):
        model.findings.refuse(
            "unsupported-attribute",
            "instantiate=true is not executable yet: begin with a message start event",
            place,
        )
    if node.get("messageRef") is None:
        model.findings.warn(
            "receive-without-message",
            f"names no message: it waits for one named {place.element!r}",
            place,
        )
        trigger = MessageTrigger(constant(_id(place)), constant(""))
    else:
        trigger = message_trigger(model, node, place)
    return ReceiveTask(id=_id(place), scope=scope, message=trigger)


def call_activity(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    """A call activity: `zeebe:calledElement`, or `calledElement` with `camunda:in` and `out`."""
    zeebe = node.extension("zeebe:calledElement")
    if zeebe is not None:
        return _zeebe_call(model, node, zeebe, Place(zeebe, place.element), scope)
    called = node.get("calledElement")
    if model.resolve(called, *GLOBAL_TASKS) is not None:
        model.findings.refuse(
            "unsupported-element", f"calls the global task {called!r}: not executable yet", place
        )
    if called is None:
        model.findings.refuse("called-element", "expected the process that is called", place)
    inputs, all_in = call_mappings(model, node, "in", place)
    outputs, all_out = call_mappings(model, node, "out", place)
    camunda = model.dialect is Dialect.CAMUNDA or bool(inputs or outputs or all_in or all_out)
    return CallActivity(
        id=_id(place),
        scope=scope,
        process=camunda_text(model, called or "", place),
        binding=_binding(model, node.get("camunda:calledElementBinding"), place),
        version_tag=node.get("camunda:calledElementVersionTag"),
        inputs=inputs,
        outputs=outputs,
        propagate_all_in=all_in or not camunda,
        propagate_all_out=all_out or not camunda,
        business_key=_camunda_business_key(model, node, place),
    )


GLOBAL_TASKS = (
    "bpmn:globalTask",
    "bpmn:globalUserTask",
    "bpmn:globalManualTask",
    "bpmn:globalScriptTask",
    "bpmn:globalBusinessRuleTask",
)


def _id(place: Place) -> str:
    assert place.element is not None, "the scope gives every node an id"
    return place.element


def _job_task(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    policy = job_policy(model, node, node, place)
    if policy is None:
        policy = implied_policy(node, place)
        if model.dialect is Dialect.PLAIN:
            model.findings.warn(
                "implied-job-type",
                f"names no worker: it runs as a job of the type {place.element!r}",
                place,
            )
        else:
            model.findings.refuse("job-type", "expected a job type, but it names no worker", place)
    return JobTask(id=_id(place), scope=scope, job=policy, kind=_JOB_KINDS[node.name])


def _pure_expression(model: Model, node: Markup, place: Place, scope: str) -> ScriptTask | None:
    """Return a `camunda:expression` that calls nothing as a script; it needs no worker."""
    text = node.get("camunda:expression")
    others = ("camunda:class", "camunda:delegateExpression", "camunda:topic", "camunda:type")
    if text is None or any(node.get(key) for key in others):
        return None
    try:
        translate(text)
    except NotTranslatable as error:
        if error.is_call:
            return None
    return ScriptTask(
        id=_id(place),
        scope=scope,
        script=camunda_text(model, text, place),
        result_variable=node.get("camunda:resultVariable"),
    )


def _zeebe_decision(model: Model, zeebe: Markup, place: Place, scope: str) -> AnyNode:
    decision, result = zeebe.get("decisionId"), zeebe.get("resultVariable")
    if decision is None or result is None:
        model.findings.refuse(
            "called-decision", "expected decisionId and resultVariable in calledDecision", place
        )
    return DecisionTask(
        id=_id(place),
        scope=scope,
        decision=zeebe_text(model, decision or "", place),
        result_variable=result or "",
        binding=_binding(model, zeebe.get("bindingType"), place, tagged=False),
    )


def _camunda_decision(model: Model, node: Markup, place: Place, scope: str) -> AnyNode:
    shape = node.get("camunda:mapDecisionResult") or "resultList"
    if shape not in RESULT_SHAPES:
        model.findings.refuse(
            "called-decision", f"expected one of {sorted(RESULT_SHAPES)}, but it is {shape}", place
        )
    return DecisionTask(
        id=_id(place),
        scope=scope,
        decision=camunda_text(model, node.get("camunda:decisionRef") or "", place),
        # Without a name C7 keeps the outcome only while the task runs, under this one.
        result_variable=node.get("camunda:resultVariable") or "decisionResult",
        binding=_binding(model, node.get("camunda:decisionRefBinding"), place, tagged=False),
        result_shape=shape,
    )


def _binding(model: Model, text: str | None, place: Place, *, tagged: bool = True) -> str:
    """Return which version is called; a number of another engine's deployments means nothing."""
    binding = text or "latest"
    allowed = ("latest", "deployment", "versionTag") if tagged else ("latest", "deployment")
    if binding not in allowed:
        model.findings.refuse(
            "binding", f"expected the binding {' or '.join(allowed)}, but it is {binding}", place
        )
    return binding


def _zeebe_call(model: Model, node: Markup, zeebe: Markup, place: Place, scope: str) -> AnyNode:
    called = zeebe.get("processId") or zeebe.get("processIdExpression")
    if called is None:
        model.findings.refuse("called-element", "expected the process that is called", place)
    text = zeebe.get("businessId")
    has_outputs = any(
        holder.first("zeebe:output") is not None
        for holder in node.extensions
        if holder.name == "zeebe:ioMapping"
    )
    propagates = zeebe.flag("propagateAllChildVariables", default=True)
    return CallActivity(
        id=_id(place),
        scope=scope,
        process=zeebe_text(model, called or "", place),
        binding=_binding(model, zeebe.get("bindingType"), place),
        version_tag=zeebe.get("versionTag"),
        propagate_all_in=zeebe.flag("propagateAllParentVariables", default=True),
        # Where outputs are mapped, only they leave the call activity, as they leave a task.
        propagate_all_out=propagates and not has_outputs,
        business_key=None if text is None else zeebe_text(model, text, place),
    )


def _camunda_business_key(model: Model, node: Markup, place: Place) -> Formula | None:
    for extension in node.extensions:
        text = extension.get("businessKey") if extension.name == "camunda:in" else None
        # A called instance inherits the business key of its caller anyway.
        if text is not None and not _OWN_BUSINESS_KEY.match(text):
            return camunda_text(model, text, place.within(extension))
    return None
