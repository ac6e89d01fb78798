"""The statement that lands calls: events, quarantine and books, in one transaction.

Arrays are sent in Postgres's binary form, built here from the bytes of the calls: nothing is
decoded, quoted or copied once more than needed, and one prepared statement serves any number.
"""

import os
import struct
import time
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from itertools import pairwise
from typing import TypeVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from include.collector.event import Bad, Row

# `landed` tells the new rows from the duplicates. The list of them is made only when it is needed:
# when something was a duplicate, which is also when payloads are compared. duplicates = received -
# quarantined - turned away - landed; spooled stays 0, because what waits on disk is in nobody's
# books yet.
_LAND = """
with load as (
    insert into raw_segment.loads (token) values (%(token)s) returning load_id
),
landed as (
    insert into raw_segment.events
        (message_id, source, type, received_at, payload, load_id, field_rules)
    select
        e.message_id, e.source, e.type, e.received_at, e.payload::jsonb, load.load_id,
        coalesce(e.field_rules, '')
    from
        unnest(
            %(message_ids)s::text[], %(sources)s::text[], %(types)s::text[],
            %(received_ats)s::timestamptz[], %(payloads)s::text[], %(field_rules)s::text[]
        ) as e (message_id, source, type, received_at, payload, field_rules),
        load
    on conflict (message_key) do nothing
    returning message_id, source, received_at
),
quarantined as (
    insert into raw_segment.quarantine
        (received_at, source, reason, detail, payload, envelope, message_id, field_rules)
    select *
    from unnest(
        %(bad_received_ats)s::timestamptz[], %(bad_sources)s::text[], %(bad_reasons)s::text[],
        %(bad_details)s::text[], %(bad_texts)s::text[], %(bad_envelopes)s::text[],
        %(bad_message_ids)s::text[], %(bad_field_rules)s::text[]
    )
),
replayed as (
    update raw_segment.quarantine set replayed_at = now()
    where quarantine_id = any(%(replayed)s::bigint[])
),
unkept as (
    delete from raw_segment.quarantine where quarantine_id = any(%(unkept)s::bigint[])
),
landed_by_hour as (
    select source, date_trunc('hour', received_at, 'UTC') as hour, count(*) as events
    from landed
    group by 1, 2
),
differing as (
    select d.source, d.hour, d.calls
    from
        raw_segment.differing(
            %(message_ids)s::text[], %(sources)s::text[], %(received_ats)s::timestamptz[],
            %(payloads)s::text[], array(select message_id from landed), %(repeated)s::text[]
        ) as d
    where (select count(*) from landed) < %(expected)s::bigint
),
books as (
    insert into raw_segment.intake as i
        (
            source, hour, received, landed, duplicates, quarantined, differing, made_ids,
            turned_away
        )
    select
        b.source, b.hour, b.received, coalesce(l.events, 0),
        b.received - b.quarantined - b.turned_away - coalesce(l.events, 0),
        b.quarantined, coalesce(d.calls, 0), b.made_ids, b.turned_away
    from
        unnest(
            %(book_sources)s::text[], %(book_hours)s::timestamptz[], %(book_received)s::bigint[],
            %(book_quarantined)s::bigint[], %(book_made_ids)s::bigint[],
            %(book_turned_away)s::bigint[]
        ) as b (source, hour, received, quarantined, made_ids, turned_away)
        left join landed_by_hour as l using (source, hour)
        left join differing as d using (source, hour)
    order by b.source, b.hour
    on conflict (source, hour) do update set
        received = i.received + excluded.received,
        landed = i.landed + excluded.landed,
        duplicates = i.duplicates + excluded.duplicates,
        quarantined = i.quarantined + excluded.quarantined,
        differing = i.differing + excluded.differing,
        made_ids = i.made_ids + excluded.made_ids,
        turned_away = i.turned_away + excluded.turned_away
),
rule_books as (
    insert into raw_segment.field_rule_hours as r (source, hour, rule_id, calls)
    select *
    from
        unnest(
            %(rule_sources)s::text[], %(rule_hours)s::timestamptz[], %(rule_ids)s::bigint[],
            %(rule_calls)s::bigint[]
        )
    on conflict (source, hour, rule_id) do update set calls = r.calls + excluded.calls
)
select
    case
        when (select count(*) from landed) < %(expected)s::bigint
        then array(select message_id from landed)
    end
"""

# After a lost connection: did the transaction with this token commit, and what did it land?
_ASK = """
with load as (
    select load_id
    from raw_segment.loads
    where token = %(token)s
)
select
    array(
        select e.message_id
        from raw_segment.events as e, load
        where
            e.message_key = any(
                select md5(message_id)::uuid from unnest(%(message_ids)s::text[]) as m (message_id)
            )
            and e.load_id = load.load_id
    )
from load
"""


class Origin(Enum):
    """Where a parcel was before: in nobody's books, or in those of the quarantine."""

    CLIENT = "client"
    QUARANTINE = "quarantine"


