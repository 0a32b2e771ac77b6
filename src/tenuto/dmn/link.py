"""Notation to a model: references are followed, imports joined, everything is compiled.

DMN 1.5 §6.3 and §7.3.1 (imports). A name that is required, a type and a text that does not parse
are found here, not when the decision is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tenuto import feel
from tenuto.dmn import notation
from tenuto.dmn.boxed import compile_boxed
from tenuto.dmn.compiler import Compiler, typed
from tenuto.dmn.elements import Bkm, Decision, Element, Imported, Input, Service
from tenuto.dmn.external import External
from tenuto.dmn.kinds import ANY, Kind, Kinds
from tenuto.errors import ModelError


class Linked:
    """The compiled elements of one file."""

    def __init__(self, definitions: notation.Definitions, imports: dict[str, Linked]) -> None:
        """Make the elements, still without requirements and logic."""
        self.definitions = definitions
        self.imports = imports
        self.kinds: Kinds = Kinds(definitions, {name: file.kinds for name, file in imports.items()})
        self.elements: dict[str, Element] = {}
        self._names: dict[str, str] = {}
        for data in definitions.inputs:
            self._add(data, Input(data, self._kind(data)))
        for decision in definitions.decisions:
            self._add(decision, Decision(decision, self._kind(decision)))
        for bkm in definitions.bkms:
            self._add(bkm, Bkm(bkm))
        for service in definitions.services:
            self._add(service, Service(service, self._kind(service)))

    def _kind(self, data: notation.Named) -> Kind:
        try:
            return self.kinds.find(data.type_ref, data.line)
        except ModelError as error:
            error.element = error.element or data.id
            raise

    def _add(self, data: notation.Named, element: Element) -> None:
        if data.id in self.elements:
            raise self._refusal("duplicate-id", "expected each id once, but it comes twice", data)
        other = self._names.setdefault(data.name, data.id)
        if other != data.id:
            # Neither a caller nor FEEL could say which of the two is meant.
            text = f"expected each name once, but {data.name!r} names {other!r} too"
            raise self._refusal("duplicate-name", text, data)
        self.elements[data.id] = element

    def _refusal(self, code: str, message: str, data: notation.Named) -> ModelError:
        source = self.definitions.source
        return ModelError(message, code=code, element=data.id, line=data.line, source=source)


def link(
    files: tuple[notation.Definitions, ...], external: External
) -> tuple[Linked, list[Compiler]]:
    """Return the first file with everything that it reaches, compiled, and the compilers."""
    by_namespace: dict[str, notation.Definitions] = {}
    for definitions in files:
        by_namespace.setdefault(definitions.namespace, definitions)
    linked: dict[str, Linked] = {}
    main = _join(files[0], by_namespace, linked, ())
    compilers: dict[str, Compiler] = {}
    for file in linked.values():
        members = _member_names(file.definitions)
        compilers[file.definitions.namespace] = Compiler(
            file.definitions.source, file.kinds, members | _element_names(file), external
        )
    for file in linked.values():
        for element in file.elements.values():
            _require(file, element)
    _refuse_cycles(linked)
    for namespace, file in linked.items():
        for element in file.elements.values():
            _compile(file, element, compilers[namespace])
    return main, list(compilers.values())


def _join(
    file: notation.Definitions,
    by_namespace: Mapping[str, notation.Definitions],
    linked: dict[str, Linked],
    path: tuple[str, ...],
) -> Linked:
    if file.namespace in linked:
        return linked[file.namespace]
    imports = {}
    for item in file.imports:
        found = by_namespace.get(item.namespace)
        if found is None:
            raise ModelError(
                f"expected the model {item.namespace!r} that is imported as {item.name!r}, but it "
                "is not among the files; load it with this one",
                code="missing-import",
                element=item.name or None,
                line=item.line,
                source=file.source,
            )
        if item.namespace in path or item.namespace == file.namespace:
            raise ModelError(
                f"expected imports without a circle, but {item.namespace!r} leads back to itself",
                code="cyclic-import",
                element=item.name or None,
                line=item.line,
                source=file.source,
            )
        imports[item.name] = _join(found, by_namespace, linked, (*path, file.namespace))
    linked[file.namespace] = Linked(file, imports)
    return linked[file.namespace]


def _element_names(file: Linked) -> set[str]:
    names = set()
    for imported in file.imports.values():
        names |= {element.name for element in imported.elements.values()}
        names |= _member_names(imported.definitions)
    return names


def _member_names(definitions: notation.Definitions) -> set[str]:
    """Return the names by which contexts of a file may be read: entries, columns, outputs."""
    names: set[str] = set()
    pending: list[Any] = [element.logic for element in definitions.decisions]
    pending += [element.logic for element in definitions.bkms]
    while pending:
        part = pending.pop()
        if isinstance(part, notation.Table):
            names |= {clause.name for clause in part.outputs if clause.name}
        elif isinstance(part, notation.Literal) or part is None:
            continue
        else:
            if isinstance(part, notation.Relation):
                names |= {column.name for column in part.columns}
            if isinstance(part, notation.Entry) and part.name:
                names.add(part.name)
            pending.extend(_parts(part))
    for service in definitions.services:
        names.add(service.name)
    names |= {decision.name for decision in definitions.decisions}
    return names


def _parts(part: Any) -> Iterator[Any]:
    for field in part.__struct_fields__:
        pending = [getattr(part, field)]
        while pending:
            value = pending.pop()
            if isinstance(value, tuple):
                pending.extend(value)
            elif isinstance(value, notation.Boxed | notation.Entry | notation.Binding):
                yield value


def _find(file: Linked, reference: str, element: Element) -> tuple[str | None, Element]:
    """Return the import by which a reference is known here, and what it refers to."""
    namespace, mark, id = reference.rpartition("#")
    if not mark:
        namespace, id = "", reference
    if namespace in ("", file.definitions.namespace) and id in file.elements:
        return None, file.elements[id]
    for name, imported in file.imports.items():
        if namespace == imported.definitions.namespace and id in imported.elements:
            return name, imported.elements[id]
    known = {item.id: item.line for item in (*file.definitions.decisions, *file.definitions.bkms)}
    raise ModelError(
        f"expected the required element {reference!r} to be defined, but it is not",
        code="unknown-reference",
        element=element.id,
        line=known.get(element.id),
        source=file.definitions.source,
    )


def _require(file: Linked, element: Element) -> None:
    """Give an element what it refers to."""
    if isinstance(element, Input):
        return
    if isinstance(element, Service):
        _require_of_service(file, element)
        return
    required = []
    members: dict[str, dict[str, Element]] = {}
    for reference in element.notation.requires:
        name, found = _find(file, reference, element)
        required.append(found)
        if name:
            members.setdefault(name, {})[found.name] = found
        else:
            element.givers[found.name] = found
    element.requires = tuple(dict.fromkeys(required))
    for name, found_members in members.items():
        element.givers[name] = Imported(found_members)
    if isinstance(element, Bkm):
        # A function may call itself.
        element.givers.setdefault(element.name, element)


def _require_of_service(file: Linked, service: Service) -> None:
    data = service.notation
    outputs = [_find(file, reference, service)[1] for reference in data.outputs]
    service.outputs = tuple(item for item in outputs if isinstance(item, Decision))
    inputs = [
        _find(file, reference, service)[1]
        for reference in (*data.input_data, *data.input_decisions)
    ]
    service.inputs = tuple(item for item in inputs if isinstance(item, Input | Decision))
    service.requires = service.outputs


def _refuse_cycles(linked: Mapping[str, Linked]) -> None:
    """Raise `ModelError` that names the circle; a function may require itself."""
    done: set[Element] = set()
    for file in linked.values():
        for root in file.elements.values():
            _walk_for_cycles(root, done, file)


def _walk_for_cycles(root: Element, done: set[Element], file: Linked) -> None:
    if root in done:
        return
    path: dict[Element, Iterator[Element]] = {root: iter(_required(root))}
    while path:
        element = next(reversed(path))
        following = next(path[element], None)
        if following is None:
            done.add(element)
            del path[element]
        elif following in path and not (following is element and isinstance(element, Bkm)):
            circle = [*list(path)[list(path).index(following) :], following]
            raise ModelError(
                "expected requirements without a circle, but there is one: "
                + " → ".join(part.name for part in circle),
                code="cyclic-requirement",
                element=following.id,
                line=getattr(getattr(following, "notation", None), "line", None),
                source=file.definitions.source,
            )
        elif following not in done and following not in path:
            path[following] = iter(_required(following))


def _required(element: Element) -> tuple[Element, ...]:
    if isinstance(element, Input):
        return ()
    if isinstance(element, Service):
        # What is given to a service is not made by it.
        return tuple(item for item in element.outputs if item not in element.inputs)
    return element.requires


def _compile(file: Linked, element: Element, compiler: Compiler) -> None:
    if isinstance(element, Decision):
        names = frozenset(element.givers)
        element.logic = compile_boxed(element.notation.logic, names, compiler, element.name)
    elif isinstance(element, Bkm):
        _compile_bkm(file, element, compiler)


def _compile_bkm(file: Linked, element: Bkm, compiler: Compiler) -> None:
    data = element.notation
    names = frozenset(element.givers)
    function = data.logic
    if function is None or function.kind.upper() != "FEEL":
        element.logic = compile_boxed(function, names, compiler, element.name)
        return
    element.parameters = tuple(
        (item.name, file.kinds.find(item.type_ref, function.line).type)
        for item in function.parameters
    )
    inner = names | {name for name, _ in element.parameters}
    body = compile_boxed(function.body, inner, compiler, element.name)
    element.logic = typed(body, _result(file, function.type_ref, function.line), element.name)
    element.result = _result(file, data.type_ref, data.line)


def _result(file: Linked, reference: str | None, line: int | None) -> Kind:
    """Return what a function gives: of a function type its result, else the type itself."""
    kind = file.kinds.find(reference, line)
    if isinstance(kind.type, feel.FunctionType):
        return ANY if kind.type.result == feel.ANY else Kind(kind.type.result)
    return kind
