"""FEEL text to syntax tree, in one pass without backtracking.

DMN 1.5 §10.3.1.2, grammar rules 1 to 57. Operators climb by precedence, loosest first: or, and,
comparison, addition, multiplication, power, negation; then what follows a value: instance of, path,
filter, invocation. All binary operators group to the left, the power too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NoReturn, get_args

from tenuto.errors import FeelSyntaxError
from tenuto.feel import syntax
from tenuto.feel.arithmetic import CONTEXT, is_number, round_number
from tenuto.feel.cursor import KEYWORDS, Cursor
from tenuto.feel.syntax import Node
from tenuto.feel.tokens import Kind, Token, fail
from tenuto.feel.types import Type, parse_type
from tenuto.values import Number

HEIGHT_MAX = 150
_RELATIONS = frozenset(get_args(syntax.Relation))
# How tightly an operator binds: or, and, comparison, then sums, products and powers.
_LOOSEST = 1
_COMPARISON = 3
_SUM = 4
_LEVELS = {
    "or": _LOOSEST,
    "and": 2,
    **dict.fromkeys((*_RELATIONS, "between", "in"), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/"), 5),
    "**": 6,
}
# What may follow a closed range whose closing bracket is `[`; before anything else `[` is a filter.
_AFTER_RANGE = frozenset((")", "]", "}", ",", ".", ":", "=", "!=", "<", "<=", ">", ">=", "*", "/"))
_WORDS_AFTER_RANGE = frozenset(
    ("and", "or", "between", "in", "instance", "then", "else", "return", "satisfies")
)
_TYPE_WORDS = frozenset(("list", "range", "context", "function"))


class _Reader:
    """A cursor with the types that are known."""

    __slots__ = ("cursor", "ends_range", "types")

    def __init__(self, cursor: Cursor, types: Mapping[str, Type]) -> None:
        self.cursor = cursor
        self.types = types
        # True while the end of a range is read, where `[` may close the range.
        self.ends_range = False


def parse_expression(
    text: str,
    *names: Iterable[str],
    types: Mapping[str, Type] | None = None,
    quoted_names: bool = False,
) -> Node:
    """Return the tree of an expression; raise `FeelSyntaxError`."""
    reader = _Reader(Cursor(text, *names, quoted_names=quoted_names), types or {})
    try:
        node = _expression(reader)
    except RecursionError:
        _fail_depth(reader.cursor)
    _expect_end(reader.cursor)
    _check_height(node, text)
    return node


def parse_unary_tests(
    text: str,
    *names: Iterable[str],
    types: Mapping[str, Type] | None = None,
    quoted_names: bool = False,
) -> syntax.UnaryTests:
    """Return the tree of unary tests; raise `FeelSyntaxError`."""
    reader = _Reader(Cursor(text, *names, quoted_names=quoted_names), types or {})
    cursor = reader.cursor
    if cursor.is_sign("-") and cursor.peek().kind is Kind.END:
        return syntax.UnaryTests(tests=(), at=0)
    try:
        node = _unary_tests(reader)
    except RecursionError:
        _fail_depth(cursor)
    _check_height(node, text)
    return node


def _unary_tests(reader: _Reader) -> syntax.UnaryTests:
    """Read `not( tests )` first where it may be one: `not(a) and b` is then read again."""
    cursor = reader.cursor
    last = cursor.tokens[-2] if len(cursor.tokens) > 1 else cursor.token
    if not (cursor.is_word("not") and cursor.peek().value == "(" and last.value == ")"):
        tests = _tests(reader)
        _expect_end(cursor)
        return syntax.UnaryTests(tests=tests, at=0)
    cursor.take()
    cursor.take()
    try:
        tests = _tests(reader)
        cursor.expect_sign(")")
        _expect_end(cursor)
        return syntax.UnaryTests(tests=tests, is_negated=True, at=0)
    except FeelSyntaxError as error:
        again = _Reader(cursor.restart(), reader.types)
        tests = _tests(again)
        if again.cursor.token.kind is not Kind.END:
            raise error from None
        return syntax.UnaryTests(tests=tests, at=0)


def _tests(reader: _Reader) -> tuple[Node, ...]:
    tests = [_test(reader)]
    while reader.cursor.take_sign(","):
        tests.append(_test(reader))
    return tuple(tests)


def _fail_depth(cursor: Cursor) -> NoReturn:
    fail("expected less nesting", cursor.text, cursor.token.start)


def _expect_end(cursor: Cursor) -> None:
    if cursor.token.kind is not Kind.END:
        cursor.fail("expected an operator or the end")


def _check_height(root: Node, text: str) -> None:
    """Refuse trees that are too high for recursive readers, such as a sum of 10,000 terms."""
    level = [root]
    for _ in range(HEIGHT_MAX):
        level = [child for node in level for child in syntax.children(node)]
        if not level:
            return
    fail(f"expected at most {HEIGHT_MAX} operations in one another", text, level[0].at)


def _test(reader: _Reader) -> Node:
    token = reader.cursor.token
    if token.kind is Kind.SIGN and token.value in _RELATIONS:
        return _open_range(reader)
    return _expression(reader)


def _open_range(reader: _Reader) -> syntax.OpenRange:
    token = reader.cursor.take()
    end = _operation(reader, _SUM)
    return syntax.OpenRange(relation=token.value, end=end, at=token.start)  # type: ignore[arg-type]  # checked by the caller


def _expression(reader: _Reader) -> Node:
    """Read a whole expression inside brackets or at the top."""
    outer, reader.ends_range = reader.ends_range, False
    reader.cursor.enter()
    node = _operation(reader, _LOOSEST)
    reader.cursor.leave()
    reader.ends_range = outer
    return node


def _operation(reader: _Reader, lowest: int) -> Node:
    """Read operands joined by operators that bind at least as tightly as `lowest`."""
    cursor = reader.cursor
    left = _negation(reader)
    while True:
        token = cursor.token
        is_operator = token.kind is Kind.SIGN or token.kind is Kind.NAME
        level = _LEVELS.get(token.value, 0) if is_operator else 0
        if level < lowest or level == 0:
            return left
        if level >= _SUM:
            cursor.take()
            left = syntax.Arithmetic(
                operator=token.value,  # type: ignore[arg-type]  # a key of the table of levels
                left=left,
                right=_operation(reader, level + 1),
                at=token.start,
            )
        elif level == _COMPARISON:
            left = _comparison(reader, left)
        else:
            left = _logical(reader, left, level)


def _logical(reader: _Reader, first: Node, level: int) -> Node:
    cursor = reader.cursor
    token = cursor.token
    operands = [first]
    while cursor.is_word(token.value):
        cursor.take()
        operands.append(_operation(reader, level + 1))
    kind = syntax.Disjunction if token.value == "or" else syntax.Conjunction
    return kind(operands=tuple(operands), at=token.start)


def _comparison(reader: _Reader, left: Node) -> Node:
    token = reader.cursor.take()
    if token.value == "between":
        low = _operation(reader, _SUM)
        reader.cursor.expect_word("and")
        high = _operation(reader, _SUM)
        return syntax.Between(value=left, low=low, high=high, at=token.start)
    if token.value == "in":
        return syntax.In(value=left, tests=_in_tests(reader), at=token.start)
    return syntax.Comparison(
        relation=token.value,  # type: ignore[arg-type]  # a key of the table of levels
        left=left,
        right=_operation(reader, _SUM),
        at=token.start,
    )


def _in_tests(reader: _Reader) -> tuple[Node, ...]:
    cursor = reader.cursor
    token = cursor.token
    if token.kind is Kind.SIGN and token.value in _RELATIONS:
        return (_open_range(reader),)
    if not cursor.is_sign("("):
        return (_operation(reader, _SUM),)
    opening = cursor.take()
    cursor.enter()
    first = _test(reader)
    if cursor.is_sign(".."):
        node = _range_from(reader, first, opening)
        cursor.leave()
        return (_after_value(reader, node),)
    tests = [first]
    while cursor.take_sign(","):
        tests.append(_test(reader))
    cursor.expect_sign(")")
    cursor.leave()
    if len(tests) == 1 and not isinstance(first, syntax.OpenRange):
        return (_after_value(reader, first),)
    return tuple(tests)


def _negation(reader: _Reader) -> Node:
    cursor = reader.cursor
    signs: list[Token] = []
    while cursor.is_sign("-"):
        signs.append(cursor.take())
    node = _after_value(reader, _primary(reader))
    if signs and isinstance(node, syntax.Constant) and is_number(node.value) and node.value:
        # `-` itself would round to the digits of the thread's own context.
        negated = CONTEXT.minus(node.value) if type(node.value) is Decimal else -node.value
        node = syntax.Constant(value=negated, at=signs.pop().start)
    for sign in reversed(signs):
        node = syntax.Negation(operand=node, at=sign.start)
    return node


def _after_value(reader: _Reader, node: Node) -> Node:
    """Read what follows a value: paths, filters, invocations, instance of."""
    cursor = reader.cursor
    while True:
        token = cursor.token
        if token.kind is Kind.SIGN:
            if token.value == ".":
                cursor.take()
                name = cursor.take_name(is_member=True)
                node = syntax.Path(source=node, name=name, at=token.start)
            elif token.value == "[" and not (reader.ends_range and _closes_range(cursor)):
                cursor.take()
                cursor.filters += 1
                predicate = _expression(reader)
                cursor.filters -= 1
                cursor.expect_sign("]")
                node = syntax.Filter(source=node, predicate=predicate, at=token.start)
            elif token.value == "(":
                node = _invocation(reader, node)
            else:
                return node
        elif token.kind is Kind.NAME and token.value == "instance":
            cursor.take()
            cursor.expect_word("of")
            node = syntax.InstanceOf(value=node, type=_type(reader), at=token.start)
        else:
            return node


def _closes_range(cursor: Cursor) -> bool:
    after = cursor.peek()
    if after.kind is Kind.END:
        return True
    if after.kind is Kind.SIGN:
        return after.value in _AFTER_RANGE
    return after.kind is Kind.NAME and after.value in _WORDS_AFTER_RANGE


def _invocation(reader: _Reader, function: Node) -> Node:
    cursor = reader.cursor
    opening = cursor.take()
    if cursor.take_sign(")"):
        return syntax.Invocation(function=function, at=opening.start)
    if cursor.finds_named_argument():
        named = [_named_argument(reader)]
        while cursor.take_sign(","):
            named.append(_named_argument(reader))
        cursor.expect_sign(")")
        return syntax.Invocation(function=function, named=tuple(named), at=opening.start)
    arguments = [_expression(reader)]
    while cursor.take_sign(","):
        arguments.append(_expression(reader))
    cursor.expect_sign(")")
    return syntax.Invocation(function=function, arguments=tuple(arguments), at=opening.start)


def _named_argument(reader: _Reader) -> syntax.Argument:
    at = reader.cursor.token.start
    name = reader.cursor.take_raw_name(":")
    reader.cursor.expect_sign(":")
    return syntax.Argument(name=name, value=_expression(reader), at=at)


def _primary(reader: _Reader) -> Node:  # noqa: RET503  # fail() never returns
    cursor = reader.cursor
    token = cursor.token
    if token.kind is Kind.NAME:
        return _name_or_keyword(reader)
    if token.kind is Kind.NUMBER:
        cursor.take()
        return syntax.Constant(value=_number(token, cursor.text), at=token.start)
    if token.kind is Kind.STRING:
        cursor.take()
        return syntax.Constant(value=token.value, at=token.start)
    if token.kind is Kind.AT:
        cursor.take()
        return syntax.AtLiteral(text=token.value, at=token.start)
    if token.kind is Kind.SIGN:
        if token.value == "(":
            return _parenthesised(reader)
        if token.value == "[":
            return _list_or_range(reader)
        if token.value == "]":
            cursor.take()
            return _range_from(reader, _expression(reader), token)
        if token.value == "{":
            return _context(reader)
    cursor.fail("expected an expression")


def _number(token: Token, text: str) -> Number:
    if token.value.isdigit() and len(token.value) <= 34:
        return int(token.value)
    number = round_number(Decimal(token.value))
    if number is None:
        fail("expected a number of at most 34 digits and an exponent up to 6144", text, token.start)
    return number


def _name_or_keyword(reader: _Reader) -> Node:
    cursor = reader.cursor
    token = cursor.token
    is_keyword = token.value in KEYWORDS and cursor.text[token.start] != "`"
    if is_keyword and cursor.known_length(with_members=False) < 2:
        node = _keyword(reader)
        if node is not None:
            return node
    return syntax.Name(name=cursor.take_name(), at=token.start)


def _keyword(reader: _Reader) -> Node | None:
    cursor = reader.cursor
    token = cursor.token
    word = token.value
    if word in ("true", "false", "null"):
        cursor.take()
        value = None if word == "null" else word == "true"
        return syntax.Constant(value=value, at=token.start)
    if word == "if":
        return _if(reader)
    if word == "for":
        return _for(reader)
    if word == "function":
        return _function(reader) if cursor.peek().value == "(" else None
    return _quantified(reader)


def _if(reader: _Reader) -> Node:
    cursor = reader.cursor
    at = cursor.take().start
    condition = _expression(reader)
    cursor.expect_word("then")
    then = _expression(reader)
    cursor.expect_word("else")
    otherwise = _expression(reader)
    return syntax.If(condition=condition, then=then, otherwise=otherwise, at=at)


def _for(reader: _Reader) -> Node:
    cursor = reader.cursor
    at = cursor.take().start
    cursor.open_scope()
    bindings = _bindings(reader)
    cursor.expect_word("return")
    cursor.declare("partial")
    body = _expression(reader)
    cursor.close_scope()
    return syntax.For(bindings=bindings, body=body, at=at)


def _quantified(reader: _Reader) -> Node:
    cursor = reader.cursor
    token = cursor.take()
    cursor.open_scope()
    bindings = _bindings(reader)
    cursor.expect_word("satisfies")
    condition = _expression(reader)
    cursor.close_scope()
    return syntax.Quantified(
        quantifier="some" if token.value == "some" else "every",
        bindings=bindings,
        condition=condition,
        at=token.start,
    )


def _bindings(reader: _Reader) -> tuple[syntax.Binding, ...]:
    cursor = reader.cursor
    bindings = []
    while True:
        at = cursor.token.start
        name = cursor.take_raw_name("in")
        cursor.take()
        source = _expression(reader)
        end = _expression(reader) if cursor.take_sign("..") else None
        cursor.declare(name)
        bindings.append(syntax.Binding(name=name, source=source, end=end, at=at))
        if not cursor.take_sign(","):
            return tuple(bindings)


def _function(reader: _Reader) -> Node:
    cursor = reader.cursor
    at = cursor.take().start
    cursor.expect_sign("(")
    cursor.open_scope()
    parameters: list[syntax.Parameter] = []
    while not cursor.is_sign(")"):
        start = cursor.token.start
        name = cursor.take_raw_name(",", ":", ")")
        kind = _type(reader) if cursor.take_sign(":") else None
        parameters.append(syntax.Parameter(name=name, type=kind, at=start))
        if not cursor.take_sign(","):
            break
    cursor.expect_sign(")")
    for parameter in parameters:
        cursor.declare(parameter.name)
    is_external = cursor.is_word("external")
    if is_external:
        cursor.take()
    body = _expression(reader)
    cursor.close_scope()
    return syntax.FunctionLiteral(
        parameters=tuple(parameters), body=body, is_external=is_external, at=at
    )


def _parenthesised(reader: _Reader) -> Node:
    cursor = reader.cursor
    opening = cursor.take()
    token = cursor.token
    if token.kind is Kind.SIGN and token.value in _RELATIONS:
        node: Node = _open_range(reader)
        cursor.expect_sign(")")
        return node
    node = _expression(reader)
    if cursor.is_sign(".."):
        return _range_from(reader, node, opening)
    cursor.expect_sign(")")
    return node


def _list_or_range(reader: _Reader) -> Node:
    cursor = reader.cursor
    opening = cursor.take()
    if cursor.take_sign("]"):
        return syntax.ListLiteral(items=(), at=opening.start)
    first = _expression(reader)
    if cursor.is_sign(".."):
        return _range_from(reader, first, opening)
    items = [first]
    while cursor.take_sign(","):
        items.append(_expression(reader))
    cursor.expect_sign("]")
    return syntax.ListLiteral(items=tuple(items), at=opening.start)


def _range_from(reader: _Reader, start: Node, opening: Token) -> Node:
    cursor = reader.cursor
    cursor.expect_sign("..")
    cursor.enter()
    outer, reader.ends_range = reader.ends_range, True
    end = _operation(reader, _SUM)
    reader.ends_range = outer
    cursor.leave()
    closing = cursor.token
    if closing.kind is not Kind.SIGN or closing.value not in ("]", ")", "["):
        cursor.fail("expected ']', ')' or '[' after the range")
    cursor.take()
    return syntax.RangeLiteral(
        start=start,
        end=end,
        start_included=opening.value == "[",
        end_included=closing.value == "]",
        at=opening.start,
    )


def _context(reader: _Reader) -> Node:
    cursor = reader.cursor
    opening = cursor.take()
    cursor.open_scope()
    entries: list[syntax.Entry] = []
    while not cursor.is_sign("}"):
        token = cursor.token
        key = cursor.take().value if token.kind is Kind.STRING else cursor.take_raw_name(":")
        cursor.expect_sign(":")
        cursor.declare_member(key)
        value = _expression(reader)
        cursor.declare(key)
        entries.append(syntax.Entry(key=key, value=value, at=token.start))
        if not cursor.take_sign(","):
            break
    cursor.expect_sign("}")
    cursor.close_scope()
    return syntax.ContextLiteral(entries=tuple(entries), at=opening.start)


def _type(reader: _Reader) -> Type:
    """Read a type: tokens say where it ends, `types` what it is."""
    cursor = reader.cursor
    first = cursor.token
    if first.kind is not Kind.NAME:
        cursor.fail("expected a type")
    _pass_type(reader)
    last = cursor.tokens[cursor.at - 1]
    text = cursor.text[first.start : last.end]
    return parse_type(text, reader.types, inside=(cursor.text, first.start))


def _pass_type(reader: _Reader) -> None:
    cursor = reader.cursor
    word = cursor.token.value
    if word in _TYPE_WORDS and cursor.peek().value == "<":
        cursor.take()
        depth = 0
        while True:
            token = cursor.take()
            if token.kind is Kind.END:
                cursor.fail("expected '>' after the type")
            depth += (token.value == "<") - (token.value == ">")
            if depth == 0:
                break
        if word == "function" and cursor.take_sign("->"):
            _pass_type(reader)
        return
    _pass_type_name(cursor)


def _pass_type_name(cursor: Cursor) -> None:
    if cursor.token.kind is not Kind.NAME:
        cursor.fail("expected a type")
    length = cursor.known_length(with_members=False)
    cursor.at += max(length, 1)
    while True:
        joins = cursor.token.kind is Kind.NAME and cursor.token.value not in _WORDS_AFTER_RANGE
        if joins and cursor.token.value != "external":
            cursor.at += 1
        elif cursor.is_sign(".") and cursor.peek().kind is Kind.NAME:
            cursor.at += 2
        else:
            return
