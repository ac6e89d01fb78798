"""Small worlds for the page: runs of a push, and the marts as dbt makes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

# Everything a name can do to a page that is careless.
HOSTILE = {
    "markup": "<script>document.title='owned'</script><img src=x onerror=\"alert(1)\">",
    "long": "Long " + "n" * 9_995,
    "right to left": "\u202eשלום עולם\u202c مرحبا",  # noqa: RUF001
    "quotes": 'O\'Brien & "Sons" `; drop table sync.runs; --',
}


def add_run(
    connection: psycopg.Connection,
    status: str = "success",
    *,
    models: dict[str, dict[str, int]] | None = None,
    started_at: datetime = NOON,
    seconds: float | None = 95,
    **columns: Any,
) -> int:
    """A run and its models. Counts not given are 0; `seconds` None leaves it unfinished."""
    row = {
        "destination": "api.segment.io#abc",
        "trigger": "schedule",
        "requested_by": "the schedule",
        "status": status,
        "started_at": started_at,
        "planned_at": started_at,
        "finished_at": None if seconds is None else started_at + timedelta(seconds=seconds),
        "lease_until": started_at + timedelta(minutes=15),
    } | columns
    names = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    (run_id,) = connection.execute(
        f"insert into sync.runs ({names}) values ({places}) returning run_id", list(row.values())
    ).fetchone()
    for model, counts in (models or {}).items():
        values = {"started_at": started_at, "finished_at": row["finished_at"]} | counts
        connection.execute(
            f"insert into sync.run_models (run_id, model, {', '.join(values)}) "
            f"values (%s, %s, {', '.join(['%s'] * len(values))})",
            [run_id, model, *values.values()],
        )
    return run_id


def add_active_run(connection: psycopg.Connection, **columns: Any) -> int:
    """A run that is sending endusers at this moment: company is done, 61 of 100 objects are."""
    now = datetime.now(UTC)
    run_id = add_run(
        connection,
        "running",
        started_at=now - timedelta(seconds=40),
        seconds=None,
        trigger="button",
        requested_by="operator",
        models={
            "company": {
                "considered": 40, "added": 40, "synced": 40, "finished_at": now,
            },
            "enduser": {"considered": 60, "added": 60},
            "license": {"considered": 0, "started_at": None},
        },
        **columns,
    )  # fmt: skip
    connection.execute(
        "insert into sync.batches (run_id, model, first_position, last_position, status, synced, "
        "finished_at) values (%s, 'enduser', 1, 21, 'acknowledged', 21, now())",
        [run_id],
    )
    return run_id


def add_error(
    connection: psycopg.Connection,
    run_id: int,
    *,
    model: str = "enduser",
    object_id: str = "5f1a",
    code: str = "too_large",
    message: str = "33,120 bytes; Segment takes 32,768 for one call.",
    payload: dict[str, Any] | None = None,
    attempts: int = 3,
) -> None:
    connection.execute(
        "insert into sync.run_errors (run_id, destination, model, object_id, code, message, "
        "payload, attempts, first_failed_at) values (%s, 'api.segment.io#abc', %s, %s, %s, %s, "
        "%s, %s, %s)",
        [
            run_id, model, object_id, code, message, Jsonb(payload or {"email": "a@b.example"}),
            attempts, NOON - timedelta(days=1),
        ],
    )  # fmt: skip


def add_intake(connection: psycopg.Connection, source: str = "product", **counts: int) -> None:
    """One hour of a source's books, an hour ago."""
    connection.execute(
        "insert into raw_segment.sources (source) values (%s) on conflict do nothing", [source]
    )
    names = ", ".join(counts)
    connection.execute(
        f"insert into raw_segment.intake (source, hour, {names}) "
        f"values (%s, date_trunc('hour', now()), {', '.join(['%s'] * len(counts))})",
        [source, *counts.values()],
    )


def make_marts(connection: psycopg.Connection) -> None:
    """Empty marts with the columns that the page reads (design.md: a contract with dbt)."""
    connection.execute(
        """
        create schema marts;
        create table marts.unresolved_daily (
            reason text, events bigint, first_seen_at timestamptz, last_seen_at timestamptz,
            sample_message_id text
        );
        create table marts.event_resolution (message_id text, reason text);
        create table marts.endusers (enduser_id text, origin text);
        create table marts.company_metrics (
            company_id text, metric text, metric_date date, value numeric, aggregation text
        );
        create table marts.metric_candidates (
            metric text, times_seen bigint, companies bigint, last_value numeric,
            last_seen_at timestamptz
        );
        create table marts.metric_rejections (
            message_id text, event_at timestamptz, metric text, reason text, value_type text
        );
        """
    )
