"""The past of a decision: its deployed model and its recorded inputs, of a file or a server."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from tenuto.cli.database import Place, blocking, reading_file
from tenuto.errors import InputError

if TYPE_CHECKING:
    from tenuto.dmn import Model

Recorded = Iterator[tuple[str, dict[str, Any]]]


class Past(Protocol):
    """Where the past of decisions is kept."""

    def model(self, decision: str) -> Model:
        """Return the newest deployed model that has a decision of this id or name."""

    def inputs(self, decision: str, since: int) -> Recorded:
        """Yield (instance key, inputs) of the evaluations at or after Unix milliseconds."""


class FilePast:
    """The past in a database file, which is opened when it is asked."""

    def __init__(self, database: str, stack: contextlib.ExitStack) -> None:
        """Read `database` until the stack is left."""
        self._read = functools.cache(lambda: stack.enter_context(reading_file(database)))

    def model(self, decision: str) -> Model:
        """Return the newest deployed model that has a decision of this id or name."""
        from tenuto.client.recorded import deployed_model

        return deployed_model(self._read(), decision)

    def inputs(self, decision: str, since: int) -> Recorded:
        """Yield (instance key, inputs) of the evaluations at or after Unix milliseconds."""
        from tenuto.client.recorded import recorded_inputs

        return recorded_inputs(self._read(), decision, since=since)


class ServerPast:
    """The past that a server tells."""

    def __init__(self, place: Place, stack: contextlib.ExitStack) -> None:
        """Ask the server of a place until the stack is left."""
        self._client = functools.cache(lambda: stack.enter_context(blocking(place)))

    def model(self, decision: str) -> Model:
        """Return the newest deployed model that has a decision of this id or name."""
        from tenuto import dmn

        client = self._client()
        known = [one for part in client.parts("/decisions") for one in part["items"]]
        for names in ("id", "name"):
            for one in known:
                if one[names] == decision:
                    return dmn.load(client.decision_model(one["id"]))
        raise InputError(
            f"expected a deployed decision `{decision}`, got "
            f"{', '.join(one['id'] for one in known) or 'none'}; name the model that decided with "
            "--old"
        )

    def inputs(self, decision: str, since: int) -> Recorded:
        """Yield (instance key, inputs) of the evaluations at or after Unix milliseconds."""
        from tenuto.client.views import moment

        return self._client().evaluations(decision, since=moment(since) if since > 0 else None)


@contextlib.contextmanager
def past_of(place: Place) -> Iterator[Past]:
    """Give the past of the server at a URL, if there is one, else of the file."""
    with contextlib.ExitStack() as stack:
        if place.url is None:
            yield FilePast(place.database, stack)
        else:
            yield ServerPast(place, stack)
