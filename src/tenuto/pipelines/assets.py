"""Assets: functions whose values are kept, by partition, and what they are made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, ParamSpec, TypeVar

from msgspec import Struct

from tenuto.errors import InputError, TenutoError
from tenuto.pipelines.partitions import Partitions, Whole
from tenuto.workflows.define import Retry, seconds_of

P = ParamSpec("P")
R = TypeVar("R")

PARTITION: Final = "partition"
POLL_SECONDS: Final = 300.0
Ready = Callable[[str, int], bool]


class CheckFailed(TenutoError):
    """A value did not pass a check that gates: it is not kept, and what needs it is not made."""


class Check:
    """A question to a value of an asset. One that gates keeps bad values out; another warns."""

    def __init__(self, function: Callable[[Any], Any], *, blocking: bool) -> None:
        """Ask a function: true passes, false or a text that says what is wrong does not."""
        self.function = function
        self.name = function.__name__
        self.blocking = blocking

    def __call__(self, value: Any) -> str | None:
        """Return what is wrong with a value, or nothing."""
        found = self.function(value)
        if found is True or found is None:
            return None
        return f"{self.name}: {found}" if isinstance(found, str) else self.name


def check(function: Callable[[Any], Any] | None = None, /, *, blocking: bool = True) -> Any:
    """Declare a check of values: it returns true, or false or a text that says what is wrong."""

    def declare(one: Callable[[Any], Any]) -> Check:
        return Check(one, blocking=blocking)

    return declare if function is None else declare(function)


class Use(Struct, frozen=True):
    """What of another asset is used: the value of the same partition, or of several by their
    keys.
    """

    asset: str
    which: str = "same"
    count: int = 0


def every(asset: Asset[Any, Any] | str) -> Use:
    """Use all partitions of an asset: a dict by their keys."""
    return Use(_name_of(asset), "every")


def last(asset: Asset[Any, Any] | str, count: int) -> Use:
    """Use the last `count` partitions of an asset up to the same one: a dict by their keys."""
    if count < 1:
        raise InputError(f"expected at least 1 partition, got {count}")
    return Use(_name_of(asset), "last", count)


def _name_of(asset: Asset[Any, Any] | str) -> str:
    return asset if isinstance(asset, str) else asset.name


class Asset(Generic[P, R]):
    """A function whose value is kept by partition. It is called as what it is: a function."""

    def __init__(  # noqa: PLR0913  (one parameter for each thing that an asset may say)
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        partitions: Partitions | None = None,
        uses: Mapping[str, Use | Asset[Any, Any] | str] | None = None,
        checks: Sequence[Check] = (),
        retries: int | Retry = 3,
        timeout: float | str | None = None,
        version: str = "1",
        cached: bool = True,
        freshness: str | None = None,
        ready: Ready | None = None,
        poll: float | str = POLL_SECONDS,
    ) -> None:
        """Describe an asset.

        - Parameters that have the name of an asset get its value; `partition` gets the key. `uses`
          names others, `every(...)` or `last(..., n)`.
        - `cached`: it is not made again of the same values by the same `version` of its code.
        - `ready(partition, now)` is asked every `poll` until the data is there (`now` in Unix
          milliseconds).
        - `freshness`: how old its last value may be.
        """
        self.function = function
        self.name = name or function.__name__
        self.partitions = partitions or Whole()
        self.checks = tuple(checks)
        self.retries = Retry(attempts=retries) if isinstance(retries, int) else retries
        self.timeout = seconds_of(timeout)
        self.version = version
        self.cached = cached
        self.freshness = seconds_of(freshness)
        self.ready = ready
        self.poll = seconds_of(poll) or POLL_SECONDS
        self.is_async = inspect.iscoroutinefunction(function)
        self.__doc__ = function.__doc__
        given = {
            name: one if isinstance(one, Use) else Use(_name_of(one))
            for name, one in (uses or {}).items()
        }
        self.wants_partition = False
        self.uses: dict[str, Use] = {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name == PARTITION:
                self.wants_partition = True
            elif parameter.name in given:
                self.uses[parameter.name] = given.pop(parameter.name)
            elif parameter.default is inspect.Parameter.empty:
                self.uses[parameter.name] = Use(parameter.name)
        if given:
            raise InputError(
                f"asset `{self.name}`: expected a parameter for each of `uses`, but it has none "
                f"named {', '.join(given)}"
            )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function."""
        return self.function(*args, **kwargs)


def asset(function: Callable[P, R] | None = None, /, **options: Any) -> Any:
    """Declare an asset; options are those of `Asset`."""

    def declare(one: Callable[P, R]) -> Asset[P, R]:
        return Asset(one, **options)

    return declare if function is None else declare(function)


def in_order(assets: Sequence[Asset[Any, Any]]) -> list[Asset[Any, Any]]:
    """Return assets so that each comes after those that it uses.

    Raises `InputError` that names both ends: for one that is used and not there, for partitions
    that do not fit, and for those that use each other in a circle.
    """
    known: dict[str, Asset[Any, Any]] = {}
    for one in assets:
        if known.setdefault(one.name, one) is not one:
            raise InputError(f"expected one asset named `{one.name}`, got two")
    _check_uses(known)
    found: list[Asset[Any, Any]] = []
    state: dict[str, bool] = {}

    def visit(one: Asset[Any, Any], path: tuple[str, ...]) -> None:
        if state.get(one.name):
            return
        if one.name in path:
            circle = " > ".join((*path[path.index(one.name) :], one.name))
            raise InputError(f"expected assets without a circle, got {circle}")
        for use in one.uses.values():
            visit(known[use.asset], (*path, one.name))
        state[one.name] = True
        found.append(one)

    for one in assets:
        visit(one, ())
    return found


def _check_uses(known: dict[str, Asset[Any, Any]]) -> None:
    for one in known.values():
        for parameter, use in one.uses.items():
            other = known.get(use.asset)
            if other is None:
                raise InputError(
                    f"asset `{one.name}`: expected an asset `{use.asset}` for its parameter "
                    f"`{parameter}`, but there is none; there are {', '.join(known)}"
                )
            _check_fit(one, other, use)


def _check_fit(one: Asset[Any, Any], other: Asset[Any, Any], use: Use) -> None:
    if use.which == "last" and isinstance(other.partitions, Whole):
        raise InputError(
            f"asset `{one.name}`: expected `{other.name}` to have partitions of time to use its "
            f"last {use.count}, but it has none; use `{other.name}` itself"
        )
    if use.which == "every" or isinstance(other.partitions, Whole):
        return
    if are_alike(one.partitions, other.partitions):
        if use.which == "last" and not hasattr(one.partitions, "before"):
            raise InputError(
                f"asset `{one.name}`: expected partitions of time to use the last {use.count} of "
                f"`{other.name}`"
            )
        return
    raise InputError(
        f"asset `{one.name}`: expected the partitions of `{other.name}` ({other.partitions}) to be "
        f"its own ({one.partitions}); use `every({other.name})`, or part them alike"
    )


def are_alike(one: Partitions, other: Partitions) -> bool:
    """Tell whether two things are parted in the same way."""
    return one is other or (type(one) is type(other) and str(one) == str(other))
