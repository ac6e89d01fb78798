"""Section 2 of the page: declared company metrics, their values, and numbers nobody declared."""

from typing import Any

import psycopg

from include.page.reading import one, rows, shortened

DAYS = 90
COMPANIES_A_PAGE = 50


def declared(connection: psycopg.Connection) -> dict[str, Any]:
    """`{"declared": [{"metric", "aggregation", "changed_by", "valid_from"}]}`, by name."""
    found = rows(
        connection,
        "select metric, aggregation, changed_by, valid_from from sync.company_metrics "
        "order by lower(metric), metric",
    )
    for row in found:
        row["shown"] = shortened(row["metric"])
    return {"declared": found}


def filled(connection: psycopg.Connection) -> dict[str, Any]:
    """What there is of each declared metric: `{"metrics": {metric: {…}}}`."""
    found = rows(
        connection,
        # counted in two steps: distinct would sort every value
        "select metric, sum(days)::bigint as days, count(*) as companies, "
        "max(last_date) as last_date from ("
        "select metric, company_id, count(*) as days, max(metric_date) as last_date "
        "from marts.company_metrics group by metric, company_id) as of_company group by metric",
    )
    return {"metrics": {row.pop("metric"): row for row in found}}


def companies(
    connection: psycopg.Connection, metric: str, *, search: str = "", offset: int = 0
) -> dict[str, Any]:
    """Companies with values of one metric, the highest last value first: `{"total", "rows"}`.

    Fifty at a time; `search` is a part of a company's name in any case.
    """
    found = rows(
        connection,
        """
        with of_company as (
            select
                company_id, count(*) as days, max(metric_date) as last_date,
                (array_agg(value order by metric_date desc))[1] as last_value
            from marts.company_metrics where metric = %(metric)s group by company_id
        )

        select
            company_id, companies.name, days, last_date, last_value, count(*) over () as total
        from of_company left join marts.companies using (company_id)
        where %(search)s = '' or strpos(lower(companies.name), lower(%(search)s)) > 0
        order by last_value desc nulls last, companies.name, company_id
        limit %(limit)s offset %(offset)s
        """,
        {
            "metric": metric.replace("\0", ""), "search": search.replace("\0", ""),
            "limit": COMPANIES_A_PAGE, "offset": offset,
        },
    )  # fmt: skip
    total = found[0]["total"] if found else 0
    for row in found:
        row["name"] = shortened(row["name"])
        del row["total"]
    return {"total": total, "rows": found}


def days(connection: psycopg.Connection, metric: str, company_id: str) -> dict[str, Any]:
    """One metric of one company a day, of the last 90 days with any: `{"as_of", "daily"}`."""
    key = [metric.replace("\0", ""), company_id.replace("\0", "")]
    last = one(
        connection,
        "select max(metric_date) as day from marts.company_metrics "
        "where metric = %s and company_id = %s and metric_date <= current_date",
        *key,
    )
    as_of = last["day"] if last else None
    return {
        "as_of": as_of,
        "daily": rows(
            connection,
            "select metric_date as day, value from marts.company_metrics where metric = %s "
            "and company_id = %s and metric_date > %s::date - %s and metric_date <= %s "
            "order by metric_date",
            *key, as_of, DAYS, as_of,
        ),
    }  # fmt: skip


def candidates(connection: psycopg.Connection) -> dict[str, Any]:
    """Numeric group traits that nobody declared, the most often seen first (at most 200)."""
    found = rows(
        connection,
        "select metric, times_seen, companies, last_value, last_seen_at, sample_message_id "
        "from marts.metric_candidates "
        # declared since the last build: no candidate any more
        "where metric not in (select metric from sync.company_metrics) "
        "order by times_seen desc, metric limit 200",
    )
    for row in found:
        row["shown"] = shortened(row["metric"])
    return {"candidates": found}


def rejections(connection: psycopg.Connection) -> dict[str, Any]:
    """Values of declared metrics that are no numbers, per metric and reason."""
    found = rows(
        connection,
        "select metric, reason, value_type, count(*) as times, max(event_at) as last_seen_at, "
        "max(message_id) as sample_message_id from marts.metric_rejections "
        "group by metric, reason, value_type order by times desc, metric limit 200",
    )
    for row in found:
        row["shown"] = shortened(row["metric"])
    return {"rejections": found}
