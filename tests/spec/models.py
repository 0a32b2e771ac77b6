"""Small models for the clause tests: a wrapper around the elements that a test names."""

from __future__ import annotations

HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" '
    'xmlns:tenuto="https://tenuto.dev/schema/1.0" targetNamespace="urn:tests">'
)


def model(body: str, *, roots: str = "", process: str = "p") -> bytes:
    """Return a BPMN file with one process."""
    whole = f'<process id="{process}" isExecutable="true">{body}</process>'
    return f"{HEAD}{roots}{whole}</definitions>".encode()


def flows(*pairs: str) -> str:
    """Return sequence flows: `a>b` is the flow `a_b`; `a>b?x > 1` has a condition."""
    made = []
    for pair in pairs:
        ends, _, condition = pair.partition("?")
        source, _, target = ends.partition(">")
        inner = ""
        if condition:
            escaped = condition.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            inner = (
                '<conditionExpression xsi:type="tFormalExpression">='
                f"{escaped}</conditionExpression>"
            )
        made.append(
            f'<sequenceFlow id="{source}_{target}" sourceRef="{source}" '
            f'targetRef="{target}">{inner}</sequenceFlow>'
        )
    return "".join(made)


def task(
    id: str, job_type: str = "work", *, retries: int = 3, inner: str = "", io: str = ""
) -> str:
    """Return a service task with a job type."""
    mapping = f"<zeebe:ioMapping>{io}</zeebe:ioMapping>" if io else ""
    return (
        f'<serviceTask id="{id}"><extensionElements><zeebe:taskDefinition type="{job_type}" '
        f'retries="{retries}"/>{mapping}</extensionElements>{inner}</serviceTask>'
    )


def start(id: str = "start") -> str:
    """Return a none start event."""
    return f'<startEvent id="{id}"/>'


def end(id: str = "end", inner: str = "") -> str:
    """Return an end event."""
    return f'<endEvent id="{id}">{inner}</endEvent>'


def user(id: str) -> str:
    """Return a user task."""
    return f'<userTask id="{id}"/>'


def boundary(id: str, host: str, inner: str, *, interrupting: bool = True) -> str:
    """Return a boundary event."""
    flag = "true" if interrupting else "false"
    named = f'id="{id}" attachedToRef="{host}" cancelActivity="{flag}"'
    return f"<boundaryEvent {named}>{inner}</boundaryEvent>"


def timer(kind: str, value: str) -> str:
    """Return a timer definition: kind is Date, Duration or Cycle."""
    return f"<timerEventDefinition><time{kind}>{value}</time{kind}></timerEventDefinition>"


def message(id: str, name: str, key: str | None = None) -> str:
    """Return a root message, with its correlation key expression."""
    inner = ""
    if key is not None:
        inner = (
            f'<extensionElements><zeebe:subscription correlationKey="={key}"/></extensionElements>'
        )
    return f'<message id="{id}" name="{name}">{inner}</message>'


def on_message(ref: str) -> str:
    """Return a message definition."""
    return f'<messageEventDefinition messageRef="{ref}"/>'


def error(id: str, code: str) -> str:
    """Return a root error."""
    return f'<error id="{id}" errorCode="{code}"/>'


def on_error(ref: str = "") -> str:
    """Return an error definition; without reference it catches all."""
    return f'<errorEventDefinition errorRef="{ref}"/>' if ref else "<errorEventDefinition/>"


def signal(id: str, name: str) -> str:
    """Return a root signal."""
    return f'<signal id="{id}" name="{name}"/>'


def on_signal(ref: str) -> str:
    """Return a signal definition."""
    return f'<signalEventDefinition signalRef="{ref}"/>'


def loop(
    collection: str,
    *,
    element: str = "item",
    sequential: bool = False,
    output: tuple[str, str] | None = None,
    completion: str = "",
) -> str:
    """Return multi-instance characteristics; `output` is (collection, element expression)."""
    out = f' outputCollection="{output[0]}" outputElement="={output[1]}"' if output else ""
    done = f"<completionCondition>={completion}</completionCondition>" if completion else ""
    flag = "true" if sequential else "false"
    return (
        f'<multiInstanceLoopCharacteristics isSequential="{flag}"><extensionElements>'
        f'<zeebe:loopCharacteristics inputCollection="={collection}" '
        f'inputElement="{element}"{out}/>'
        f"</extensionElements>{done}</multiInstanceLoopCharacteristics>"
    )
