"""How long the operators' page waits for its first figures, and what its plugin costs Airflow.

Asked over HTTP of a real api-server, signed in, as the browser asks. The tables are those that dbt
makes; 10,000 companies and 50,000 endusers are read and built, and the daily rows that so many
calls would leave are written into them, where their number is what counts.
"""

import math
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx

from include.bench.api_server import api_server, plugin_cost
from include.bench.rows import Row
from include.build import build
from include.settings import load_settings
from include.warehouse.connection import connect

Say = Callable[[str], None]

# Calls whose daily rows are there.
SIZES = {"small": 1_000_000, "full": 10_000_000}
COMPANIES = 10_000
ENDUSERS = 50_000
DAYS = 90
EVENT_NAMES = 4
ROUNDS = 15

PREFIX = "/planhat-segment/api/"
# What the browser asks for at once when a section is opened.
SECTIONS = {
    "Data push": ("push",),
    "User tracking": ("push", "tracking", "proposals"),
    "Company metrics": ("push", "metrics"),
    "Usage": ("push", "usage", "companies", "alerts"),
}
# What is asked for then, one by one.
QUESTIONS = {
    "a company by name": "companies?search=company%2077",
    "one company": "companies/company-77",
    "the companies of a metric": "metric?metric=seats",
    "the events of a reason": "tracking/unknown_company",
    "the newest calls": "calls?which=all",
}


def run(url: str, *, size: str = "small", say: Say = print) -> list[Row]:
    """Measure in the fresh warehouse at `url`, which it fills; `size` full: ten times the calls.

    Beside each figure stands Airflow's own answer about one DAG, from the same server. Raises
    `RuntimeError` when a part of the page has words of trouble in place of figures.
    """
    calls = SIZES[size]
    say(f"page: the daily rows of {calls:,} calls of {COMPANIES:,} companies")
    fill(url, calls)
    with api_server(url) as client, ThreadPoolExecutor(4) as pool:
        beside = _milliseconds(lambda: client.get("/api/v2/dags/push_planhat_to_segment"))
        airflow = f"{beside[0]:.0f} ms: Airflow's own answer about a DAG"
        work: dict[str, Callable[[], None]] = {
            f"{name}: its first data": partial(_open, client, pool, paths)
            for name, paths in SECTIONS.items()
        }
        work |= {name: partial(_ask, client, path) for name, path in QUESTIONS.items()}
        work["why: the story of a company"] = partial(_why, client, "company-77")
        rows = [
            _row(f"page, {name}", _milliseconds(each), airflow, beside)
            for name, each in work.items()
        ]
    cost = plugin_cost()
    figure = f"{cost['ours']:.1f} ms of CPU"
    airflow = f"{cost['empty']:.1f} ms: no plugin at all; {cost['start']:,.0f} ms: Airflow itself"
    ratio = cost["ours"] / cost["start"]
    rows.append(
        Row("the plugin, in each of Airflow's processes at its start", figure, airflow, ratio)
    )
    return rows


def _row(name: str, figures: tuple[float, float], airflow: str, beside: tuple[float, float]) -> Row:
    median, slowest = figures
    return Row(name, f"{median:.0f} ms (slowest {slowest:.0f})", airflow, median / beside[0])


def _open(client: httpx.Client, pool: ThreadPoolExecutor, paths: tuple[str, ...]) -> None:
    list(pool.map(lambda path: _ask(client, path), paths))


def _ask(client: httpx.Client, path: str) -> None:
    _must_be_figures(client.get(PREFIX + path).raise_for_status().json(), path)


def _why(client: httpx.Client, identifier: str) -> None:
    answer = client.post(
        PREFIX + "why",
        json={"id": identifier},
        headers={"X-Requested-With": "planhat-segment"},
    ).raise_for_status()
    _must_be_figures(answer.json(), "why")


def _must_be_figures(answer: dict[str, Any], path: str) -> None:
    parts = [answer, *(part for part in answer.values() if isinstance(part, dict))]
    if said := [part["problem"] for part in parts if part.get("problem")]:
        raise RuntimeError(f"The page cannot be measured ({path}): {said[0]}")


