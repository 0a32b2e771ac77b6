"""Declared inputs and outputs, held against each other at both ends.

A call activity and the process that it calls, a job and its handler, a process and what it promises
at its end: where the types that are declared, or written as constants, cannot be the same, that is
an error. Where something undeclared may still change the variable on the way, it is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tenuto import feel
from tenuto.graph.data import HandlerDeclaration, InputDeclaration
from tenuto.graph.data import Mapping as VariableMapping
from tenuto.graph.findings import Finding, Severity
from tenuto.graph.nodes import AnyNode, CallActivity, EndEvent
from tenuto.graph.process import ProcessGraph
from tenuto.graph.static_types import are_disjoint, declared_type, static_type
from tenuto.graph.writers import Variables, job_of

INPUT = "input-mismatch"
MISSING = "input-missing"
OUTPUT = "output-mismatch"
UNDECLARED = "output-undeclared"


def check_calls(
    graph: ProcessGraph,
    own: Mapping[str, ProcessGraph],
    deployed: Mapping[str, ProcessGraph] | None = None,
) -> list[Finding]:
    """Return where a process and what it calls do not fit, and where it does not keep its outputs.

    `own` are the processes of the same deployment by id, `deployed` the latest ones that are there
    already.
    """

    def called(node: CallActivity) -> ProcessGraph | None:
        return _called(node, own, deployed or {})

    variables = Variables(graph, called=called)
    found: list[Finding] = []
    for node in graph.nodes.values():
        if isinstance(node, CallActivity):
            found += _check_call(variables, node, called(node))
    found += _check_outputs(variables)
    return found


def check_handlers(
    graphs: Iterable[ProcessGraph], handlers: Iterable[HandlerDeclaration]
) -> list[Finding]:
    """Return where jobs do not fit the handlers of their types, process by process."""
    by_type = {handler.job_type: handler for handler in handlers}
    found: list[Finding] = []
    for graph in graphs:
        variables = Variables(graph, by_type)
        for node in graph.nodes.values():
            policy = job_of(node)
            if policy is None or not policy.type.is_constant:
                continue
            handler = by_type.get(str(policy.type.constant))
            if handler is not None:
                end = f"handler `{handler.job_type}` ({handler.place}) needs"
                given = f"element `{node.id}` of process `{graph.id}`"
                for one in handler.inputs:
                    found += _check_input(variables, node, one, (end, given))
        alone = {finding.message for finding in _check_outputs(Variables(graph))}
        found += [one for one in _check_outputs(variables) if one.message not in alone]
    return found


def _called(
    node: CallActivity, own: Mapping[str, ProcessGraph], deployed: Mapping[str, ProcessGraph]
) -> ProcessGraph | None:
    """Return the process that a call activity calls, when that is known now."""
    if not node.process.is_constant:
        return None
    id = str(node.process.constant)
    found = own.get(id)
    if node.binding == "latest" and found is None:
        found = deployed.get(id)
    if node.binding == "versionTag" and found is not None and found.version_tag != node.version_tag:
        return None
    return found


def _check_call(
    variables: Variables, node: CallActivity, called: ProcessGraph | None
) -> Iterator[Finding]:
    given = f"call activity `{node.id}` of process `{variables.graph.id}`"
    own = {one.name: one for one in node.declared_inputs}
    for one in node.declared_inputs:
        yield from _check_input(variables, node, one, (f"{given} declares", "its mapping"))
    if called is None:
        return
    for wanted in called.inputs:
        end = f"process `{called.id}` declares"
        mine = own.get(wanted.name)
        if mine is None:
            yield from _check_input(variables, node, wanted, (end, given))
        elif are_disjoint(declared_type(mine.type), declared_type(wanted.type)):
            said = f"{given} declares {mine.type}"
            yield _mismatch(INPUT, node, wanted.name, (wanted.type, f"{end} at its start", said))
        if wanted.required and not _is_passed(node, wanted.name):
            message = (
                f"expected `{wanted.name}`, which process `{called.id}` requires at its start, but "
                f"{given} passes only {_names(node)}: map it, or pass all variables"
            )
            yield Finding(MISSING, message, node.id, node.line, Severity.ERROR)
    yield from _check_returned(node, called, given)


def _check_returned(node: CallActivity, called: ProcessGraph, given: str) -> Iterator[Finding]:
    """Hold what a call activity means to get against what the called process gives."""
    gives = {one.name: one for one in called.outputs}
    for wanted in node.declared_outputs:
        found = gives.get(wanted.name)
        if found is None and gives:
            message = (
                f"expected output `{wanted.name}`, which {given} declares, but process "
                f"`{called.id}` declares only {', '.join(sorted(gives))}"
            )
            yield Finding(UNDECLARED, message, node.id, node.line, Severity.WARNING)
        elif found is not None and are_disjoint(
            declared_type(found.type), declared_type(wanted.type)
        ):
            place = f"its end `{found.element}`" if found.element else "its end"
            said = f"process `{called.id}` declares {found.type} at {place}"
            yield _mismatch(OUTPUT, node, wanted.name, (wanted.type, f"{given} declares", said))


def _is_passed(node: CallActivity, name: str) -> bool:
    return node.propagate_all_in or name in _passed(node)


def _passed(node: CallActivity) -> list[str]:
    names = [mapping.target[0] for mapping in node.inputs]
    if node.multi_instance is not None:
        names += [node.multi_instance.element or "", "loopCounter"]
    return sorted({name for name in names if name})


def _names(node: CallActivity) -> str:
    return ", ".join(f"`{name}`" for name in _passed(node)) or "nothing"


def _check_input(
    variables: Variables, node: AnyNode, wanted: InputDeclaration, ends: tuple[str, str]
) -> Iterator[Finding]:
    """Hold what reaches an element under a name against what is declared to be needed.

    `ends` say who needs it and who gives it.
    """
    end, given = ends
    needs, kind = end.rpartition(" ")[0], declared_type(wanted.type)
    where = f"{end} at its start" if needs.startswith("process") else end
    mapping = _last_mapping(node, wanted.name)
    if mapping is None:
        known = variables.contradiction(wanted.name, node, kind) if _sees_all(node) else None
        if known is not None:
            said = f"{known.writers[0].place}, and {given} passes it"
            both = (wanted.type, where, said)
            yield _mismatch(INPUT, node, wanted.name, both, is_certain=known.is_certain)
        return
    found, read = _type_of_mapping(variables, node, mapping)
    if found is None:
        return
    text = f"`{mapping.source.source}`"
    if found == feel.NULL and wanted.required:
        message = (
            f"expected `{wanted.name}`, which {needs} requires, but {given} passes null ({text})"
        )
        yield Finding(MISSING, message, node.id, node.line, Severity.ERROR)
    elif are_disjoint(found, kind):
        said = f"{given} passes {found} ({text})"
        certain = all(variables.known(name, node).is_certain for name in read)
        yield _mismatch(INPUT, node, wanted.name, (wanted.type, where, said), is_certain=certain)


def _sees_all(node: AnyNode) -> bool:
    return not isinstance(node, CallActivity) or node.propagate_all_in


def _last_mapping(node: AnyNode, name: str) -> VariableMapping | None:
    """Return the input mapping that decides a variable: the last one of its name."""
    found = [mapping for mapping in node.inputs if mapping.target[0] == name]
    return found[-1] if found else None


def _type_of_mapping(
    variables: Variables, node: AnyNode, mapping: VariableMapping
) -> tuple[feel.Type | None, list[str]]:
    """Return the type that a mapping gives to its variable, and the variables that it reads.

    What an earlier mapping of the same element sets is not known.
    """
    read: list[str] = []
    earlier = {one.target[0] for one in node.inputs[: node.inputs.index(mapping)]}

    def variable(name: str) -> feel.Type | None:
        kinds = {str(writer.type): writer.type for writer in variables.writers(name, node)}
        if name in earlier or len(kinds) != 1:
            return None
        read.append(name)
        return next(iter(kinds.values()))

    found = static_type(mapping.source, variable)
    for member in reversed(mapping.target[1:]):
        found = feel.ContextType({member: found or feel.ANY})
    return found, read


def _check_outputs(variables: Variables) -> Iterator[Finding]:
    """Hold what a process promises against what is declared of the variable at its ends."""
    graph = variables.graph
    ends = [
        node
        for node in graph.nodes.values()
        if isinstance(node, EndEvent) and node.scope == graph.id
    ]
    for one in graph.outputs:
        for node in ends:
            if one.element not in ("", node.id):
                continue
            known = variables.contradiction(one.name, node, declared_type(one.type))
            if known is not None:
                end = f"process `{graph.id}` declares at its end `{node.id}`"
                ends_said = (one.type, end, known.writers[0].place)
                yield _mismatch(OUTPUT, node, one.name, ends_said, is_certain=known.is_certain)


def _mismatch(
    code: str,
    node: AnyNode,
    name: str,
    ends: tuple[str, str, str],
    *,
    is_certain: bool = True,
) -> Finding:
    """Return the finding that names both ends: the type, who wants it, and what is there."""
    wanted, end, said = ends
    still = "" if is_certain else " (unless something undeclared changes it before)"
    message = f"expected `{name}` to be {wanted}, as {end}, but {said}{still}"
    severity = Severity.ERROR if is_certain else Severity.WARNING
    return Finding(code, message, node.id, node.line, severity)
