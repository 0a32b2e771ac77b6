"""The vocabulary: what every attribute and extension of an element means for a deployment.

Nothing that could change a result is left out in silence: a name is executed where `EXECUTED` says
so, listed as ignored, or refused. A stranger is refused in our own namespace, where it is a slip of
the pen, and listed as ignored in anybody else's.
"""

from __future__ import annotations

from tenuto.bpmn.model import Model
from tenuto.bpmn.report import Place
from tenuto.bpmn.xml import Markup

UNSUPPORTED = {
    "bpmn:complexGateway": "a complex gateway",
    "bpmn:transaction": "a transaction",
    "bpmn:adHocSubProcess": "an ad-hoc subprocess",
    "bpmn:implicitThrowEvent": "an implicit throw event",
    "bpmn:subChoreography": "a choreography",
    "bpmn:choreographyTask": "a choreography",
    "bpmn:callChoreography": "a choreography",
}

# Drawn, documented or declared, and without effect on what runs.
DECORATIONS = {
    "bpmn:laneSet": "groups nodes for readers: assign user tasks by candidate groups",
    "bpmn:association": "joins a note to what it is about",
    "bpmn:group": "frames nodes for readers",
    "bpmn:textAnnotation": "is a note for readers",
    "bpmn:dataObject": "is drawn: variables need no declaration",
    "bpmn:dataObjectReference": "is drawn: variables need no declaration",
    "bpmn:dataStoreReference": "is drawn: handlers read and write stores",
    "bpmn:property": "is declared: variables need no declaration",
    "bpmn:ioSpecification": "is declared: mappings say what goes in and out",
    "bpmn:inputSet": "is declared",
    "bpmn:outputSet": "is declared",
    "bpmn:dataInput": "is declared",
    "bpmn:dataOutput": "is declared",
    "bpmn:dataInputAssociation": "is drawn: mappings say what goes in",
    "bpmn:dataOutputAssociation": "is drawn: mappings say what goes out",
    "bpmn:ioBinding": "is declared",
    "bpmn:auditing": "is declared: everything is journaled",
    "bpmn:monitoring": "is declared: everything is journaled",
    "bpmn:categoryValueRef": "groups elements for readers",
    "bpmn:supportedInterfaceRef": "is declared",
    "bpmn:supports": "is declared",
    "bpmn:correlationSubscription": "is declared: correlation keys are FEEL",
    "bpmn:performer": "is declared: assign user tasks by assignee and candidates",
    "bpmn:resourceRole": "is declared: assign user tasks by assignee and candidates",
    "bpmn:rendering": "is declared: forms are named by key",
}

_JOBS = ("serviceTask", "sendTask", "scriptTask", "businessRuleTask")
_TASKS = (*_JOBS, "task", "manualTask", "userTask", "receiveTask")
_ACTIVITIES = (*_TASKS, "callActivity", "subProcess")
_CATCHING = ("startEvent", "intermediateCatchEvent", "boundaryEvent")
_THROWING = ("intermediateThrowEvent", "endEvent")
_EVENTS = (*_CATCHING, *_THROWING)
_LOOP = ("multiInstanceLoopCharacteristics",)
_EVERYWHERE = ("*",)

