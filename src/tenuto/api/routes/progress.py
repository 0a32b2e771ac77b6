"""How far the engine is: is there work that somebody could do now, and which rules matched so far.

Whoever has started many instances asks this, to know when nothing moves any more and what came out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct, field

from tenuto.api.evaluations import Place, matches
from tenuto.api.http import Request, Response, json_response
from tenuto.api.keys import instance_number
from tenuto.api.pages import Paged, place_of
from tenuto.api.problems import Problem
from tenuto.api.routes.decisions import since_of
from tenuto.api.routing import Route
from tenuto.governance.permits import Permission

if TYPE_CHECKING:
    from tenuto.api.service import Service
    from tenuto.client.reading import Reading
    from tenuto.runtime.loop import Corridor

CURSOR: Final = "matched-rules"
TURNS_PER_LIMIT: Final = 2
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Text = Annotated[str, Meta(max_length=40)]


class OfTypes(Struct, forbid_unknown_fields=True):
    """Jobs of which types; those whose back-off ends `within` so many seconds count too."""

    type: Annotated[list[Name], Meta(max_length=100)] = field(default_factory=list)
    within: Annotated[float, Meta(ge=0, le=86_400)] = 0.0


class AtHand(Struct):
    """What moves without a person, a message or a later timer.

    `leased` jobs are held by workers of the types, `ready` says that one may be leased, `busy` that
    the engine itself has work.
    """

    leased: int
    ready: bool
    busy: bool


class FindMatches(Paged, kw_only=True):
    """Evaluations at or after `since` (ISO 8601), of instances with a key of at least `instance`.

    Twice `limit` turns are read for a part.
    """

    since: Text | None = None
    instance: Text | None = None


class MatchedCount(Struct):
    """How often a rule of a decision matched. `index` is its number as drawn, from 1, null where no
    rule did.
    """

    decision: str
    index: int | None
    annotation: str
    count: int


class MatchedPart(Struct):
    """Matches in a part of the journal; the next part begins at `next`."""

    rules: list[MatchedCount]
    next: str | None


async def show_at_hand(service: Service, request: Request) -> Response:
    """Tell whether anything is left to do, between two commits of the engine."""
    given = request.query(OfTypes)

    def look(corridor: Corridor) -> AtHand:
        now, types = corridor.clock.now(), given.type
        timer = corridor.store.next_timer_due()
        return AtHand(
            corridor.leases.count_of(types),
            bool(types)
            and bool(corridor.store.ready_jobs(types, now + int(given.within * 1000), 1)),
            bool(corridor.hops or corridor.retry)
            or not corridor.inbox.empty()
            or (timer is not None and timer <= now),
        )

    return json_response(await service.on_corridor(look))


async def count_matches(service: Service, request: Request) -> Response:
    """Count which rules matched, in a part of the journal."""
    given = request.query(FindMatches)
    place = place_of(service.cursors, CURSOR, given, list)
    after = None if place is None else Place(*place)
    since = 0 if given.since is None else since_of(given.since)
    first = 0 if given.instance is None else _key(given.instance)
    turns = given.limit * TURNS_PER_LIMIT

    def look(read: Reading) -> tuple[list[MatchedCount], Place | None]:
        counted, following = matches(read, since, first, after, turns)
        return [MatchedCount(*rule, count) for rule, count in counted.items()], following

    rules, following = await service.reading(look)
    told = None if following is None else service.cursors.close(CURSOR, following)
    return json_response(MatchedPart(rules, told))


def _key(text: str) -> int:
    found = instance_number(text)
    if found is None:
        raise Problem("invalid-query", f"expected the key of an instance, got `{text[:40]}`")
    return found


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/jobs/at-hand",
        endpoint=show_at_hand,
        name="getAtHand",
        summary="Tell whether anything is left to do for workers of some job types",
        tag="jobs",
        permission=Permission.JOBS_READ,
        query=OfTypes,
        answer=AtHand,
    ),
    Route(
        method="GET",
        path="/api/v1/matched-rules",
        endpoint=count_matches,
        name="countMatches",
        summary="Count which rules of decisions matched, part by part",
        tag="decisions",
        permission=Permission.INSTANCES_READ,
        query=FindMatches,
        answer=MatchedPart,
        problems=("invalid-cursor",),
    ),
)
