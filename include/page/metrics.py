"""Section 2 of the page: declared company metrics, and the numbers seen that nobody declared."""

from typing import Any

import psycopg

from include.page.reading import rows, shortened


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
    """What the last build made of each declared metric: `{"metrics": {metric: {…}}}`."""
    found = rows(
        connection,
        # counted in two steps: distinct would sort every value
        "select metric, sum(days)::bigint as days, count(*) as companies, "
        "max(last_date) as last_date from ("
        "select metric, company_id, count(*) as days, max(metric_date) as last_date "
        "from marts.company_metrics group by metric, company_id) as of_company group by metric",
    )
    return {"metrics": {row.pop("metric"): row for row in found}}


def candidates(connection: psycopg.Connection) -> dict[str, Any]:
    """Numeric group traits that nobody declared, the most often seen first (at most 200)."""
    found = rows(
        connection,
        "select metric, times_seen, companies, last_value, last_seen_at "
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
