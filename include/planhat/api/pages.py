"""One pass over a list that somebody else changes meanwhile, without losing a row.

A list is an array of rows at an offset: no total, no cursor, and perhaps fewer rows than were asked
for. Rows are asked for in the order of their ids, which never change. A page that begins at or
before the last row known holds everything up to its own end that was there all along; so each page
overlaps the one before by a row, and steps back where that row is gone (something before it was
deleted, and rows moved up). It ends at an empty page, and at nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from include.planhat.api.errors import RefusedError

# A limit that every model takes, as far as is known; one that is refused is halved down to the
# least, which is what comes unasked.
LIMIT = 2_000
LEAST_LIMIT = 100

UNSORTED = "its rows do not come in the order of their ids, as they were asked for"
ALONE = "a page had only the row with which it began, so that nothing shows what lay between"
NAMELESS = "a page had rows without an _id only"


class Row(NamedTuple):
    """A row as it came, and its id where it has one."""

    id: str | None
    raw: bytes


@dataclass(frozen=True)
class Position:
    """How far a pass is. `offset`: behind the last row known, as the list stood then."""

    offset: int = 0
    last_id: str | None = None
    limit: int = LIMIT
    is_sorted: bool = True
    has_ended: bool = False
    # why what was not seen may be there all the same; None: the overlaps held
    doubt: str | None = None


Fetch = Callable[[int, int], list[msgspec.Raw]]


class _Identity(msgspec.Struct):
    id: Any = msgspec.field(default=None, name="_id")


def next_page(fetch: Fetch, position: Position) -> tuple[list[Row], Position]:
    """The rows that are new, and how far the pass is with them; no rows when it has ended.

    `fetch(offset, limit)` gives a page. Raises what that raises.
    """
    if position.last_id is None:
        rows, position = _fetched(fetch, position, position.offset)
        return rows, _behind(position, rows, position.offset)
    while True:
        at, rows, position = _overlapping(fetch, position)
        if new := _new(rows, position):
            return new, _behind(position, rows, at)
        after = at + len(rows)
        if len(rows) > 1:  # stepped back far: on from where that page ended
            position = replace(position, offset=after)
            continue
        behind, position = _fetched(fetch, position, after)
        if not behind:
            return [], replace(position, has_ended=True)
        # The overlap alone, and something behind it: made just now, or pages have one row each.
        again, position = _fetched(fetch, position, at)
        if _holds(again, position) and (new := _new(again, position)):
            return new, _behind(position, again, at)
        position = replace(position, doubt=position.doubt or ALONE)
        return _new(behind, position), _behind(position, behind, after)


def _overlapping(fetch: Fetch, position: Position) -> tuple[int, list[Row], Position]:
    """A page that holds the last row known, or began before it: (its offset, its rows, …)."""
    back = 1
    while True:
        at = max(position.offset - back, 0)
        rows, position = _fetched(fetch, position, at)
        if at == 0 or _holds(rows, position):
            return at, rows, position
        back *= 10


def _fetched(fetch: Fetch, position: Position, at: int) -> tuple[list[Row], Position]:
    """A page, with a smaller limit where the limit is refused."""
    while True:
        try:
            page = fetch(at, position.limit)
        except RefusedError as error:
            if error.status != 400 or position.limit <= LEAST_LIMIT:
                raise
            position = replace(position, limit=max(position.limit // 2, LEAST_LIMIT))
        else:
            break
    rows = [Row(_id_of(raw), bytes(raw)) for raw in page]
    ids = [row.id for row in rows if row.id is not None]
    if position.is_sorted and ids != sorted(ids):
        position = replace(position, is_sorted=False, doubt=UNSORTED)
    return rows, position


def _id_of(raw: msgspec.Raw) -> str | None:
    try:
        identifier = msgspec.json.decode(raw, type=_Identity).id
    except msgspec.DecodeError:
        return None
    return identifier.lower() if isinstance(identifier, str) and identifier else None


def _holds(rows: list[Row], position: Position) -> bool:
    """Whether nothing can lie unseen between the last row known and this page."""
    assert position.last_id is not None
    ids = [row.id for row in rows if row.id is not None]
    if not ids:
        return False
    return ids[0] <= position.last_id if position.is_sorted else position.last_id in ids


def _new(rows: list[Row], position: Position) -> list[Row]:
    """The rows behind the last one known."""
    known = [
        place
        for place, row in enumerate(rows)
        if row.id is not None and _is_known(row.id, position)
    ]
    return rows[known[-1] + 1 :] if known else rows


def _is_known(identifier: str, position: Position) -> bool:
    assert position.last_id is not None
    return identifier <= position.last_id if position.is_sorted else identifier == position.last_id


def _behind(position: Position, rows: list[Row], at: int) -> Position:
    """The position behind a page that began at `at`. An empty one is the end."""
    if not rows:
        return replace(position, has_ended=True)
    # The last row with an id: one without could not be found again.
    named = [place for place, row in enumerate(rows) if row.id is not None]
    if not named:
        return replace(
            position, offset=at + len(rows), last_id=None, doubt=position.doubt or NAMELESS
        )
    ids = [row.id for row in rows if row.id is not None]
    last = max(*ids, position.last_id or "") if position.is_sorted else ids[-1]
    return replace(position, offset=at + named[-1] + 1, last_id=last)
