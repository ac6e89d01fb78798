"""How long the operators' page waits for its figures, with 10,000 companies behind them.

The tables are those that dbt makes; the companies are read and built, and the usage of what would
be some ten million calls is written into the marts, where its number of rows is what counts.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from include.bench.rows import Row
from include.build import build
from include.page import metrics, reading, runs, tracking, usage
from include.settings import load_settings
from include.warehouse.connection import connect
from include.why import tell

Say = Callable[[str], None]

COMPANIES = 10_000
DAYS = 90
ROUNDS = 9

# What a section asks for when it is opened.
SECTIONS: dict[str, tuple[Callable[..., dict[str, Any]], ...]] = {
    "Data push": (
        lambda connection: {
            "active": runs.active(connection),
            "last": runs.last_finished(connection),
            "history": runs.history(connection),
        },
    ),
    "User tracking": (
        tracking.intake,
        tracking.outcomes,
        tracking.resolved,
        tracking.endusers,
    ),
    "Company metrics": (
        metrics.declared,
        metrics.filled,
        metrics.candidates,
        metrics.rejections,
    ),
    "Usage": (usage.base, usage.companies),
    "a company by name": (partial(usage.companies, search="company 77"),),
    "one company": (partial(usage.company, company_id="company-77", with_persons=True),),
}


def run(url: str, *, size: str = "small", say: Say = print) -> list[Row]:
    """Measure in the fresh warehouse at `url`, which it fills; `size` makes no difference.

    Beside each figure stands the same number of connections that ask for nothing. Raises
    `RuntimeError` when a part of the page has words of trouble in place of figures.
    """
    say(f"page: {COMPANIES:,} companies with {DAYS} days of usage")
    _fill(url)
    rows = []
    for name, queries in SECTIONS.items():
        figure, beside = (
            _median(partial(_read, url, queries)),
            _median(partial(_read, url, (lambda connection: {},) * len(queries))),
        )
        rows.append(
            Row(f"page, {name}: its first data", f"{figure:.0f} ms",
                f"{beside:.0f} ms: connecting alone", figure / beside)
        )  # fmt: skip
    story = _median(lambda: tell(url, "company-77"))
    rows.append(Row("why, of one company", f"{story:.0f} ms", "", None))
    return rows


def _read(url: str, queries: tuple[Callable[..., dict[str, Any]], ...]) -> None:
    for query in queries:
        found = reading.part(url, query)
        if "problem" in found:
            raise RuntimeError(f"The page cannot be measured: {found['problem']}")


def _median(work: Callable[[], Any]) -> float:
    """Milliseconds; the first call, which imports and caches, is left out."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000


def _fill(url: str) -> None:
    with connect(url, application_name="bench", autocommit=True) as connection:
        connection.execute(
            """
            insert into raw_planhat.objects (model, planhat_id, payload)
            select 'company', 'company-' || n, jsonb_build_object(
                '_id', 'company-' || n, 'name', 'Company ' || n, 'externalId', 'c' || n)
            from generate_series(1, %s) as n
            """,
            [COMPANIES],
        )
    settings = load_settings({"AIRFLOW_CONN_WAREHOUSE": url})
    build(url, settings, requested_by="bench", say=lambda line: None)
    with connect(url, application_name="bench", autocommit=True) as connection:
        for statement in USAGE:
            connection.execute(statement, {"companies": COMPANIES, "days": DAYS})
        connection.execute("analyze")


# Two event names a company and day, and half as many rows of endusers again; a metric a day for a
# third of the days.
USAGE = (
    """
    insert into intermediate.int_usage__object_event_days
        (object_type, object_id, activity_date, type, event, calls, endusers, unattributed)
    select
        'company', 'company-' || n, current_date - day, 'track', 'Event ' || name,
        1 + (n * day) %% 17, 1, 0
    from generate_series(1, %(companies)s) as n
    cross join generate_series(1, %(days)s) as day
    cross join generate_series(1, 2) as name
    """,
    """
    insert into intermediate.int_usage__object_enduser_days
        (object_type, object_id, enduser_id, activity_date, type, event, calls)
    select
        'company', 'company-' || n, 'enduser-' || n, current_date - day, 'track', 'Event 1',
        1 + (n * day) %% 17
    from generate_series(1, %(companies)s) as n
    cross join generate_series(1, %(days)s) as day
    """,
    """
    insert into marts.usage_base_daily (object_type, activity_date, activities, objects)
    select object_type, activity_date, sum(activities), count(distinct object_id)
    from marts.usage_daily
    where %(companies)s > 0 and %(days)s > 0
    group by object_type, activity_date
    """,
    """
    insert into marts.usage_trends
        (object_type, object_id, as_of_date, activities_30d, activities_total, change_30d, trend,
         last_activity_at)
    select
        'company', 'company-' || n, current_date, n %% 977, n %% 9770, 0.1,
        (array['up', 'flat', 'down', 'stopped', 'new'])[1 + n %% 5], now()
    from generate_series(1, %(companies)s) as n
    """,
    """
    insert into sync.company_metrics (metric, aggregation)
    select 'seats', 'LAST' where %(companies)s > 0 and %(days)s > 0
    """,
    """
    insert into intermediate.int_identity__keyset_endusers
        (keyset, from_date, to_date, is_borrowed, company_id)
    select md5(n::text)::uuid, '-infinity', 'infinity', false, 'company-' || n
    from generate_series(1, %(companies)s) as n
    where %(days)s > 0
    """,
    """
    insert into intermediate.int_metrics__trait_days
        (keyset, trait, metric_date, calls, value_sum, first_place, last_place, value_last)
    select md5(n::text)::uuid, 'seats', current_date - day, 1, n, 'm', 'm', n
    from generate_series(1, %(companies)s) as n cross join generate_series(1, %(days)s / 3) as day
    """,
    """
    insert into intermediate.int_quality__outcome_days
        (day, source, type, event, outcome, events, events_with_company)
    select current_date - day, source, type, '', coalesce(reason, 'resolved'), 1000 + day, 0
    from generate_series(1, 4 * %(days)s) as day
    cross join unnest(array['app', 'site', 'server']) as source
    cross join unnest(array['identify', 'track', 'page', 'group']) as type
    cross join unnest(array[null, 'no_company', 'unknown_company', 'no_identity']) as reason
    where %(companies)s > 0
    """,
    """
    insert into sync.runs (destination, trigger, requested_by, status, started_at, finished_at)
    select 'api.segment.io#bench', 'schedule', 'the schedule', 'success',
        now() - n * interval '6 hours', now() - n * interval '6 hours' + interval '2 minutes'
    from generate_series(1, %(days)s) as n
    where %(companies)s > 0
    """,
    """
    insert into sync.run_models (run_id, model, considered, unchanged)
    select run_id, 'model_' || n, 10000, 10000 from sync.runs cross join generate_series(1, 16) as n
    where %(companies)s > 0 and %(days)s > 0
    """,
)