@dataclass(slots=True, frozen=True)
class Parcel:
    """Calls that came together: of one source, received at one time."""

    source: str
    rows: list[Row]
    bad: list[Bad]
    received_at: datetime
    origin: Origin = Origin.CLIENT
    # The quarantine's ids of the rows, if they come from there.
    replayed: list[int] = field(default_factory=list)
    # How many message ids were made for its calls.
    made_ids: int = 0
    # Calls of suppressed people that came with them: nothing else is kept of those. If they come
    # from the quarantine, the ids of its rows, which go.
    turned_away: int = 0
    unkept: list[int] = field(default_factory=list)

    def without(self, refused: list[Bad]) -> "Parcel":
        """The same calls, with those that Postgres refused among the bad ones."""
        places = {each.place for each in refused}
        rows = [row for row in self.rows if row.place not in places]
        return replace(self, rows=rows, bad=sorted([*self.bad, *refused]))

    @property
    def hour(self) -> datetime:
        """The hour, in UTC, in whose books the parcel is."""
        return self.received_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)

    @property
    def books(self) -> tuple[int, int, int, int]:
        """What the hour's received, quarantined, made ids and turned away gain; the insert tells
        landed.
        """
        calls = len(self.rows) + len(self.bad) + self.turned_away
        return (
            calls if self.origin is Origin.CLIENT else 0,
            len(self.bad) - (calls if self.origin is Origin.QUARANTINE else 0),
            self.made_ids,
            self.turned_away,
        )


@dataclass(slots=True, frozen=True)
class Outcome:
    """What became of a parcel's calls."""

    accepted: int
    duplicates: int
    quarantined: list[Bad]
    turned_away: int = 0


