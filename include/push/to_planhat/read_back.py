"""What the sinks did with what they took: metrics are read back, and held against the ledger.

A sink answers 200 and looks later. So a metric that was acknowledged is a receipt only when Planhat
shows its value; one whose answer was lost is settled here, and until then it is not sent again.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from include.planhat.api.client import METRIC_ROWS, Client, calls_of_rows
from include.push.catalogue import PushedModel
from include.push.settled import AS_SENT, NOTHING_SENT

_EPOCH = date(1970, 1, 1)
# What was acknowledged longer ago, and not seen, is looked for no more.
_LOOKED_FOR_DAYS = 7


# Of a row of the ledger.
_IS_LOOKED_FOR = """
    (
        sent_version is not null
        or seen_back_at is null and acknowledged_at > now() - %(days)s * interval '1 day'
    )
"""


@dataclass(frozen=True)
class _Sent:
    """A metric of the ledger that was not seen in Planhat yet."""

    model: str
    object_id: str
    # what was acknowledged; what was sent without an answer
    known: dict[str, Any] | None
    unknown: dict[str, Any] | None
    is_old: bool

    @property
    def payload(self) -> dict[str, Any]:
        return self.unknown or self.known or {}

    @property
    def key(self) -> tuple[str, int]:
        day = date.fromisoformat(self.payload["metric_date"])
        return self.payload["planhat_id"], (day - _EPOCH).days


def read_back(
    connection: psycopg.Connection,
    client: Client,
    destination: str,
    models: Iterable[PushedModel],
) -> None:
    """Settle what was sent and not seen. Raises `PlanhatError` when it cannot be read.

    Seen: it is a receipt. Not there a good while after it was sent: it did not arrive, and the next
    plan has it again. Something else there: said, and left alone.
    """
    by_call = defaultdict(list)
    for model in models:
        by_call[model.call].append(model.name)
    # what is stored of an enduser was compared when it was sent
    connection.execute(
        """
        update sync.objects set seen_back_at = acknowledged_at
        where
            destination = %s and model = any(%s)
            and acknowledged_at is not null and seen_back_at is null
        """,
        [destination, by_call["enduser"]],
    )
    by_dimension: dict[str, list[_Sent]] = defaultdict(list)
    for sent in _sent(connection, destination, by_call["metric"]):
        by_dimension[sent.payload["dimension"]].append(sent)
    for dimension, waiting in sorted(by_dimension.items()):
        there = _there(client, dimension, [sent.key[1] for sent in waiting])
        _settle(connection, destination, [(sent, there.get(sent.key)) for sent in waiting])


def calls_to_read(
    connection: psycopg.Connection, destination: str, models: list[str], run_id: int | None = None
) -> int:
    """How many calls reading back takes; with what a planned run is to send, after it was sent.

    As many rows are there of a metric, between its first and last day that is looked for, as are
    known here.
    """
    found = connection.execute(
        _KNOWN,
        {
            "destination": destination, "models": models, "run_id": run_id,
            "days": _LOOKED_FOR_DAYS,
        },
    ).fetchall()  # fmt: skip
    return sum(calls_of_rows(rows, METRIC_ROWS) for (rows,) in found)


def _sent(connection: psycopg.Connection, destination: str, models: list[str]) -> list[_Sent]:
    rows = connection.execute(
        f"""
        select
            model, object_id,
            case when acknowledged_at is not null then payload end,
            case when sent_version is not null then sent_payload end,
            coalesce(sent_at, acknowledged_at) < clock_timestamp() - (
                select value * interval '1 minute' from sync.thresholds
                where threshold = 'planhat_settles_after'
            )
        from sync.objects
        where
            destination = %(destination)s and model = any(%(models)s) and {_IS_LOOKED_FOR}
        """,  # noqa: S608
        {"destination": destination, "models": models, "days": _LOOKED_FOR_DAYS},
    ).fetchall()
    return [_Sent(*row) for row in rows]


def _there(client: Client, dimension: str, days: list[int]) -> dict[tuple[str, int], Any]:
    """Planhat's values of a metric by object and day."""
    return {
        (str(row.get("parentId")), int(row["day"])): row.get("value")
        for row in client.dimensions(dimension, min(days), max(days))
        if row.get("dimensionId") == dimension and isinstance(row.get("day"), int)
    }


