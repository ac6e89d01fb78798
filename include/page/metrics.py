"""Section 2 of the page: declared company metrics, their values, and numbers nobody declared."""

from typing import Any

import psycopg

from include.warehouse.reading import one, rows, shortened

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
    """What the last build found of each declared metric: `{"metrics": {metric: {…}}}`.

    Of how many companies it has values, and the last day of them. A metric that was declared, or
    read differently, since that build is not among them: its values are there, but not counted.
    """
    found = rows(
        connection,
        "select metric, count(*) as companies, max(last_date) as last_date "
        "from marts.company_metric_changes "
        "inner join sync.company_metrics using (metric, aggregation) group by metric",
    )
    return {"metrics": {row.pop("metric"): row for row in found}}


def companies(
    connection: psycopg.Connection, metric: str, *, search: str = "", offset: int = 0
) -> dict[str, Any]:
    """Companies with values of one metric, the highest value first: `{"total", "rows"}`.

    `value` is the total of 30 days for SUM, and the value in force for LAST; `change_30d` is null
    for a metric that no build has seen yet. Fifty at a time; `search` is a part of a company's name
    in any case.
    """
    found = rows(
        connection,
        """
        with built as (
            select company_id, last_date, value_30d as value, change_30d
            from marts.company_metric_changes
            inner join sync.company_metrics using (metric, aggregation)
            where metric = %(metric)s
        ),

        -- every value is looked at: only while no build has done so
        not_built as (
            select
                company_id,
                max(metric_date) as last_date,
                case aggregation
                    when 'SUM' then
                        coalesce(sum(value) filter (where metric_date > current_date - 30), 0)
                    else (array_agg(value order by metric_date desc))[1]
                end as value,
                null::numeric as change_30d
            from marts.company_metrics
            where metric = %(metric)s and not exists (select from built)
            group by company_id, aggregation
        )

        select company_id, name, last_date, value, change_30d, count(*) over () as total
        from (select * from built union all select * from not_built) as of_company
        left join marts.companies using (company_id)
        where %(search)s = '' or strpos(lower(name), lower(%(search)s)) > 0
        order by value desc nulls last, name, company_id
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
