"""Usage on the page: the whole base, one company, its endusers; alerts and health."""

from typing import Any

import psycopg

from include.page.tracking import switches
from include.planhat.app_links import record_link
from include.usage_alerts import OBJECTS_OF_ALERTS
from include.warehouse.reading import one, rows, shortened

DAYS = 90
COMPANIES_A_PAGE = 50
ENDUSERS_SHOWN = 100
ALERTS_A_PAGE = 50
EVENTS_SHOWN = 20


def base(connection: psycopg.Connection) -> dict[str, Any]:
    """The whole base: activities a day, companies by trend, open alerts of companies.

    `so_far` is the day that still runs, `{"day", "activities"}`: it judges nobody.
    """
    as_of = _as_of(connection)
    return {
        "as_of": as_of,
        "so_far": one(
            connection,
            "select %s::date + 1 as day, coalesce(sum(activities), 0)::bigint as activities "
            "from marts.usage_base_daily "
            "where object_type = 'company' and activity_date = %s::date + 1",
            as_of, as_of,
        ),
        "daily": rows(
            connection,
            "select activity_date as day, activities "
            "from marts.usage_base_daily where object_type = 'company' "
            "and activity_date > %s::date - %s and activity_date <= %s order by activity_date",
            as_of, DAYS, as_of,
        ),
        "trends": rows(
            connection,
            "select coalesce(trend, 'none') as trend, count(*) as companies "
            "from marts.companies left join marts.usage_trends "
            "on object_type = 'company' and object_id = company_id "
            "where deleted_at is null group by 1",
        ),
        "alerts": {
            row["object_type"]: row["alerts"]
            for row in rows(
                connection,
                f"select alerts.object_type, count(*) as alerts {_ALERTS} where {_OPEN} group by 1",
            )
        },
        "switches": switches(connection),
    }  # fmt: skip


def companies(
    connection: psycopg.Connection, *, search: str = "", trend: str = "", offset: int = 0
) -> dict[str, Any]:
    """Companies, the most active first, fifty at a time: `{"total", "rows"}`.

    `search` is a part of a name in any case, or an external id or Planhat id in full; `trend` is
    one of up, flat, down, stopped, new, or none (no usage).
    """
    wish = {"search": search.replace("\0", ""), "trend": trend.replace("\0", "")}
    total = one(connection, "select count(*) as total " + _COMPANIES, wish)
    found = rows(
        connection,
        "select company_id, name, external_id, score, trend, activities_30d, change_30d, "
        "active_endusers_30d, endusers_total, last_activity_at "
        + _COMPANIES
        + "order by activities_30d desc nulls last, name, company_id limit %(limit)s "
        "offset %(offset)s",
        wish | {"limit": COMPANIES_A_PAGE, "offset": offset},
    )
    for row in found:
        row["name"] = shortened(row["name"])
    return {"total": total["total"] if total else 0, "rows": found}


_COMPANIES = """
    from marts.companies
    left join marts.usage_trends on object_type = 'company' and object_id = company_id
    left join marts.company_health using (company_id)
    where deleted_at is null
        and (
            %(search)s = '' or strpos(lower(name), lower(%(search)s)) > 0
            or external_id = %(search)s or company_id = %(search)s
        )
        and (%(trend)s = '' or coalesce(trend, 'none') = %(trend)s)
"""


def company(
    connection: psycopg.Connection, company_id: str, *, with_persons: bool, link: str | None = None
) -> dict[str, Any]:
    """One company: its figures, health with its parts, days, metrics, alerts and endusers.

    `{"company": None}` when there is none of that id. Names and addresses of persons are read only
    for who may see them (`with_persons`). `link` as `PLANHAT_APP_LINK`: where they are in Planhat's
    app (`planhat_url`).
    """
    found = one(
        connection,
        "select company_id, name, external_id, phase, status, deleted_at, trend, as_of_date, "
        "activities_7d, activities_30d, activities_total, change_7d, change_30d, beat, experience, "
        "active_endusers_1d, active_endusers_7d, active_endusers_30d, active_endusers_90d, "
        "endusers_total, last_activity_at "
        "from marts.companies left join marts.usage_trends "
        "on object_type = 'company' and object_id = company_id where company_id = %s",
        company_id,
    )
    if found is None:
        return {"company": None}
    found["name"] = shortened(found["name"])
    found["planhat_url"] = record_link(link, "company", company_id)
    as_of = found["as_of_date"] or _as_of(connection)
    return {
        "company": found,
        "as_of": as_of,
        "health": one(
            connection,
            "select score, trend_part, breadth_part, recency_part, metric_part "
            "from marts.company_health where company_id = %s",
            company_id,
        ),
        "daily": _days(connection, "company", company_id, as_of),
        "so_far": one(
            connection,
            "select %s::date + 1 as day, coalesce(sum(activities), 0)::bigint as activities "
            "from marts.usage_daily "
            "where object_type = 'company' and object_id = %s and activity_date = %s::date + 1",
            as_of, company_id, as_of,
        ),
        "metrics": _metrics(connection, company_id, as_of),
        "events": rows(
            connection,
            "select event, sum(activities)::bigint as activities, max(activity_date) as last_day "
            "from marts.usage_daily where object_type = 'company' and object_id = %s "
            "and activity_date > %s::date - 30 and activity_date <= %s "
            "group by event order by activities desc, event limit %s",
            company_id, as_of, as_of, EVENTS_SHOWN,
        ),
        "alerts": _alerts(
            connection,
            "alerts.object_type = 'company' and alerts.object_id = %s",
            [company_id],
            with_persons=with_persons,
        ),
        "endusers": _endusers(connection, company_id, with_persons, link),
        "with_persons": with_persons,
    }  # fmt: skip