def _settle(
    connection: psycopg.Connection, destination: str, read: list[tuple[_Sent, Any]]
) -> None:
    """Write what became of each metric, beside the value that Planhat has."""
    seen, gone, otherwise = [], [], []
    for sent, value in read:
        before = sent.known["value"] if sent.unknown and sent.known else None
        if _is_same(value, sent.payload["value"]):
            seen.append(sent)
        elif sent.is_old and _is_same(value, before):
            gone.append(sent)
        elif value is not None and (sent.is_old or not sent.unknown):
            otherwise.append((sent, value))
    for query, objects in ((_SEEN, seen), (_DID_NOT_ARRIVE, gone)):
        connection.execute(
            query,
            [[each.model for each in objects], [each.object_id for each in objects], destination],
        )
    for sent, value in otherwise:
        connection.execute(
            _OTHERWISE, [Jsonb({"value": value}), destination, sent.model, sent.object_id]
        )


def _is_same(value: Any, other: Any) -> bool:
    """Equal, but for what doubles lose where sums are made of differences."""
    if value is None or other is None:
        return value is other
    try:
        return math.isclose(float(value), float(other), rel_tol=1e-9, abs_tol=1e-9)
    except (TypeError, ValueError):
        return False


# Rows by metric: of those days that are looked for, and of those alone.
_KNOWN = f"""
    with planned as (
        select planned.model, planned.object_id, planned.payload
        from sync.planned
        inner join sync.run_models
            on planned.run_id = run_models.run_id and planned.model = run_models.model
        where
            planned.run_id = %(run_id)s and planned.model = any(%(models)s)
            and planned.position <= run_models.to_send
    ),

    known as (
        select model, object_id, payload, true as is_looked_for
        from planned
        union all
        select
            model, object_id, coalesce(sent_payload, payload), {_IS_LOOKED_FOR} as is_looked_for
        from sync.objects
        where
            destination = %(destination)s and model = any(%(models)s)
            and (acknowledged_at is not null or sent_version is not null)
            and not exists (
                select from planned
                where planned.model = objects.model and planned.object_id = objects.object_id
            )
    ),

    days as (
        select
            payload ->> 'dimension' as dimension,
            (payload ->> 'metric_date')::date as day,
            is_looked_for
        from known
    ),

    looked_for as (
        select dimension, min(day) as first_day, max(day) as last_day
        from days
        where is_looked_for
        group by dimension
    )

    select count(*)
    from days
    inner join looked_for
        on
            days.dimension = looked_for.dimension
            and days.day between looked_for.first_day and looked_for.last_day
    group by days.dimension
"""  # noqa: S608

_SEEN = f"""
    update sync.objects as ledger
    set
        seen_back_at = clock_timestamp(), stored_otherwise = null,
        {AS_SENT}
    from unnest(%s::text[], %s::text[]) as settled (model, object_id)
    where
        ledger.destination = %s
        and ledger.model = settled.model and ledger.object_id = settled.object_id
"""  # noqa: S608

# Back to what was known before: the next plan finds the difference again.
_DID_NOT_ARRIVE = f"""
    update sync.objects as ledger
    set
        row_hash = null, stored_otherwise = null,
        version = greatest(version, sent_version),
        payload = case when sent_version is not null then payload end,
        acknowledged_at = case when sent_version is not null then acknowledged_at end,
        {NOTHING_SENT}
    from unnest(%s::text[], %s::text[]) as settled (model, object_id)
    where
        ledger.destination = %s
        and ledger.model = settled.model and ledger.object_id = settled.object_id
"""  # noqa: S608

_OTHERWISE = """
    update sync.objects set stored_otherwise = %s
    where destination = %s and model = %s and object_id = %s
"""
