"""Declared inputs and outputs at both ends: calls, handlers, and what a process promises."""

import pytest

from tenuto import bpmn, feel
from tenuto.graph.contracts import check_calls, check_handlers
from tenuto.graph.data import HandlerDeclaration, InputDeclaration, OutputDeclaration, formula
from tenuto.graph.findings import Severity
from tenuto.graph.static_types import are_disjoint, static_type
from tests.spec.models import boundary, end, error, flows, message, model, on_error, task, user


def start(*inputs):
    """Return a start event that declares inputs: `name type` or `name type!` for required."""
    items = "".join(
        f'<tenuto:input name="{name}" type="{kind.rstrip("!").replace("<", "&lt;")}" '
        f'required="{"true" if kind.endswith("!") else "false"}"/>'
        for name, kind in (one.split(" ", 1) for one in inputs)
    )
    return f'<startEvent id="start"><extensionElements>{items}</extensionElements></startEvent>'


def done(*outputs, id="end"):
    """Return an end event that declares outputs: `name type`."""
    items = "".join(
        f'<tenuto:output name="{name}" type="{kind}"/>'
        for name, kind in (one.split(" ", 1) for one in outputs)
    )
    return f'<endEvent id="{id}"><extensionElements>{items}</extensionElements></endEvent>'


def call(*, passes="", declares="", everything=True, binding="latest"):
    """Return a call of process `payment`; `passes` are zeebe mappings."""
    mapping = f"<zeebe:ioMapping>{passes}</zeebe:ioMapping>" if passes else ""
    flag = "true" if everything else "false"
    return (
        '<callActivity id="pay"><extensionElements><zeebe:calledElement processId="payment" '
        f'bindingType="{binding}" versionTag="v2" propagateAllParentVariables="{flag}"/>'
        f"{mapping}{declares}</extensionElements></callActivity>"
    )


def maps(source, target):
    """Return an input mapping."""
    escaped = source.replace('"', "&quot;").replace("<", "&lt;")
    return f'<zeebe:input source="{escaped}" target="{target}"/>'


def graph(body, process="claim", roots=""):
    """Return the one process of an accepted model."""
    reading = bpmn.read(model(body, process=process, roots=roots), name="m.bpmn")
    assert reading.report.refusals == ()
    return reading.graphs[0]


def payment(*inputs, outputs=()):
    """Return process `payment` with declarations."""
    return graph(start(*inputs) + done(*outputs) + flows("start>end"), "payment")


def found(claim, called=None, deployed=None):
    """Return (severity, code, message) of what a claim and what it calls have against them."""
    findings = check_calls(
        claim,
        {"payment": called} if called is not None else {},
        {"payment": deployed} if deployed is not None else {},
    )
    assert all(one.line is not None for one in findings)
    return [(one.severity, one.code, one.message) for one in findings]


def claim(*inputs, before="", **options):
    """Return a process that declares inputs and calls `payment`."""
    way = flows("start>pay", "pay>end")
    if before:
        way = flows("start>before", "before>pay", "pay>end")
    return graph(start(*inputs) + before + call(**options) + end() + way)


# --- calls


def test_a_constant_of_another_type_is_an_error_that_names_both_ends():
    """The message names element and process of the caller, and the called process."""
    ((severity, code, text),) = found(
        claim(passes=maps('="40"', "amount")), payment("amount number")
    )

    assert (severity, code) == (Severity.ERROR, "input-mismatch")
    assert text == (
        "expected `amount` to be number, as process `payment` declares at its start, but call "
        'activity `pay` of process `claim` passes string (`"40"`)'
    )


def test_a_declared_variable_of_another_type_is_an_error():
    """A mapping that reads a declared input passes its type, under any name."""
    ((severity, _, text),) = found(
        claim("sum string", passes=maps("=sum", "amount")), payment("amount number")
    )

    assert severity is Severity.ERROR
    assert "passes string (`sum`)" in text


def test_a_variable_that_is_passed_without_mapping_is_checked():
    """Where all variables go in, the caller's declaration of the same name is the other end."""
    ((severity, _, text),) = found(claim("amount string"), payment("amount number"))

    assert severity is Severity.ERROR
    assert "but process `claim` declares it at its start as string, and call activity" in text


