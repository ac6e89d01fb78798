"""What Planhat has, asked of its API and put into temporary tables, page by page."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import islice
from typing import Any

import msgspec
import psycopg

from include.blank import cut
from include.compare.days import EPOCH, Days
from include.counting import counted
from include.planhat.api.client import METRIC_ROWS, Client
from include.planhat.api.pages import UNSORTED, Position, next_page
from include.planhat.reading import SILENCE

Say = Callable[[str], None]
Row = tuple[Any, ...]

_FIELDS = "companyId,externalId,email,createdAt,createDate,lastActive"
# Rows that are copied at a time.
_CHUNK = 5_000
# Where Planhat has nothing under a metric's name, so many pages of all its metrics are looked
# through for another spelling of it.
SPELLING_PAGES = 50

_NUMBER = r"^[+-]?([0-9]{1,40}[.]?[0-9]{0,40}|[.][0-9]{1,40})([eE][+-]?[0-9]{1,2})?$"


class Progress:
    """Says how far something is that takes long."""

    def __init__(self, what: str, say: Say) -> None:
        self._what = what
        self._say = say
        self._count = 0
        self._said = time.monotonic()

    def each(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The same rows, counted."""
        for row in rows:
            yield row
            self._count += 1
            if time.monotonic() - self._said > SILENCE:
                self._said = time.monotonic()
                self._say(f"  {self._what}: {self._count:,} so far")


def load_endusers(connection: psycopg.Connection, client: Client, say: Say) -> list[str]:
    """Make `their_enduser`, a row each that Planhat has, archived ones too; returns remarks.

    `made_on`, `active_on`: UTC days. Raises `PlanhatError`.
    """
    connection.execute(
        "create temporary table incoming_enduser (place bigint generated always as identity,"
        " id text, company_id text, external_id text, email text, made_at text, active_at text)"
    )
    say("asking Planhat for its endusers")
    doubts: list[str] = []
    progress = Progress("endusers", say)
    for archived in ({}, {"archived": "true"}):
        _copy(
            connection,
            "copy incoming_enduser (id, company_id, external_id, email, made_at, active_at)"
            " from stdin",
            progress.each(_endusers(client, archived, doubts)),
        )
    connection.execute(
        """
        create temporary table their_enduser as
        select distinct on (id)
            id, company_id, external_id,
            lower(email collate sync.letter_case) collate "default" as email,
            (raw_segment.read_time(made_at) at time zone 'UTC')::date as made_on,
            (raw_segment.read_time(active_at) at time zone 'UTC')::date as active_on,
            -- sent by us and read back: not of the integration's making
            exists (
                select from raw_planhat.objects
                where model = 'enduser' and planhat_id = incoming_enduser.id and made_by_us
            ) as is_ours,
            false as is_in
        from incoming_enduser
        -- an object that is listed twice moved while the list was read
        order by id, place desc
        """
    )
    connection.execute("drop table incoming_enduser")
    for columns in ("id", "company_id, external_id", "external_id", "email"):
        connection.execute(f"create index on their_enduser ({columns})")
    connection.execute("analyze their_enduser")
    remarks = []
    if doubts:
        remarks.append(
            "Planhat's list of endusers moved while it was read, and may lack some: compare again."
        )
    undated, unread = connection.execute(
        "select count(*) filter (where made_on is null and not is_ours), count(*)"
        " from their_enduser"
    ).fetchone()  # type: ignore[misc]
    if undated:
        remarks.append(
            f"Planhat does not say when it made {undated:,} of {counted(unread, 'enduser')}: "
            "those that calls do not name are not compared."
        )
    return remarks


def _endusers(client: Client, archived: dict[str, str], doubts: list[str]) -> Iterator[Row]:
    params = {"select": _FIELDS, "sort": "_id", **archived}

    def fetch(offset: int, limit: int) -> list[msgspec.Raw]:
        return client.page("endusers", {**params, "limit": limit, "offset": offset})

    position, pages = Position(), 0
    while not position.has_ended:
        new, position = next_page(fetch, position)
        pages += bool(new)
        for row in new:
            if row.id is None:
                continue
            found = msgspec.json.decode(row.raw)
            yield (
                row.id,
                *(_key(found.get(name)) for name in ("companyId", "externalId", "email")),
                _said(found.get("createdAt")) or _said(found.get("createDate")),
                _said(found.get("lastActive")),
            )
    # what came in one page was whole, in whatever order
    if position.doubt is not None and not (position.doubt == UNSORTED and pages <= 1):
        doubts.append(position.doubt)