# What is executed, and on which elements.
EXECUTED: dict[str, tuple[str, ...]] = {
    "zeebe:taskDefinition": (*_JOBS, *_THROWING),
    "zeebe:taskHeaders": (*_JOBS, *_THROWING),
    "zeebe:ioMapping": (*_ACTIVITIES, *_EVENTS),
    "zeebe:subscription": ("message",),
    "zeebe:loopCharacteristics": _LOOP,
    "zeebe:calledElement": ("callActivity",),
    "zeebe:calledDecision": ("businessRuleTask",),
    "zeebe:script": ("scriptTask",),
    "zeebe:userTask": ("userTask",),
    "zeebe:assignmentDefinition": ("userTask",),
    "zeebe:taskSchedule": ("userTask",),
    "zeebe:priorityDefinition": ("userTask",),
    "zeebe:formDefinition": ("userTask",),
    "zeebe:versionTag": ("process",),
    "zeebe:properties": _EVERYWHERE,
    "camunda:class": (*_JOBS, "messageEventDefinition"),
    "camunda:delegateExpression": (*_JOBS, "messageEventDefinition"),
    "camunda:expression": (*_JOBS, "messageEventDefinition"),
    "camunda:resultVariable": (*_JOBS, "messageEventDefinition"),
    "camunda:type": (*_JOBS, "messageEventDefinition"),
    "camunda:topic": (*_JOBS, "messageEventDefinition"),
    "camunda:field": (*_JOBS, "messageEventDefinition"),
    "camunda:failedJobRetryTimeCycle": (*_JOBS, *_THROWING),
    "camunda:inputOutput": (*_ACTIVITIES, *_EVENTS),
    "camunda:properties": _EVERYWHERE,
    "camunda:assignee": ("userTask",),
    "camunda:candidateUsers": ("userTask",),
    "camunda:candidateGroups": ("userTask",),
    "camunda:dueDate": ("userTask",),
    "camunda:followUpDate": ("userTask",),
    "camunda:priority": ("userTask",),
    "camunda:formKey": ("userTask",),
    "camunda:formRef": ("userTask",),
    "camunda:in": ("callActivity",),
    "camunda:out": ("callActivity",),
    "camunda:calledElementBinding": ("callActivity",),
    "camunda:calledElementVersionTag": ("callActivity",),
    "camunda:decisionRef": ("businessRuleTask",),
    "camunda:decisionRefBinding": ("businessRuleTask",),
    "camunda:mapDecisionResult": ("businessRuleTask",),
    "camunda:collection": _LOOP,
    "camunda:elementVariable": _LOOP,
    "camunda:errorCodeVariable": ("errorEventDefinition",),
    "camunda:errorMessageVariable": ("errorEventDefinition",),
    "camunda:versionTag": ("process",),
    "tenuto:naturalKey": ("process",),
    "tenuto:businessKey": ("process",),
    "tenuto:input": ("startEvent", "callActivity"),
    "tenuto:output": ("process", "endEvent", "callActivity"),
    "tenuto:retry": (*_JOBS, *_THROWING),
    "tenuto:correlationKey": (
        "message",
        "messageEventDefinition",
        "receiveTask",
        "sendTask",
    ),
}

IGNORED = {
    "camunda:asyncBefore": "every step is durable by itself",
    "camunda:asyncAfter": "every step is durable by itself",
    "camunda:async": "every step is durable by itself",
    "camunda:exclusive": "turns of an instance never overlap",
    "camunda:jobPriority": "jobs are offered in the order of their creation",
    "camunda:taskPriority": "jobs are offered in the order of their creation",
    "camunda:historyTimeToLive": "retention is set for the whole installation",
    "camunda:isStartableInTasklist": "every process can be started",
    "camunda:candidateStarterUsers": "who may start a process is a matter of permits",
    "camunda:candidateStarterGroups": "who may start a process is a matter of permits",
    "camunda:potentialStarter": "who may start a process is a matter of permits",
    "camunda:initiator": "pass who started the instance as a variable",
    "camunda:formData": "forms are named by key",
    "camunda:formProperty": "forms are named by key",
    "camunda:formRefBinding": "the latest form is shown",
    "camunda:formRefVersion": "the latest form is shown",
    "camunda:errorMessage": "the message comes with the error that is thrown",
    "camunda:modelerTemplate": "the template's values are in the model",
    "camunda:modelerTemplateVersion": "the template's values are in the model",
    "camunda:modelerTemplateIcon": "icons are for readers",
    "zeebe:modelerTemplate": "the template's values are in the model",
    "zeebe:modelerTemplateVersion": "the template's values are in the model",
    "zeebe:modelerTemplateIcon": "icons are for readers",
    "zeebe:userTaskForm": "forms are named by key",
    "zeebe:jobPriorityDefinition": "jobs are offered in the order of their creation",
}

REFUSED = {
    "camunda:caseRef": "cases (CMMN) are not executable",
    "camunda:caseBinding": "cases (CMMN) are not executable",
    "camunda:caseVersion": "cases (CMMN) are not executable",
    "camunda:calledElementVersion": "version numbers belong to another engine: use a version tag",
    "camunda:calledElementTenantId": "the called process is found among the caller's own",
    "camunda:variableMappingClass": "Java is not executed: use camunda:in and camunda:out",
    "camunda:variableMappingDelegateExpression": "Java is not executed: use camunda:in and out",
    "camunda:decisionRefVersion": "version numbers belong to another engine: use the latest",
    "camunda:decisionRefVersionTag": "decisions are called in their latest or deployed version",
    "camunda:decisionRefTenantId": "the decision is found among the process's own",
    "camunda:connector": "connectors of Camunda 7 are not executed: use a job type",
    "camunda:errorEventDefinition": "errors are thrown by the handler, not by an expression",
    "camunda:resource": "scripts are part of the model",
    "zeebe:adHoc": "ad-hoc subprocesses are not executable yet",
    "zeebe:conditionalFilter": "conditional events are not executable yet",
    "zeebe:linkedResources": "linked resources are not executed",
    "zeebe:agentDefinition": "agents are not executable yet",
}