def test_an_identity_mapping_is_checked():
    """A mapping of a variable to its own name reads the variable outside."""
    caller = claim("amount string", passes=maps("=amount", "amount"))

    assert [one[1] for one in found(caller, payment("amount number"))] == ["input-mismatch"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("=1", "number"),
        ("=amount + 1", "number"),
        ("=amount", "number"),
        ("=null", "number"),
        ("=[]", "list<number>"),
        ('=date("2026-01-01")', "date"),
        ("={a: 1}", "context<a: number, b: string>"),
        ("40", "string"),
    ],
)
def test_what_may_fit_is_no_finding(source, kind):
    """The same type, an unknown one, null and an empty list fit."""
    caller = claim("amount number", passes=maps(source, "x"))

    assert found(caller, payment(f"x {kind}")) == []


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("=1", "string"),
        ("40", "number"),
        ("=true", "number"),
        ("=1 < 2", "string"),
        ('=@"2026-01-01"', "string"),
        ("=now()", "date"),
        ("=[1, 2]", "list<string>"),
        ("=[1]", "number"),
        ("={a: 1}", "context<a: string>"),
        ("={a: amount}.a", "string"),
    ],
)
def test_what_cannot_fit_is_an_error(source, kind):
    """Literals, dates by their functions, comparisons, lists and contexts have known types."""
    caller = claim("amount number", passes=maps(source, "x"))

    assert [one[0] for one in found(caller, payment(f"x {kind}"))] == [Severity.ERROR]


def test_a_path_passes_a_context():
    """A mapping to `x.a` cannot give a number named `x`, nor a member of another type."""
    caller = claim(passes=maps("=1", "x.a"))

    assert found(caller, payment("x context<a: number>")) == []
    assert len(found(caller, payment("x number"))) == 1
    assert len(found(caller, payment("x context<a: string>"))) == 1


def test_a_required_input_that_is_not_mapped_is_an_error():
    """Where only mappings go in, what is not among them is missing."""
    caller = claim("iban string", passes=maps("=1", "amount"), everything=False)

    ((severity, code, text),) = found(caller, payment("amount number!", "iban string!"))

    assert (severity, code) == (Severity.ERROR, "input-missing")
    assert text == (
        "expected `iban`, which process `payment` requires at its start, but call activity `pay` "
        "of process `claim` passes only `amount`: map it, or pass all variables"
    )


def test_a_required_input_may_come_with_all_variables():
    """Where all variables go in, nothing is known to be missing."""
    assert found(claim(), payment("iban string!")) == []


def test_null_for_a_required_input_is_an_error():
    """A mapping that is always null passes nothing."""
    ((severity, code, _),) = found(claim(passes=maps("=null", "iban")), payment("iban string!"))

    assert (severity, code) == (Severity.ERROR, "input-missing")


@pytest.mark.parametrize(
    "before",
    [user("before"), task("before"), '<receiveTask id="before"/>'],
)
def test_what_may_be_changed_on_the_way_is_a_warning(before):
    """A person, a job of unknown result or a message may have mended the variable."""
    caller = claim("amount string", before=before)

    ((severity, _, text),) = found(caller, payment("amount number"))

    assert severity is Severity.WARNING
    assert text.endswith("(unless something undeclared changes it before)")


def test_what_comes_after_changes_nothing_before():
    """A user task behind the call leaves the finding certain."""
    caller = graph(
        start("amount string")
        + call()
        + user("after")
        + end()
        + flows("start>pay", "pay>after", "after>end")
    )

    assert [one[0] for one in found(caller, payment("amount number"))] == [Severity.ERROR]


def test_tokens_beside_each_other_make_nothing_certain():
    """A user task on a parallel way may come first."""
    caller = graph(
        start("amount string")
        + call()
        + user("other")
        + '<parallelGateway id="fork"/>'
        + end()
        + flows("start>fork", "fork>pay", "fork>other", "pay>end", "other>end")
    )

    assert [one[0] for one in found(caller, payment("amount number"))] == [Severity.WARNING]


def test_a_loop_brings_what_comes_after_before():
    """A user task that leads back to the call may change what the call gets next time."""
    caller = graph(
        start("amount string")
        + '<exclusiveGateway id="again"/>'
        + call()
        + user("mend")
        + end()
        + flows("start>again", "again>pay", "pay>mend", "mend>again?x", "mend>end")
    )

    assert [one[0] for one in found(caller, payment("amount number"))] == [Severity.WARNING]


def test_what_is_computed_is_not_known():
    """A variable that a mapping, a decision or a script writes has no declared type any more."""
    script = (
        '<scriptTask id="before"><extensionElements><zeebe:script expression="=number(amount)" '
        'resultVariable="amount"/></extensionElements></scriptTask>'
    )

    assert found(claim("amount string", before=script), payment("amount number")) == []


def test_a_scope_of_its_own_hides_the_variable():
    """A subprocess that maps the name has another variable."""
    body = (
        start("amount string")
        + '<subProcess id="sub"><extensionElements><zeebe:ioMapping>'
        + maps("=number(amount)", "amount")
        + "</zeebe:ioMapping></extensionElements>"
        + call()
        + "</subProcess>"
        + flows("start>sub")
    )

    assert found(graph(body), payment("amount number")) == []