def _milliseconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Median and slowest; the first two calls, which import and caches, are left out."""
    seconds = []
    for number in range(ROUNDS + 2):
        began = time.perf_counter()
        work()
        if number > 1:
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds) * 1000, max(seconds) * 1000


def fill(url: str, calls: int) -> None:
    """The customers, read and built, and what so many calls of theirs would leave."""
    with connect(url, application_name="bench", autocommit=True) as connection:
        connection.execute(
            """
            insert into raw_planhat.objects (model, planhat_id, payload)
            select 'company', 'company-' || n, jsonb_build_object(
                '_id', 'company-' || n, 'name', 'Company ' || n, 'externalId', 'c' || n)
            from generate_series(1, %(companies)s) as n
            union all
            select 'enduser', 'enduser-' || n, jsonb_build_object(
                '_id', 'enduser-' || n, 'externalId', 'u' || n, 'email', 'u' || n || '@example.com',
                'companyId', 'company-' || (1 + n %% %(companies)s))
            from generate_series(1, %(endusers)s) as n
            """,
            {"companies": COMPANIES, "endusers": ENDUSERS},
        )
    settings = load_settings({"AIRFLOW_CONN_WAREHOUSE": url})
    build(url, settings, requested_by="bench", say=lambda line: None)
    values = {
        "companies": COMPANIES,
        "endusers": ENDUSERS,
        "days": DAYS,
        "names": EVENT_NAMES,
        # Calls drawn at random leave this share of all possible rows, in ten-thousandths.
        "of_company": _share(calls, COMPANIES * DAYS * EVENT_NAMES),
        "of_enduser": _share(calls, ENDUSERS * DAYS * EVENT_NAMES),
        "of_unresolved": _share(calls // 50, ENDUSERS * DAYS),
        "calls_a_row": 1 + calls // (COMPANIES * DAYS * EVENT_NAMES),
        "calls_an_outcome": 1 + calls // (DAYS * 3 * 4 * 4 * EVENT_NAMES),
    }
    with connect(url, application_name="bench", autocommit=True) as connection:
        for statement in USAGE:
            used = {name: value for name, value in values.items() if f"%({name})s" in statement}
            connection.execute(statement.encode(), used)
        connection.execute("analyze")


def _share(calls: int, rows: int) -> int:
    return math.ceil(10_000 * (1 - math.exp(-calls / rows)))


# Which rows are there is decided by a hash, so that they are spread evenly over objects and days.
USAGE = (
    """
    insert into intermediate.int_usage__object_event_days
        (object_type, object_id, activity_date, type, event, calls, endusers, unattributed)
    select
        'company', 'company-' || n, current_date - day, 'track', 'Event ' || name,
        %(calls_a_row)s, 1, 0
    from generate_series(1, %(companies)s) as n
    cross join generate_series(1, %(days)s) as day
    cross join generate_series(1, %(names)s) as name
    where abs(hashint8(n * 1000 + day * 10 + name)) %% 10000 < %(of_company)s
    """,
    """
    insert into intermediate.int_usage__object_enduser_days
        (object_type, object_id, enduser_id, activity_date, type, event, calls)
    select
        'company', 'company-' || (1 + n %% %(companies)s), 'enduser-' || n, current_date - day,
        'track', 'Event ' || name, 1
    from generate_series(1, %(endusers)s) as n
    cross join generate_series(1, %(days)s) as day
    cross join generate_series(1, %(names)s) as name
    where abs(hashint8(n * 1000 + day * 10 + name)) %% 10000 < %(of_enduser)s
    """,
    """
    insert into marts.usage_base_daily (object_type, activity_date, activities, objects)
    select object_type, activity_date, sum(activities), count(distinct object_id)
    from marts.usage_daily
    group by object_type, activity_date
    """,
    """
    insert into marts.usage_trends
        (object_type, object_id, as_of_date, activities_30d, activities_total, change_30d, trend,
         last_activity_at, active_endusers_30d, endusers_total)
    select
        object_type, object_type || '-' || n, current_date, n %% 977, n %% 9770, 0.1,
        (array['up', 'flat', 'down', 'stopped', 'new'])[1 + n %% 5], now(),
        case when object_type = 'company' then 3 end, case when object_type = 'company' then 5 end
    from (
        select 'company' as object_type, n from generate_series(1, %(companies)s) as n
        union all
        select 'enduser', n from generate_series(1, %(endusers)s) as n
    ) as objects
    """,
    # One open alert of ten objects, three past ones of each.
    """
    insert into marts.usage_alerts
        (object_type, object_id, kind, opened_on, closed_on, activities, expected)
    select
        object_type, object_type || '-' || n, (array['drop', 'spike', 'stopped'])[1 + n %% 3],
        current_date - 20 * past, case when past > 0 then current_date - 20 * past + 7 end, 1, 9
    from (
        select 'company' as object_type, n from generate_series(1, %(companies)s) as n
        union all
        select 'enduser', n from generate_series(1, %(endusers)s) as n
    ) as objects
    cross join generate_series(0, 3) as past
    where past > 0 or n %% 10 = 0
    """,
    """
    insert into sync.company_metrics (metric, aggregation)
    values ('seats', 'LAST'), ('exports', 'SUM'), ('storage_gb', 'LAST')
    """,
    """
    insert into intermediate.int_identity__keyset_endusers
        (keyset, is_borrowed, company_id)
    select md5(n::text)::uuid, false, 'company-' || n
    from generate_series(1, %(companies)s) as n
    """,
    # A value a day of each metric of every company.
    """
    insert into intermediate.int_metrics__trait_days
        (keyset, trait, metric_date, calls, value_sum, first_place, last_place, value_last)
    select md5(n::text)::uuid, trait, current_date - day, 1, n, 'm', 'm', n
    from generate_series(1, %(companies)s) as n
    cross join generate_series(1, %(days)s) as day
    cross join unnest(array['seats', 'exports', 'storage_gb']) as trait
    """,
    """
    insert into marts.company_metric_changes
        (company_id, metric, as_of_date, aggregation, last_date, value_30d, change_30d)
    select 'company-' || n, metric, current_date, aggregation, current_date - 1, n, 0.1
    from generate_series(1, %(companies)s) as n
    cross join sync.company_metrics
    """,
    """
    insert into intermediate.int_quality__outcome_days
        (day, source, type, event, outcome, events, events_with_company)
    select current_date - day, source, type, 'Event ' || name, outcome, %(calls_an_outcome)s, 0
    from generate_series(1, %(days)s) as day
    cross join unnest(array['app', 'site', 'server']) as source
    cross join unnest(array['identify', 'track', 'page', 'group']) as type
    cross join unnest(array['resolved', 'no_company', 'unknown_company', 'no_identity']) as outcome
    cross join generate_series(1, %(names)s) as name
    """,
    # One call of fifty is nobody's.
    """
    insert into intermediate.int_identity__keyset_endusers
        (keyset, is_borrowed, user_id, company_key, reason)
    select
        md5('lost ' || n)::uuid, false, 'lost-' || n,
        'nobody-' || n %% %(companies)s, 'unknown_company'
    from generate_series(1, %(endusers)s) as n
    """,
    """
    insert into intermediate.int_quality__unresolved_days
        (reason, source, type, keyset, anonymous_id, day, events, first_seen_at, last_seen_at,
         sample_message_id)
    select
        (array['no_company', 'unknown_company', 'no_identity'])[1 + n %% 3], 'app', 'track',
        md5('lost ' || n)::uuid, '', current_date - day, 1, now(), now(), 'm-' || n || '-' || day
    from generate_series(1, %(endusers)s) as n
    cross join generate_series(1, %(days)s) as day
    where abs(hashint8(n * 1000 + day)) %% 10000 < %(of_unresolved)s
    """,
    """
    insert into sync.runs (destination, trigger, requested_by, status, started_at, finished_at)
    select 'api.segment.io#bench', 'schedule', 'the schedule', 'success',
        now() - n * interval '6 hours', now() - n * interval '6 hours' + interval '2 minutes'
    from generate_series(1, 4 * %(days)s) as n
    """,
    """
    insert into sync.run_models (run_id, model, considered, unchanged)
    select run_id, 'model_' || n, 10000, 10000 from sync.runs cross join generate_series(1, 16) as n
    """,
)