# They run code beside the flow. A lenient reading takes them for observers and leaves them out.
LISTENERS = {
    "camunda:executionListener": "listeners run code beside the flow: model it as a task",
    "camunda:taskListener": "listeners run code beside the flow: model it as a task",
    "camunda:formHandlerClass": "form handlers run code beside the flow: model it as a task",
    "zeebe:executionListeners": "listeners run code beside the flow: model it as a task",
    "zeebe:taskListeners": "listeners run code beside the flow: model it as a task",
}

_VENDORS = ("zeebe:", "camunda:", "tenuto:")


def review(model: Model, markup: Markup, place: Place) -> None:
    """Note what of an element, and of the parts without an id of their own, is not executed."""
    _review_attributes(model, markup, place)
    _review_names(model, markup, place)
    for child in markup.children:
        inside = Place(child, place.element)
        if child.name.endswith("EventDefinition") or child.name in _PARTS:
            _review_names(model, child, inside)
        elif markup.name in _SCOPES or child.name in _KNOWN:
            continue  # the scope reads its own nodes, the reader of a node its parts
        elif child.name in DECORATIONS:
            _review_decoration(model, child, inside)
        elif child.name.startswith("bpmn:"):
            model.findings.refuse(
                "unsupported-element", f"the element {child.name} is not executable", inside
            )


_SCOPES = frozenset(["bpmn:process", "bpmn:subProcess", "bpmn:transaction", "bpmn:adHocSubProcess"])
_PARTS = frozenset(["bpmn:multiInstanceLoopCharacteristics", "bpmn:script"])
_KNOWN = frozenset(
    [
        "bpmn:documentation",
        "bpmn:extensionElements",
        "bpmn:incoming",
        "bpmn:outgoing",
        "bpmn:eventDefinitionRef",
        "bpmn:conditionExpression",
        "bpmn:standardLoopCharacteristics",
        "bpmn:humanPerformer",
        "bpmn:potentialOwner",
    ]
)


def _review_attributes(model: Model, markup: Markup, place: Place) -> None:
    """Refuse attributes of the standard that change what runs and are not executable yet."""
    if markup.flag("isForCompensation", default=False):
        model.findings.refuse(
            "unsupported-attribute", "a compensation handler is not executable yet", place
        )
    for key in ("startQuantity", "completionQuantity"):
        quantity = markup.get(key) or "1"
        if quantity != "1":
            model.findings.refuse(
                "unsupported-attribute",
                f"expected {key} 1, but it is {quantity}: not executable yet",
                place,
            )


def _review_decoration(model: Model, child: Markup, place: Place) -> None:
    local = child.name.partition(":")[2]
    if child.all("bpmn:assignment", "bpmn:transformation"):
        model.findings.refuse(
            "data-association", f"{local} computes: use an input or output mapping", place
        )
    else:
        model.findings.ignore("decoration", f"{local} {DECORATIONS[child.name]}", place)


def _review_names(model: Model, markup: Markup, place: Place) -> None:
    owner = markup.name.partition(":")[2]
    names = [key for key in markup.attributes if key.startswith(_VENDORS)]
    for name in names:
        _review_name(model, name, owner, place)
    for extension in markup.extensions:
        if extension.name.startswith(_VENDORS):
            _review_name(model, extension.name, owner, place.within(extension))


def _review_name(model: Model, name: str, owner: str, place: Place) -> None:
    owners = EXECUTED.get(name)
    if owners is not None:
        if owner not in owners and owners != _EVERYWHERE:
            model.findings.ignore("misplaced-extension", f"{name} means nothing here", place)
    elif name in REFUSED:
        model.findings.refuse("unsupported-extension", f"{name}: {REFUSED[name]}", place)
    elif name in LISTENERS:
        note = model.findings.ignore if model.lenient else model.findings.refuse
        note("listener", f"{name}: {LISTENERS[name]}", place)
    elif name in IGNORED:
        model.findings.ignore("ignored-extension", f"{name}: {IGNORED[name]}", place)
    elif name.startswith("tenuto:"):
        model.findings.refuse("unknown-extension", f"{name} is none of Tenuto's names", place)
    else:
        model.findings.ignore("unknown-extension", f"{name} is not known", place)