def test_items_of_a_loop_hide_the_variable():
    """The item of a repeated call is not the variable around it."""
    repeated = call().replace(
        "</callActivity>",
        '<multiInstanceLoopCharacteristics isSequential="true"><extensionElements>'
        '<zeebe:loopCharacteristics inputCollection="=amounts" inputElement="amount"/>'
        "</extensionElements></multiInstanceLoopCharacteristics></callActivity>",
    )
    body = start("amount string") + repeated + end() + flows("start>pay", "pay>end")

    assert found(graph(body), payment("amount number!")) == []


def test_the_declarations_of_a_call_are_held_against_both_sides():
    """What a call activity declares has to fit its own mapping, and the called process."""
    needs = '<tenuto:input name="amount" type="number"/>'

    own = found(claim(passes=maps('="x"', "amount"), declares=needs))
    other = found(claim(declares=needs), payment("amount string"))

    assert [(one[0], one[1]) for one in own] == [(Severity.ERROR, "input-mismatch")]
    assert own[0][2] == (
        "expected `amount` to be number, as call activity `pay` of process `claim` declares, but "
        'its mapping passes string (`"x"`)'
    )
    ((severity, _, text),) = other
    assert severity is Severity.ERROR
    assert text == (
        "expected `amount` to be string, as process `payment` declares at its start, but call "
        "activity `pay` of process `claim` declares number"
    )


def test_outputs_of_a_call_are_held_against_the_called_process():
    """Another type is an error; a name that the called process does not declare, a warning."""
    gets = '<tenuto:output name="paid" type="string"/><tenuto:output name="receipt" type="string"/>'

    mismatch, undeclared = found(claim(declares=gets), payment(outputs=["paid number"]))

    assert mismatch[:2] == (Severity.ERROR, "output-mismatch")
    assert mismatch[2] == (
        "expected `paid` to be string, as call activity `pay` of process `claim` declares, but "
        "process `payment` declares number at its end `end`"
    )
    assert undeclared[:2] == (Severity.WARNING, "output-undeclared")
    assert "`payment` declares only paid" in undeclared[2]
    assert found(claim(declares=gets), payment()) == []


@pytest.mark.parametrize(
    ("binding", "own", "deployed", "count"),
    [
        ("latest", "number", "string", 1),
        ("latest", None, "number", 1),
        ("latest", "string", "number", 0),
        ("deployment", None, "number", 0),
        ("deployment", "number", "string", 1),
        ("versionTag", "number", None, 0),
    ],
)
def test_the_called_process_is_the_one_that_is_bound(binding, own, deployed, count):
    """The same deployment comes first; `deployment` looks nowhere else, a tag has to be there."""
    caller = claim(passes=maps('="x"', "amount"), binding=binding)
    called = None if own is None else payment(f"amount {own}")
    known = None if deployed is None else payment(f"amount {deployed}")

    assert len(found(caller, called, known)) == count


def test_an_unknown_or_computed_process_is_not_checked():
    """A call that names no known process has no other end."""
    computed = graph(
        start("amount string")
        + call().replace('processId="payment"', 'processId="=name"')
        + end()
        + flows("start>pay", "pay>end")
    )

    assert found(computed, payment("amount number")) == []
    assert found(claim(passes=maps('="x"', "amount"))) == []


# --- what a process promises


def test_an_output_contradicts_the_input_that_it_still_is():
    """Nothing on the way writes it, so the promise at the end cannot hold."""
    one = graph(start("paid string") + done("paid number") + flows("start>end"))

    ((severity, code, text),) = found(one)

    assert (severity, code) == (Severity.ERROR, "output-mismatch")
    assert text == (
        "expected `paid` to be number, as process `claim` declares at its end `end`, but process "
        "`claim` declares it at its start as string"
    )


def test_an_output_of_one_end_is_asked_there_alone():
    """Another end may be reached with another type."""
    one = graph(
        start("paid string")
        + '<exclusiveGateway id="g" default="g_no"/>'
        + task("w")
        + done("paid number")
        + end("no")
        + flows("start>g", "g>no", "g>w?x", "w>end")
    )

    assert [one[0] for one in found(one)] == [Severity.WARNING]


# --- handlers


def handler(kind="work", inputs=(), outputs=None):
    """Return what a handler declares: `name type` or `name type!`."""
    return HandlerDeclaration(
        kind,
        "shop.charge",
        tuple(
            InputDeclaration(name, type.rstrip("!"), type.endswith("!"))
            for name, type in (one.split(" ", 1) for one in inputs)
        ),
        None
        if outputs is None
        else tuple(OutputDeclaration(*one.split(" ", 1)) for one in outputs),
    )


def jobs(*inputs, io="", outputs=()):
    """Return a process with one job of the type `work`."""
    body = start(*inputs) + task("w", io=io) + done(*outputs) + flows("start>w", "w>end")
    return graph(body)


