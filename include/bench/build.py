"""How fast a build is, beside the bare SQL over the same events.

A full build is all of it: every model from staging to `planhat`, every test, and dbt's own start.
"""

import json
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.bench.rows import Row
from include.build import build
from include.settings import load_settings
from include.warehouse.connection import connect

Say = Callable[[str], None]

EVENTS = 100_000
NEW_EVENTS = 10_000
USERS = 5_000
COMPANIES = 200
DAYS = 90
NAMES = ("Report Viewed", "Report Shared", "Board Opened", "Export Started")


def run(url: str, *, size: str = "small", say: Say = print) -> list[Row]:
    """Measure in the fresh warehouse at `url`, which keeps the events.

    `size` full: ten times the events. A history of `DAYS` days, of `USERS` endusers of `COMPANIES`
    companies, one user in ten unknown to Planhat.
    """
    events = EVENTS * (10 if size == "full" else 1)
    add_customers(url)
    say(f"build: {events:,} events")
    add_events(url, events)
    bare = _bare_count(url)
    with tempfile.TemporaryDirectory() as folder:
        full = _build(url, Path(folder), full=True)
        add_events(url, 1)
        least = _build(url, Path(folder))
        add_events(url, NEW_EVENTS)
        incremental = _build(url, Path(folder))
    history = f"{events:,} events"
    return [
        Row(
            f"full build, {history}: every model and test",
            f"{events / full:,.0f} events/s ({full:.1f} s)",
            f"{events / bare:,.0f} events/s: bare SQL counting them by user and day",
            bare / full,
        ),
        Row(
            f"build of {NEW_EVENTS:,} new events on {history}",
            f"{incremental:.1f} s",
            f"{least:.1f} s: a build of one new event",
            incremental / least,
        ),
    ]


def add_customers(url: str) -> None:
    """The companies, and nine of ten endusers, as Planhat would have them."""
    with connect(url, application_name="bench") as connection:
        connection.execute(
            """
            insert into raw_planhat.objects (model, planhat_id, payload)
            select
                'company', left(md5('c' || n), 24),
                jsonb_build_object(
                    '_id', left(md5('c' || n), 24), 'name', 'Company ' || n,
                    'externalId', 'company-' || n
                )
            from generate_series(0, %(companies)s - 1) as n
            union all
            select
                'enduser', left(md5('u' || n), 24),
                jsonb_build_object(
                    '_id', left(md5('u' || n), 24), 'externalId', 'user-' || n,
                    'email', 'user-' || n || '@example.com',
                    'companyId', left(md5('c' || n %% %(companies)s), 24)
                )
            from generate_series(0, %(users)s - 1) as n
            where n %% 10 <> 0
            """,
            {"companies": COMPANIES, "users": USERS},
        )
        connection.execute(
            """
            insert into raw_planhat.reads (
                model, origin, considered, added, changed, returned, unchanged, deleted, withheld,
                rejected
            )
            select model, 'bench', count(*), count(*), 0, 0, 0, 0, 0, 0
            from raw_planhat.objects group by model
            """
        )


def add_events(url: str, events: int) -> None:
    """Land so many new track calls by COPY, as one load."""
    now = datetime.now(UTC)
    with connect(url, application_name="bench") as connection:
        connection.execute(
            "insert into raw_segment.sources (source) values ('bench') on conflict do nothing"
        )
        (load_id,) = connection.execute(
            "insert into raw_segment.loads default values returning load_id"
        ).fetchone()  # type: ignore[misc]
        copy = (
            "copy raw_segment.events (message_id, source, type, received_at, payload, load_id)"
            " from stdin"
        )
        with connection.cursor().copy(copy) as rows:
            for number in range(events):
                at = now - timedelta(seconds=number * DAYS * 86_400 // events)
                call = _call(number, at)
                rows.write_row((call["messageId"], "bench", "track", at, json.dumps(call), load_id))
    with connect(url, application_name="bench", autocommit=True) as connection:
        connection.execute("analyze raw_segment.events")


def _call(number: int, at: datetime) -> dict:
    # A step that has no factor in common with the number of users visits them all.
    user = number * 7_919 % USERS
    return {
        "type": "track",
        "messageId": str(uuid.uuid4()),
        "userId": f"user-{user}",
        "event": NAMES[number % len(NAMES)],
        "timestamp": at.isoformat(),
        "properties": {"company_id": f"company-{user % COMPANIES}", "rows": number % 100},
    }


def _build(url: str, folder: Path, *, full: bool = False) -> float:
    settings = load_settings({"DATA_DIR": str(folder), "AIRFLOW_CONN_WAREHOUSE": url})
    started = time.perf_counter()
    build(url, settings, requested_by="bench", full=full, say=lambda line: None)
    return time.perf_counter() - started


def _bare_count(url: str) -> float:
    with connect(url, application_name="bench", autocommit=True) as connection:
        started = time.perf_counter()
        connection.execute(
            """
            create temporary table bare_count as
            select
                payload ->> 'userId' as user_id,
                (payload ->> 'timestamp')::timestamptz::date as day,
                count(*) as events
            from raw_segment.events
            group by 1, 2
            """
        )
        return time.perf_counter() - started