def load_metrics(
    connection: psycopg.Connection, client: Client, dimensions: list[str], days: Days, say: Say
) -> list[str]:
    """Make `their_metric`, a row each value of these metrics and days; returns remarks.

    `dimension` is ours, `spelled` what Planhat calls it. Raises `PlanhatError`.
    """
    connection.execute(
        "create temporary table their_metric (row_id text, dimension text, spelled text,"
        " planhat_id text, day date, said text)"
    )
    remarks: list[str] = []
    unread = 0
    absent = []
    for number, dimension in enumerate(dimensions, 1):
        say(f"asking Planhat for the metric {dimension} ({number} of {len(dimensions)})")
        count, left = _load_metric(connection, client, dimension, dimension, days, say)
        unread += left
        if not count:
            absent.append(dimension)
    if absent:
        names, is_whole = _other_spellings(client, absent, days, say)
        for dimension, spelled in names.items():
            say(f"asking Planhat for the metric {spelled}, its spelling of {dimension}")
            unread += _load_metric(connection, client, dimension, spelled, days, say)[1]
        if not is_whole:
            remarks.append(
                "Planhat has too many metrics to look through all of them for another spelling "
                f"of {', '.join(sorted(set(absent) - names.keys()))}."
            )
    connection.execute(
        "alter table their_metric add column value numeric generated always as"
        f" (case when said ~ '{_NUMBER}' then said::numeric end) stored"
    )
    connection.execute(
        # a page that moved gives a row twice
        "delete from their_metric as one using their_metric as other"
        " where one.row_id = other.row_id and one.ctid < other.ctid"
    )
    connection.execute("analyze their_metric")
    if unread:
        remarks.append(
            f"{counted(unread, 'row')} of Planhat's metrics named no object or no day, and "
            "cannot be compared."
        )
    return remarks


def _load_metric(
    connection: psycopg.Connection,
    client: Client,
    dimension: str,
    spelled: str,
    days: Days,
    say: Say,
) -> tuple[int, int]:
    """Copy one metric's rows; how many came, and how many could not be read."""
    came = unread = 0

    def rows() -> Iterator[Row]:
        nonlocal came, unread
        for found in client.dimensions(spelled, *days.numbers):
            if found.get("dimensionId") != spelled:
                continue
            owner, day = _key(found.get("parentId")), _day(found)
            if owner is None or day is None:
                unread += 1
            elif days.first <= day <= days.last:
                came += 1
                yield (
                    _key(found.get("_id")), dimension, spelled, owner.lower(), day,
                    _said(found.get("value")),
                )  # fmt: skip

    progress = Progress(spelled, say)
    _copy(connection, "copy their_metric from stdin", progress.each(rows()))
    return came, unread


def _other_spellings(
    client: Client, absent: list[str], days: Days, say: Say
) -> tuple[dict[str, str], bool]:
    """Ours → Planhat's name that differs in case and punctuation only; whether all was seen."""
    wanted = {_bare(each): each for each in absent}
    found: dict[str, str] = {}
    first, last = days.numbers
    say(f"looking for other spellings of {', '.join(absent)}")
    offset = 0
    for _ in range(SPELLING_PAGES):
        asked = {"from": first, "to": last, "limit": METRIC_ROWS, "offset": offset}
        rows = client.page("dimensiondata", {"sort": "_id", **asked})
        if not rows:
            return found, True
        for row in map(msgspec.json.decode, rows):
            spelled = row.get("dimensionId") if isinstance(row, dict) else None
            if isinstance(spelled, str) and (ours := wanted.get(_bare(spelled))):
                found.setdefault(ours, spelled)
        offset += len(rows)
        if len(found) == len(wanted):
            return found, True
    return found, False


def _copy(connection: psycopg.Connection, query: str, rows: Iterable[Row]) -> None:
    """Copy rows, some thousand at a time: no statement lasts as long as Planhat's answers."""
    rows = iter(rows)
    while chunk := list(islice(rows, _CHUNK)):
        with connection.cursor() as cursor, cursor.copy(query) as stream:
            for row in chunk:
                stream.write_row(row)


def _day(found: dict[str, Any]) -> date | None:
    number = found.get("day")
    try:
        if isinstance(number, int | float) and not isinstance(number, bool):
            return EPOCH + timedelta(days=int(number))
        return date.fromisoformat(str(found.get("time") or found.get("date"))[:10])
    except (ValueError, OverflowError):
        return None


def _key(value: Any) -> str | None:
    """An id as calls would say it: without blanks at its ends, numbers without a fraction of 0."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return cut(text).replace("\0", "") or None


def _said(value: Any) -> str | None:
    return None if value is None else cut(str(value).replace("\0", ""))[:200]


def _bare(dimension: str) -> str:
    return re.sub(r"[\W_]", "", dimension).lower()
