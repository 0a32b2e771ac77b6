"""Steps and workflows: plain functions with a name and a policy.

    @step(retries=Retry(5), timeout="30s")
    async def charge(order: Order) -> Receipt: ...

    @workflow(version=2)
    async def fulfil(order: Order) -> Receipt:
        return await charge(order)

Outside of a workflow both are called as what they are: plain functions.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Generic, ParamSpec, TypeVar, overload

from msgspec import UNSET, Struct, UnsetType, structs

from tenuto.engine.queue_options import PlaceAsk
from tenuto.engine.routine_commands import CallProcess, WhenLeft
from tenuto.errors import InputError
from tenuto.schedules import parse_fixed
from tenuto.workflows import codec
from tenuto.workflows.queues import Place, Queue, check_whole, constant, place_of
from tenuto.workflows.rooms import THREAD, check_room
from tenuto.workflows.routine import current
from tenuto.workflows.threaded import current_body, wait

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

MARK: Final = "__tenuto_workflow__"
NAME_LENGTH_MAX: Final = 200
PLACE_OPTIONS: Final = frozenset({"queue", "key", "priority", "fairness", "dedup", "delay"})
_FORBIDDEN: Final = frozenset("#@.()\x00/:")


class Retry(Struct, frozen=True):
    """How often a step is tried, and how long to wait between.

    `attempts` counts the first one. The delay begins with `first` seconds and grows by `backoff` up
    to `longest`; `jitter` varies it. Errors of the types in `never` are not tried again; with
    `only` no others are.
    """

    attempts: int = 3
    first: float = 1.0
    backoff: float = 2.0
    longest: float = 60.0
    jitter: float = 0.1
    never: tuple[type[BaseException], ...] = ()
    only: tuple[type[BaseException], ...] = (Exception,)

    def delay_seconds(self, failures: int, chance: float) -> float:
        """Return the delay after `failures` failed attempts; `chance` is from 0 to 1."""
        delay = min(self.longest, self.first * self.backoff ** max(0, failures - 1))
        return float(delay * (1 + self.jitter * (2 * chance - 1)))


ONCE: Final = Retry(attempts=1)


class StepOptions(Struct, frozen=True):
    """What a step may take and where it runs. Times are seconds.

    `timeout` is for one attempt, `total` for all with their delays; `start_within` is for the wait
    before the first, in a queue or for a worker, and `heartbeat` for the silence between two calls
    of `step_context().heartbeat()`. With `tx`, a function that opens a DB-API connection, the step
    gets a connection as its first argument, and what it writes is committed exactly once, together
    with its outcome. `on` is where it runs: `thread`, `process` or `ray`.
    """

    retries: Retry = Retry()
    timeout: float | None = None
    total: float | None = None
    start_within: float | None = None
    heartbeat: float | None = None
    undo: Any = None
    tx: Any = None
    on: str = THREAD
    place: Place | None = None


class WorkflowOptions(Struct, frozen=True):
    """Which version of its code a workflow is, and which records of older ones it can replay.

    `id` makes the id of an instance from the arguments, `existing` says what a second start of it
    comes to; `place` says how it enters a queue; `when_left` what becomes of it as a child.
    """

    version: int = 1
    replays: tuple[int, ...] = ()
    id: Any = None
    place: Place | None = None
    existing: str = "return"
    when_left: WhenLeft = "cancel"


class Step(Generic[P, R_co]):
    """A function whose result is recorded when a workflow calls it."""

    def __init__(self, function: Callable[P, Any], name: str, options: StepOptions) -> None:
        """Describe a function; its annotations say what its result is."""
        functools.update_wrapper(self, function)
        self.function = function
        self.name = _checked_name(name)
        self.settings = options
        self.is_async = inspect.iscoroutinefunction(function)
        self.signature = inspect.signature(function)
        check_room(function, name, options)

    @functools.cached_property
    def hints(self) -> Mapping[str, Any]:
        """Return the annotations."""
        return _hints(self.function)

    @property
    def result_type(self) -> Any:
        """Return the annotation of the result."""
        return self.hints.get("return", Any)

    @property
    def known_names(self) -> Mapping[str, Any]:
        """Return the names of the function's module, where its errors are looked up."""
        module = sys.modules.get(self.function.__module__)
        return vars(module) if module is not None else {}

    def read(self, data: bytes) -> Any:
        """Return a recorded result as the function gave it."""
        return codec.decode(data, self.result_type, where=f"the result of step `{self.name}`")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function; within a workflow its result is recorded."""
        routine = current()
        if routine is None:
            result: R_co = self.function(*args, **kwargs)
            return result
        if self.is_async:
            return typing.cast(R_co, self.call(*args, **kwargs))
        if current_body() is not None:
            return typing.cast(R_co, wait(self.call(*args, **kwargs)))
        raise InputError(
            f"expected `await {self.name}.call(...)`: the step is a plain function, and an "
            "async workflow has to wait for it"
        )

    async def call(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Return the result, also of a plain function, in an async workflow."""
        routine = current()
        if routine is None:
            result = self.function(*args, **kwargs)
            return await result if self.is_async else result
        return await routine.begin_step(self, (args, kwargs), self.read)

    def ask_place(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> PlaceAsk | None:
        """Return how a call enters its queue, if it has one."""
        place = self.settings.place
        if place is None:
            return None
        shown = (None, *args) if self.settings.tx is not None else args
        return place.ask(_bound(self.signature, shown, kwargs))

    def options(self, **changes: Any) -> Step[P, R_co]:
        """Return the same step with other options, which are those of `step`."""
        merged = {name: getattr(self.settings, name) for name in StepOptions.__struct_fields__}
        return Step(self.function, self.name, step_options(**{**merged, **changes}))


class Workflow(Generic[P, R_co]):
    """A function that is replayed over the recorded outcomes of what it waits for."""

    def __init__(self, function: Callable[P, Any], name: str, options: WorkflowOptions) -> None:
        """Describe a function; its annotations say what it takes and returns."""
        functools.update_wrapper(self, function)
        self.function = function
        self.name = _checked_name(name)
        if options.place is not None:
            check_whole(self.name, options.place.queue)
        self.settings = options
        self.is_async = inspect.iscoroutinefunction(function)
        self.signature = inspect.signature(function)

    @functools.cached_property
    def hints(self) -> Mapping[str, Any]:
        """Return the annotations."""
        return _hints(self.function)

    @property
    def known_names(self) -> Mapping[str, Any]:
        """Return the names of the function's module."""
        module = sys.modules.get(self.function.__module__)
        return vars(module) if module is not None else {}

    @property
    def job_types(self) -> tuple[str, ...]:
        """Return the routines that this code can run."""
        versions = (self.settings.version, *self.settings.replays)
        return tuple(job_type(self.name, version) for version in versions)

    def options(
        self,
        *,
        id: str | Callable[..., str] | UnsetType | None = UNSET,
        existing: str | None = None,
        when_left: WhenLeft | None = None,
        **place: Any,
    ) -> Workflow[P, R_co]:
        """Return the same workflow whose next instance has another id, or enters a queue otherwise.

        An id is started once; `None` makes another instance whatever the arguments. `existing` and
        `when_left` are as in `workflow`, and so are `queue`, `key`, `priority`, `fairness`, `dedup`
        and `delay`, but that texts are values, no paths; what is not given stays. Raises
        `InputError` when there is no queue to enter.
        """
        _refuse_unknown(place)
        changed = self.settings
        if id is not UNSET:
            made = id if id is None or callable(id) else constant(id)
            changed = structs.replace(changed, id=made)
        if existing is not None:
            changed = structs.replace(changed, existing=_checked_existing(existing))
        if when_left is not None:
            changed = structs.replace(changed, when_left=checked_left(when_left))
        if place:
            changed = structs.replace(changed, place=self._place(**place))
        return Workflow(self.function, self.name, changed)

    def _place(self, queue: Queue | str | None = None, **changes: Any) -> Place:
        known = self.settings.place
        if queue is None and known is None:
            raise InputError(f"expected a queue for workflow `{self.name}`, which declares none")
        if queue is not None:
            entered = place_of({"queue": queue, "delay": changes.get("delay")})
            assert entered is not None, "a queue makes a place"
            known = entered if known is None else structs.replace(known, queue=entered.queue)
        assert known is not None, "one of both has a queue"
        for name in ("key", "fairness", "dedup"):
            if name in changes:
                changes[name] = constant(changes[name])
        return structs.replace(known, **changes)

    def ask_place(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> PlaceAsk | None:
        """Return how an instance enters its queue, if it has one."""
        place = self.settings.place
        return None if place is None else place.ask(_bound(self.signature, args, kwargs))

    def id_of(self, *args: P.args, **kwargs: P.kwargs) -> str | None:
        """Return the id of an instance with these arguments, if the workflow has ids."""
        return None if self.settings.id is None else str(self.settings.id(*args, **kwargs))

    def encode_arguments(self, *args: P.args, **kwargs: P.kwargs) -> dict[str, bytes]:
        """Return the arguments of a call as variables. Raises `InputError` that names what does
        not fit.
        """
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise InputError(f"workflow `{self.name}`: {error}") from error
        return {
            name: codec.encode(value, where=f"argument `{name}` of workflow `{self.name}`")
            for name, value in bound.arguments.items()
        }

    def body(self, variables: Mapping[str, bytes]) -> Coroutine[Any, Any, R_co]:
        """Return the coroutine of the body. Raises `InputError` for arguments that do not fit."""
        arguments = {}
        for name, parameter in self.signature.parameters.items():
            data = variables.get(name)
            if data is not None:
                kind = self.hints.get(name, Any)
                where = f"argument `{name}` of workflow `{self.name}`"
                arguments[name] = codec.decode_argument(data, kind, where=where)
            elif parameter.default is inspect.Parameter.empty:
                raise InputError(f"workflow `{self.name}`: expected an argument `{name}`")
        if self.is_async:
            made: Coroutine[Any, Any, R_co] = self.function(**arguments)  # type: ignore[call-arg]
            return made
        return self._on_thread(arguments)

    async def _on_thread(self, arguments: dict[str, Any]) -> Any:
        routine = current()
        assert routine is not None, "a body runs within its routine"
        return await routine.run_on_thread(functools.partial(self.function, **arguments))

    def read_result(self, data: bytes) -> R_co:
        """Return a recorded result as the function gave it."""
        where = f"the result of workflow `{self.name}`"
        result: R_co = codec.decode(data, self.hints.get("return", Any), where=where)
        return result

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function; within a workflow this starts a child and waits for its end."""
        routine = current()
        if routine is None:
            result: R_co = self.function(*args, **kwargs)
            return result
        if current_body() is not None and not self.is_async:
            return typing.cast(R_co, wait(self.as_child(*args, **kwargs)))
        return typing.cast(R_co, self.as_child(*args, **kwargs))

    async def as_child(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Start a child workflow and return its result."""
        routine = current()
        if routine is None:
            result = self.function(*args, **kwargs)
            return await result if self.is_async else result
        variables = self.encode_arguments(*args, **kwargs)
        place = self.ask_place(args, kwargs)
        return await routine.wait_for(
            self.name,
            lambda key: CallProcess(
                key, self.name, variables, place=place, when_left=self.settings.when_left
            ),
            self._read_end,
        )

    def _read_end(self, data: bytes) -> R_co:
        """Return the result from the variables with which an instance ended."""
        return self.read_result(codec.encode(codec.decode(data).get("result"), where="the result"))


def job_type(name: str, version: int) -> str:
    """Return what workers of a workflow's version take."""
    return f"workflow:{name}:{version}"


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(*, name: str | None = None, **options: Any) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(
    function: Callable[..., Any] | None = None, /, *, name: str | None = None, **options: Any
) -> Any:
    """Declare a step: a function whose result is recorded.

    Options: `retries` (a number of attempts or a `Retry`), `timeout` of one attempt and `total` of
    all with their delays, `start_within` before the first and `heartbeat` between two signs of life
    (seconds, or texts such as `30s` and `PT30S`), `undo` (a step), `tx` (a function that opens a
    connection), `on` (`thread`, `process` or `ray`); `queue`, `key`, `priority`, `fairness`,
    `dedup` and `delay` say how calls enter a queue (`Queue`).
    """
    made = step_options(**options)

    def declare(one: Callable[P, R]) -> Step[P, R]:
        return Step(one, name or one.__name__, made)

    return declare if function is None else declare(function)


@overload
def workflow(function: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = None,
    version: int = 1,
    replays: tuple[int, ...] = (),
    id: Callable[..., str] | None = None,
    existing: str = "return",
    **place: Any,
) -> Callable[[Callable[P, R]], Workflow[P, R]]: ...
def workflow(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    version: int = 1,
    replays: tuple[int, ...] = (),
    id: Callable[..., str] | None = None,
    existing: str = "return",
    **place: Any,
) -> Any:
    """Declare a workflow. `replays` names the older versions whose records this code can replay.

    `id` makes the id of an instance from its arguments: an id is started once. Who starts it again
    gets the `existing` instance (`return`), or is refused (`reject`). `queue`, `key`,
    `priority`, `fairness`, `dedup` and `delay` say how instances enter a queue (`Queue`).
    `when_left` says what becomes of an instance that another one called and waits for no more: it
    is asked to end (`cancel`, as if none is given), ended at once (`terminate`), or left alone
    (`abandon`).
    """
    left = checked_left(place.pop("when_left", "cancel"))
    _refuse_unknown(place)
    options = WorkflowOptions(
        version, tuple(replays), id, place_of(place), _checked_existing(existing), left
    )

    def declare(one: Callable[P, R]) -> Workflow[P, R]:
        return Workflow(one, name or one.__name__, options)

    return declare if function is None else declare(function)


class Bundle:
    """Something that brings workflows of its own, such as a data pipeline."""

    workflows: tuple[Workflow[Any, Any], ...] = ()


def workflows_of(module: object) -> dict[str, Workflow[Any, Any]]:
    """Return the workflows that a module or namespace declares, by name."""
    members = list(vars(module).values()) if hasattr(module, "__dict__") else []
    found: dict[str, Workflow[Any, Any]] = {}
    brought = [one for member in members for one in _brought(member)]
    for member in brought:
        if found.setdefault(member.name, member) is not member:
            raise InputError(f"expected one workflow named `{member.name}`, got two")
    return found


def _brought(member: object) -> tuple[Workflow[Any, Any], ...]:
    if isinstance(member, Workflow):
        return (member,)
    return member.workflows if isinstance(member, Bundle) else ()


def seconds_of(value: float | str | None) -> float | None:
    """Return seconds of a number or a text such as `30s`, `5m`, `2h`, `3d` or `PT30S`.

    Raises `InputError` for what is none.
    """
    if value is None or isinstance(value, int | float):
        return value
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86_400}.get(value[-1:])
    number = value[:-1]
    if unit is not None and number.replace(".", "", 1).isdigit():
        return float(number) * unit
    return parse_fixed(value) / 1000


STEP_OPTIONS: Final = tuple(sorted({*StepOptions.__struct_fields__, *PLACE_OPTIONS} - {"place"}))


def step_options(**options: Any) -> StepOptions:
    """Return options as `step` takes them. Raises `InputError` for what cannot be."""
    asked = {name: options.pop(name) for name in PLACE_OPTIONS & set(options)}
    if asked:
        options["place"] = place_of(asked)
    unknown = set(options) - set(StepOptions.__struct_fields__)
    if unknown:
        raise InputError(
            f"expected step options among {', '.join(STEP_OPTIONS)}, got "
            f"{', '.join(sorted(unknown))}"
        )
    retries = options.get("retries", StepOptions().retries)
    if isinstance(retries, int):
        retries = Retry(attempts=retries)
    for name in ("timeout", "total", "start_within", "heartbeat"):
        options[name] = seconds_of(options.get(name))
    return StepOptions(**{**options, "retries": retries})


def _refuse_unknown(place: Mapping[str, Any]) -> None:
    unknown = set(place) - PLACE_OPTIONS
    if unknown:
        raise InputError(
            f"expected options of a workflow such as {', '.join(sorted(PLACE_OPTIONS))}, got "
            f"{', '.join(sorted(unknown))}"
        )


def checked_left(value: str) -> WhenLeft:
    """Return what becomes of a child that is left. Raises `InputError` for anything else."""
    if value not in typing.get_args(WhenLeft):
        known = ", ".join(typing.get_args(WhenLeft))
        raise InputError(f"expected `when_left` to be one of {known}, got {value!r}")
    return typing.cast(WhenLeft, value)


def _checked_existing(value: str) -> str:
    if value not in {"return", "reject"}:
        raise InputError(f"expected `existing` to be return or reject, got {value!r}")
    return value


def _bound(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    try:
        return signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InputError(f"expected arguments that fit {signature}: {error}") from error


def _checked_name(name: str) -> str:
    if not name or len(name) > NAME_LENGTH_MAX or _FORBIDDEN & set(name):
        raise InputError(
            f"expected a name of 1 to {NAME_LENGTH_MAX} characters without any of # @ . ( ) / :, "
            f"got {name!r}"
        )
    return name


def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):
        return {}