def test_a_mapping_that_a_handler_cannot_take_is_an_error():
    """The message names the element, its process, the handler and where it is written."""
    (one,) = check_handlers([jobs(io=maps("=1", "iban"))], [handler(inputs=["iban string!"])])

    assert (one.severity, one.code, one.element) == (Severity.ERROR, "input-mismatch", "w")
    assert one.message == (
        "expected `iban` to be string, as handler `work` (shop.charge) needs, but element `w` of "
        "process `claim` passes number (`1`)"
    )


def test_a_variable_that_a_handler_cannot_take_is_an_error():
    """Without a mapping the declared variable of that name is what the handler gets."""
    (one,) = check_handlers([jobs("iban number")], [handler(inputs=["iban string"])])

    assert one.severity is Severity.ERROR
    assert "declares it at its start as number, and element `w` of process `claim`" in one.message


def test_null_for_what_a_handler_requires_is_an_error():
    """A mapping without source gives null."""
    (one,) = check_handlers(
        [jobs(io='<zeebe:input target="iban"/>')], [handler(inputs=["iban string!"])]
    )

    assert one.code == "input-missing"


def test_handlers_of_other_types_and_unknown_variables_are_not_checked():
    """What nobody declares may be anything."""
    two = [handler("other", inputs=["iban string!"]), handler(inputs=["card string!"])]

    assert check_handlers([jobs("iban number")], two) == []


def test_what_an_earlier_handler_returns_is_a_declared_end():
    """A typed result makes the declaration of the input uncertain no longer, or contradicts."""
    body = (
        start("amount number")
        + task("first", "first")
        + task("w")
        + end()
        + flows("start>first", "first>w", "w>end")
    )
    wants = handler(inputs=["amount string"])

    def severities(outputs):
        found = check_handlers([graph(body)], [handler("first", outputs=outputs), wants])
        return [one.severity for one in found]

    assert severities(None) == [Severity.WARNING]
    assert severities([]) == [Severity.ERROR]
    assert severities(["amount date"]) == [Severity.ERROR]
    assert severities(["amount string"]) == []


def test_what_handlers_return_is_held_against_the_outputs_of_the_process():
    """A promise at the end that the last handler breaks names the handler."""
    one = jobs("paid string", outputs=["paid number"])

    (broken,) = check_handlers([one], [handler(outputs=["paid string"])])

    assert broken.severity is Severity.ERROR
    assert broken.code == "output-mismatch"
    assert check_handlers([one], [handler(outputs=["paid number"])]) == []


def test_an_error_may_bring_variables_of_its_own():
    """Behind an error event nothing is certain."""
    body = (
        start("iban number")
        + task("first", "first")
        + boundary("failed", "first", on_error("e"))
        + task("w")
        + end()
        + flows("start>first", "first>end", "failed>w", "w>end")
    )
    both = [handler("first", outputs=[]), handler(inputs=["iban string"])]

    (one,) = check_handlers([graph(body, roots=error("e", "E"))], both)

    assert one.severity is Severity.WARNING


def test_a_throwing_event_is_a_job_too():
    """A message end event that a worker publishes has a handler."""
    throw = (
        '<endEvent id="w"><extensionElements><zeebe:taskDefinition type="work"/>'
        f"<zeebe:ioMapping>{maps('=1', 'iban')}</zeebe:ioMapping></extensionElements>"
        '<messageEventDefinition messageRef="m"/></endEvent>'
    )
    one = graph(start() + throw + flows("start>w"), roots=message("m", "told"))

    assert len(check_handlers([one], [handler(inputs=["iban string"])])) == 1


# --- types


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("number", "number", False),
        ("number", "string", True),
        ("Any", "string", False),
        ("date", "date and time", True),
        ("list<Any>", "list<number>", False),
        ("list<string>", "list<number>", True),
        ("range<date>", "range<number>", True),
        ("list<number>", "number", True),
        ("context", "context<a: number>", False),
        ("context<a: number>", "context<b: number>", False),
        ("context<a: number>", "context<a: string>", True),
        ("context", "list", True),
        ("function<number>->number", "function<string>->string", False),
        ("Null", "number", False),
    ],
)
def test_types_are_disjoint_when_no_value_is_of_both(one, other, verdict):
    """Both ways round."""
    types = feel.parse_type(one), feel.parse_type(other)

    assert are_disjoint(*types) is verdict
    assert are_disjoint(*reversed(types)) is verdict


@pytest.mark.parametrize("text", ["a + 1", "f(a)", "a[1]", '@"no time"', "if a then 1 else 2"])
def test_what_is_not_known_is_not_guessed(text):
    """Arithmetic, calls, filters and choices have no static type here."""
    assert static_type(formula(text), lambda _: None) is None


def test_a_variable_hides_the_function_of_its_name():
    """A declared variable `date` is not the function."""
    assert static_type(formula('date("2026-01-01")'), lambda _: feel.STRING) is None