def new_token() -> uuid.UUID:
    """A mark for a group of calls; later ones are greater, so that their index stays small."""
    stamp = (time.time_ns() // 1_000_000) << 80
    return uuid.UUID(int=stamp | int.from_bytes(os.urandom(10), "big"))


async def land(
    connection: psycopg.AsyncConnection, parcels: list[Parcel], token: uuid.UUID
) -> list[Outcome]:
    """Land the parcels in one transaction; an outcome each, in their order.

    The connection must be in autocommit: the statement is the transaction. Raises psycopg's
    errors; then nothing was landed, unless the connection was lost: `landed_before` knows. With
    a token that has landed already, it lands nothing and says what became of it then.
    """
    parameters = _parameters(parcels, token)
    try:
        cursor = await connection.execute(_LAND, parameters, prepare=True)
    except psycopg.errors.UniqueViolation as error:
        before = None
        if error.diag.constraint_name == "loads_token_key":
            before = await landed_before(connection, parcels, token)
        if before is None:
            raise
        return before
    found = await cursor.fetchone()
    return _outcomes(parcels, found[0] if found else None)


async def why_refused(
    connection: psycopg.AsyncConnection, parcels: list[Parcel]
) -> psycopg.Error | None:
    """What Postgres has against these parcels, or None; nothing is landed either way."""
    try:
        async with connection.transaction(force_rollback=True):
            await connection.execute(_LAND, _parameters(parcels, new_token()))
    except psycopg.Error as error:
        if is_data_fault(error):
            return error
        raise
    return None


def is_data_fault(error: psycopg.Error) -> bool:
    """Whether it blames the data of a call (SQLSTATE 22 data, 54 limits)."""
    return (error.sqlstate or "").startswith(("22", "54"))


async def landed_before(
    connection: psycopg.AsyncConnection, parcels: list[Parcel], token: uuid.UUID
) -> list[Outcome] | None:
    """The outcomes if the transaction of this token did commit, else None."""
    ids = _texts(row.message_id for parcel in parcels for row in parcel.rows)
    cursor = await connection.execute(_ASK, {"token": token, "message_ids": ids})
    found = await cursor.fetchone()
    return _outcomes(parcels, found[0]) if found else None


def _outcomes(parcels: list[Parcel], landed: list[str] | None) -> list[Outcome]:
    """Who of several calls with one id is the new one does not matter: the first is."""
    if landed is None:
        return [Outcome(len(parcel.rows), 0, parcel.bad, parcel.turned_away) for parcel in parcels]
    new = {message_id.encode() for message_id in landed}
    outcomes = []
    for parcel in parcels:
        accepted = 0
        for row in parcel.rows:
            if row.message_id in new:
                new.discard(row.message_id)
                accepted += 1
        duplicates = len(parcel.rows) - accepted
        outcomes.append(Outcome(accepted, duplicates, parcel.bad, parcel.turned_away))
    return outcomes


def _parameters(parcels: list[Parcel], token: uuid.UUID) -> dict[str, object]:
    # Sorted by id: two transactions that land the same calls in different orders would wait for
    # each other.
    rows = sorted(
        (
            (
                row.message_id,
                parcel.source.encode(),
                row.type,
                parcel.received_at,
                row.payload,
                row.rules,
            )
            for parcel in parcels
            for row in parcel.rows
        ),
        key=lambda row: row[0],
    )
    bad = [(parcel, bad) for parcel in parcels for bad in parcel.bad]
    rules = sorted(_by_rule(parcels).items())
    books: dict[tuple[str, datetime], list[int]] = {}
    for parcel in parcels:
        book = books.setdefault((parcel.source, parcel.hour), [0, 0, 0, 0])
        for place, gain in enumerate(parcel.books):
            book[place] += gain
    return {
        "token": token,
        "expected": len(rows),
        "message_ids": _texts(row[0] for row in rows),
        "repeated": _texts(one[0] for one, next_ in pairwise(rows) if one[0] == next_[0]),
        "sources": _texts(row[1] for row in rows),
        "types": _texts(row[2] for row in rows),
        "received_ats": _times(row[3] for row in rows),
        "payloads": _texts(row[4] for row in rows),
        # empty without a rule: then each has none
        "field_rules": _texts(row[5] for row in rows if rules),
        "bad_received_ats": _times(parcel.received_at for parcel, _ in bad),
        "bad_sources": _texts(parcel.source.encode() for parcel, _ in bad),
        "bad_reasons": _texts(each.reason.encode() for _, each in bad),
        "bad_details": _texts(_storable(each.detail) for _, each in bad),
        "bad_texts": _texts(_storable(each.text) for _, each in bad),
        "bad_envelopes": _texts(_optional(each.envelope) for _, each in bad),
        "bad_message_ids": _texts(_optional(each.message_id) for _, each in bad),
        "bad_field_rules": _texts(each.rules.encode() for _, each in bad),
        "rule_sources": _texts(source.encode() for (source, _, _), _ in rules),
        "rule_hours": _times(hour for (_, hour, _), _ in rules),
        "rule_ids": _integers(rule for (_, _, rule), _ in rules),
        "rule_calls": _integers(calls for _, calls in rules),
        "replayed": _integers(each for parcel in parcels for each in parcel.replayed),
        "unkept": _integers(each for parcel in parcels for each in parcel.unkept),
        "book_sources": _texts(source.encode() for source, _ in books),
        "book_hours": _times(hour for _, hour in books),
        "book_received": _integers(book[0] for book in books.values()),
        "book_quarantined": _integers(book[1] for book in books.values()),
        "book_made_ids": _integers(book[2] for book in books.values()),
        "book_turned_away": _integers(book[3] for book in books.values()),
    }


def _by_rule(parcels: list[Parcel]) -> Counter[tuple[str, datetime, int]]:
    """How many calls each field rule has changed, by source and hour of the books."""
    found: Counter[tuple[str, datetime, int]] = Counter()
    for parcel in parcels:
        by = Counter(row.rules for row in parcel.rows if row.rules)
        by.update(each.rules.encode() for each in parcel.bad if each.rules)
        for rules, calls in by.items():
            for rule in rules.split(b","):
                found[parcel.source, parcel.hour, int(rule)] += calls
    return found


def _optional(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _storable(text: str) -> bytes:
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace")


# Arrays in Postgres's binary form

_HEAD = struct.Struct("!iiIii")  # dimensions, has nulls, type of the elements, length, first index
_LENGTH = struct.Struct("!i")
_EIGHT_BYTES = struct.Struct("!iq")
_NULL = _LENGTH.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class _TextArray(bytes):
    oid = 1009
    element = 25


class _TimeArray(bytes):
    oid = 1185
    element = 1184


class _IntegerArray(bytes):
    oid = 1016
    element = 20


_Array = TypeVar("_Array", _TextArray, _TimeArray, _IntegerArray)


def _texts(values: Iterable[bytes | None]) -> _TextArray:
    pack = _LENGTH.pack
    parts = [_NULL if value is None else pack(len(value)) + value for value in values]
    return _array(_TextArray, parts)


def _times(values: Iterable[datetime]) -> _TimeArray:
    known: dict[datetime, bytes] = {}
    parts = []
    for value in values:
        part = known.get(value)
        if part is None:
            since = value - _EPOCH
            microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            part = known[value] = _EIGHT_BYTES.pack(8, microseconds)
        parts.append(part)
    return _array(_TimeArray, parts)


def _integers(values: Iterable[int]) -> _IntegerArray:
    return _array(_IntegerArray, [_EIGHT_BYTES.pack(8, value) for value in values])


def _array(kind: type[_Array], parts: list[bytes]) -> _Array:
    if not parts:
        return kind(struct.pack("!iiI", 0, 0, kind.element))
    return kind(_HEAD.pack(1, 1, kind.element, len(parts), 1) + b"".join(parts))


def prepare(connection: psycopg.AsyncConnection) -> None:
    """Teach a connection the arrays of this module."""
    for kind in (_TextArray, _TimeArray, _IntegerArray):
        connection.adapters.register_dumper(kind, _dumper(kind.oid))


def _dumper(type_oid: int) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = type_oid

        def dump(self, obj: bytes) -> bytes:
            return obj

    return ArrayDumper
