"""Pages of lists: how many, and where the next one begins.

A cursor is sealed and bound to its list, so a page never begins where this server did not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar

from msgspec import Meta, Struct

from tenuto.api.problems import Problem

if TYPE_CHECKING:
    from tenuto.api.seals import Seals

T = TypeVar("T")

LIMIT_MAX: Final = 1_000
LIMIT_DEFAULT: Final = 100
# What a filter that no index serves reads at most for one page.
SCAN_MAX: Final = 2_000

Limit = Annotated[int, Meta(ge=1, le=LIMIT_MAX)]
CursorText = Annotated[str, Meta(max_length=2_048)]


class Paged(Struct, forbid_unknown_fields=True, kw_only=True):
    """A list's query: at most `limit` items, from where `next` of the page before says."""

    limit: Limit = LIMIT_DEFAULT
    cursor: CursorText | None = None


class Items(Struct, Generic[T]):
    """One page; `next` is the cursor of the page after it, null at the end.

    A page that a filter thinned out may hold few items, or none, and still have a next one.
    """

    items: list[T]
    next: str | None = None


def place_of(seals: Seals, about: str, paged: Paged, kind: type[T]) -> T | None:
    """Return where a page begins; nothing for the first.

    Raises `Problem` (invalid-cursor) for a cursor that was not given for this list.
    """
    if paged.cursor is None:
        return None
    try:
        place = seals.open(about, paged.cursor)
    except ValueError:
        raise Problem(
            "invalid-cursor",
            "expected a cursor as `next` of an earlier page of this list gave it; ask for the "
            "first page without one",
        ) from None
    assert isinstance(place, kind), "a sealed cursor is what this server put into it"
    return place


def page(seals: Seals, about: str, items: list[Any], place: object) -> Items[Any]:
    """Return a page whose next one begins at `place`; None is the end."""
    return Items(items, None if place is None else seals.close(about, place))
