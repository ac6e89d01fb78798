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
            "enduser": {"considered": 60, "added": 60, "synced": 21},
            "license": {"considered": 0, "started_at": None},
        },
        **columns,
    )  # fmt: skip
    connection.execute(
        "insert into sync.batches (run_id, model, first_position, last_position, status, synced, "
        "finished_at) values (%s, 'company', 1, 40, 'acknowledged', 40, now()), "
        "(%s, 'enduser', 1, 21, 'acknowledged', 21, now())",
        [run_id, run_id],
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
        create schema intermediate;
        create table intermediate.int_identity__calls (message_id text, event_seq bigint);
        create table marts.event_resolution (
            message_id text, source text, type text, event text, event_at timestamptz,
            user_id text, email text, company_id text, enduser_id text, reason text
        );
        create table marts.quality (
            finding text, source text, library text, shape text, times bigint, example text
        );
        create table marts.unknown_companies (
            company_key text, events bigint, events_found bigint, users bigint,
            first_seen_at timestamptz, last_seen_at timestamptz, sample_message_id text
        );
        create table marts.lateness (
            source text, library text, calls bigint, within_1h bigint, within_12h bigint,
            within_1d bigint, within_7d bigint, share_after_12h numeric
        );
        create table marts.company_alias_proposals (
            alias text, alias_company_id text, alias_name text, alias_deleted_at timestamptz,
            company_id text, company_name text, same_name boolean, same_domain boolean,
            same_endusers boolean, shared_endusers bigint, takes_effect boolean, events bigint,
            endusers bigint, active_days bigint, last_event_at timestamptz, sample_message_id text
        );
        create table marts.resolution_daily (
            day date, source text, type text, reason text, events bigint
        );
        create table marts.unresolved_daily (
            reason text, source text, type text, user_id text, email text, anonymous_id text,
            company_key text, company_id text, day date, events bigint,
            first_seen_at timestamptz, last_seen_at timestamptz, sample_message_id text
        );
        create table marts.endusers (
            enduser_id text, origin text, company_id text, name text, email text,
            created_by_message_id text, first_seen_at timestamptz
        );
        create table marts.companies (
            company_id text, name text, external_id text, phase text, status text,
            deleted_at timestamptz
        );
        create table marts.company_health (
            company_id text, score numeric, trend_part numeric, breadth_part numeric,
            recency_part numeric, metric_part numeric
        );
        create table marts.usage_daily (
            object_type text, object_id text, activity_date date, event text, activities bigint
        );
        create view marts.usage_base_daily as
        select object_type, activity_date, sum(activities)::bigint as activities
        from marts.usage_daily group by object_type, activity_date;
        create table marts.usage_trends (
            object_type text, object_id text, as_of_date date, activities_7d bigint,
            activities_30d bigint, activities_total bigint, change_7d numeric, change_30d numeric,
            beat bigint, experience bigint, trend text, last_activity_at timestamptz,
            active_endusers_1d bigint, active_endusers_7d bigint, active_endusers_30d bigint,
            active_endusers_90d bigint, endusers_total bigint
        );
        create table marts.usage_alerts (
            object_type text, object_id text, kind text, opened_on date, closed_on date,
            activities numeric, expected numeric
        );
        create table marts.company_metrics (
            company_id text, metric text, metric_date date, value numeric, aggregation text
        );
        create table marts.company_metric_changes (
            company_id text, metric text, aggregation text, last_date date, value_30d numeric,
            change_30d numeric
        );
        create table marts.metric_candidates (
            metric text, times_seen bigint, companies bigint, last_value numeric,
            last_seen_at timestamptz, sample_message_id text
        );
        create table marts.metric_rejections (
            message_id text, event_at timestamptz, metric text, reason text, value_type text
        );
        """
    )


def add_call(connection: psycopg.Connection, number: int, **columns: Any) -> None:
    """A call that was built, resolved unless `reason` says otherwise; counted on its day, too."""
    row = {
        "message_id": f"call-{number}",
        "source": "app",
        "type": "track",
        "event": "Opened",
        "event_at": NOON,
        "user_id": f"user-{number}",
        "company_id": "c1",
        "enduser_id": "e1",
    } | columns
    connection.execute(
        "insert into intermediate.int_identity__calls values (%s, %s)", [row["message_id"], number]
    )
    connection.execute(
        f"insert into marts.event_resolution ({', '.join(row)}) "
        f"values ({', '.join(['%s'] * len(row))})",
        list(row.values()),
    )
    connection.execute(
        "insert into marts.resolution_daily values ('2026-03-02', %s, %s, %s, 1)",
        [row["source"], row["type"], row.get("reason")],
    )


def add_findings(connection: psycopg.Connection) -> None:
    """What a customer's data may have in it: a row or two of each kind that the page shows."""
    connection.execute(
        """
        insert into marts.quality values
            ('company_without_external_id', null, null, null, 3, 'c7'),
            ('time_unreadable', 'app', 'analytics-ruby 2.5', '99/99/9999', 40, 'call-3'),
            ('time_unreadable', 'shop', '', 'aaaa 99', 2, 'call-4'),
            ('call_quarantined_too_large', null, null, null, 1, '12'),
            ('something_that_is_new', null, null, null, 5, 'x');
        insert into marts.unknown_companies values
            ('acme-new', 120, 20, 7, '2026-03-01', '2026-03-02', 'call-5'),
            ('globex', 9, 0, 2, '2026-03-01', '2026-03-02', 'call-6');
        insert into marts.lateness values
            ('app', 'analytics.js', 1000, 990, 998, 999, 1000, 0.002),
            ('mobile', '', 100, 60, 80, 90, 99, 0.2);
        insert into marts.company_alias_proposals values
            ('acme-old', repeat('b', 24), 'ACME (old)', '2026-03-01', repeat('a', 24), 'Acme',
             true, false, true, 3, true, 1200, 12, 30, '2026-03-02', 'call-7'),
            ('twin', repeat('c', 24), 'Twin', null, repeat('a', 24), 'Acme',
             true, true, false, 0, false, 4, 1, 2, '2026-03-02', 'call-8')
        """
    )
    connection.execute(
        "insert into raw_planhat.objects (model, planhat_id, payload) values ('company', %s, "
        '\'{"name": "Acme", "externalId": "acme"}\')',
        ["a" * 24],
    )


def add_unresolved(
    connection: psycopg.Connection,
    reason: str,
    events: int,
    sample: str = "msg-1",
    day: str = "2026-03-02",
    **keys: str,
) -> None:
    """Events of one day and set of keys, in both tables that count them."""
    connection.execute(
        "insert into marts.resolution_daily values (%s, 'app', 'track', %s, %s)",
        [day, reason, events],
    )
    names = ["user_id", "email", "anonymous_id", "company_key", "company_id"]
    connection.execute(
        "insert into marts.unresolved_daily values (%s, 'app', 'track', %s, %s, %s, %s, %s, %s, "
        "%s, %s, %s, %s)",
        [reason, *[keys.get(name) for name in names], day, events, day, day, sample],
    )


def add_company(
    connection: psycopg.Connection, company_id: str, name: str | None = None, **columns: Any
) -> None:
    """A company with usage on the last day; `columns` are those of `marts.usage_trends`."""
    connection.execute(
        "insert into marts.companies (company_id, name, external_id) values (%s, %s, %s)",
        [company_id, name or company_id, f"ext-{company_id}"],
    )
    row = {
        "object_type": "company",
        "object_id": company_id,
        "as_of_date": NOON.date(),
        "activities_30d": 10,
        "trend": "flat",
        "active_endusers_30d": 1,
        "endusers_total": 2,
        "last_activity_at": NOON,
    } | columns
    connection.execute(
        f"insert into marts.usage_trends ({', '.join(row)}) "
        f"values ({', '.join(['%s'] * len(row))})",
        list(row.values()),
    )
    connection.execute(
        "insert into marts.usage_daily values ('company', %s, %s, 'Opened', 3), "
        "('company', %s, %s, 'Closed', 4)",
        [company_id, NOON.date(), company_id, NOON.date()],
    )


def add_held_plan(
    connection: psycopg.Connection, destination: str = "api.segment.io#abc", **columns: Any
) -> int:
    """A run that a guard held: of enduser one would be changed, one removed; nothing was sent."""
    run_id = add_run(
        connection,
        "held",
        destination=destination,
        models={
            "enduser": {
                "considered": 1, "changed": 1, "removed": 1, "held": 2, "planned_at": NOON,
                "plan_fingerprint": "f" * 32, "reason": "held: half of it would be removed",
            }
        },
        **columns,
    )  # fmt: skip
    for position, (object_id, action) in enumerate((("e1", "changed"), ("e2", "removed")), 1):
        before = {"email": "old@company.example", "name": "Same"}
        connection.execute(
            "insert into sync.objects (destination, model, object_id, payload, fingerprint, "
            "version, acknowledged_at) values (%s, 'enduser', %s, %s, 'f', 1, now())",
            [destination, object_id, Jsonb(before)],
        )
        connection.execute(
            "insert into sync.planned (run_id, model, position, object_id, action, call, payload, "
            "fingerprint, version, generation, message_id, bytes) values "
            "(%s, 'enduser', %s, %s, %s, 'identify', %s, 'g', 2, 0, %s, 200)",
            [
                run_id, position, object_id, action,
                Jsonb(before | {"email": "new@company.example"}), f"planhat-{object_id}",
            ],
        )  # fmt: skip
    return run_id