def enduser(connection: psycopg.Connection, enduser_id: str) -> dict[str, Any]:
    """The days of one enduser's usage: `{"as_of", "daily"}`."""
    as_of = _as_of(connection)
    return {"as_of": as_of, "daily": _days(connection, "enduser", enduser_id, as_of)}


def _as_of(connection: psycopg.Connection) -> Any:
    found = one(connection, "select max(as_of_date) as as_of from marts.usage_trends")
    return found["as_of"] if found else None


def _days(connection: psycopg.Connection, object_type: str, object_id: str, as_of: Any) -> Any:
    return rows(
        connection,
        "select activity_date as day, sum(activities)::bigint as activities "
        "from marts.usage_daily where object_type = %s and object_id = %s "
        "and activity_date > %s::date - %s and activity_date <= %s "
        "group by activity_date order by activity_date",
        object_type, object_id, as_of, DAYS, as_of,
    )  # fmt: skip


def _metrics(connection: psycopg.Connection, company_id: str, as_of: Any) -> list[dict[str, Any]]:
    found = rows(
        connection,
        "select metric, aggregation, json_agg(json_build_object('day', metric_date, "
        "'value', value) order by metric_date) as daily from marts.company_metrics "
        "where company_id = %s and metric_date > %s::date - %s and metric_date <= %s "
        "group by metric, aggregation order by lower(metric), metric",
        company_id, as_of, DAYS, as_of,
    )  # fmt: skip
    for row in found:
        row["shown"] = shortened(row["metric"])
    return found


# What holds, and what was told and holds no longer.
_ALERTS = f"""
    from (
        select
            object_type, object_id, kind, opened_on, closed_on, activities, expected,
            case when closed_on is not null then 'over' end as closed_reason
        from marts.usage_alerts
        union all
        select
            object_type, object_id, kind, opened_on, closed_on, activities, expected, closed_reason
        from sync.alerts_sent
        where closed_reason = 'corrected'
    ) as alerts
    left join sync.alerts_acknowledged using (object_type, object_id, kind, opened_on)
    {OBJECTS_OF_ALERTS}
"""  # noqa: S608

# Nobody has taken notice of it, and what it is about is still there.
_OPEN = """
    alerts.closed_on is null and acknowledged_at is null and objects.deleted_at is null
    and companies.deleted_at is null
"""


def open_alerts(
    connection: psycopg.Connection, object_type: str, *, with_persons: bool, offset: int = 0
) -> dict[str, Any]:
    """Open alerts of companies, endusers, assets …, the newest first, fifty at a time: `{"rows"}`.

    Each has the object's `name` and `company`; persons are named only for who may see them.
    """
    return {
        "rows": _alerts(
            connection,
            f"{_OPEN} and alerts.object_type = %s",
            [object_type.replace("\0", "")],
            with_persons=with_persons,
            offset=offset,
        ),
        "with_persons": with_persons,
    }


def _alerts(
    connection: psycopg.Connection,
    condition: str,
    values: list[str],
    *,
    with_persons: bool,
    offset: int = 0,
) -> list[dict[str, Any]]:
    found = rows(
        connection,
        "select alerts.object_type, alerts.object_id, alerts.kind, alerts.opened_on, "
        "alerts.closed_on, alerts.closed_reason, alerts.activities, alerts.expected, "
        "acknowledged_at, acknowledged_by, "
        "companies.company_id, companies.name as company, "
        "case alerts.object_type when 'company' then companies.name "
        "when 'enduser' then case when %s then coalesce(endusers.name, endusers.email) end "
        f"else objects.payload ->> 'name' end as name {_ALERTS} where {condition} "
        "order by alerts.closed_on is null desc, alerts.opened_on desc, alerts.object_id, "
        "alerts.kind limit %s offset %s",
        with_persons, *values, ALERTS_A_PAGE, offset,
    )  # fmt: skip
    for row in found:
        row["name"] = shortened(row["name"])
        row["company"] = shortened(row["company"])
    return found


def _endusers(
    connection: psycopg.Connection, company_id: str, with_persons: bool, link: str | None
) -> list[dict[str, Any]]:
    found = rows(
        connection,
        "select enduser_id, origin, trend, activities_30d, change_30d, activities_total, "
        "last_activity_at, case when %s then coalesce(name, email) end as name "
        "from marts.endusers left join marts.usage_trends "
        "on object_type = 'enduser' and object_id = enduser_id where company_id = %s "
        "order by activities_30d desc nulls last, enduser_id limit %s",
        with_persons, company_id, ENDUSERS_SHOWN,
    )  # fmt: skip
    for row in found:
        row["name"] = shortened(row["name"])
        # who was created from calls has an id of ours, which Planhat does not know
        is_theirs = row["origin"] == "planhat"
        row["planhat_url"] = record_link(link, "enduser", row["enduser_id"]) if is_theirs else None
    return found
