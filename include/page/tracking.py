"""Section 1 of the page: what Segment sent, what became of it, and what would resolve the rest."""

from typing import Any

import psycopg

from include.warehouse.reading import one, rows, shortened
from include.why.asking import Asker
from include.why.reasons import REASONS, remedy

DAYS = 90
ROWS_A_PAGE = 50


def intake(connection: psycopg.Connection) -> dict[str, Any]:
    """Events received in the last 30 days per source, and each switch as it is now."""
    sources = rows(
        connection,
        """
        select
            sources.source, sources.kind, sources.is_enabled,
            coalesce(sum(intake.received), 0)::bigint as received,
            coalesce(sum(intake.landed), 0)::bigint as landed,
            coalesce(sum(intake.duplicates), 0)::bigint as duplicates,
            coalesce(sum(intake.quarantined), 0)::bigint as quarantined,
            coalesce(sum(intake.spooled), 0)::bigint as spooled,
            coalesce(sum(intake.turned_away), 0)::bigint as turned_away,
            max(intake.hour) as last_hour
        from raw_segment.sources
        left join raw_segment.intake
            on intake.source = sources.source and intake.hour >= now() - interval '30 days'
        group by sources.source, sources.kind, sources.is_enabled
        order by sources.kind desc, sources.source
        """,
    )
    keys = _keys(connection)
    for source in sources:
        source["keys"] = keys.get(source["source"], [])
        source["shown"] = shortened(source["source"])
    return {"days": 30, "sources": sources, "switches": switches(connection)}


def _keys(connection: psycopg.Connection) -> dict[str, list[dict[str, Any]]]:
    """Keys that work now, per source: their kind, since and until when; never the key."""
    found = rows(
        connection,
        "select source, kind, valid_from, valid_to from raw_segment.source_keys "
        "where valid_from <= now() and (valid_to is null or valid_to > now()) "
        "order by kind, valid_from desc",
    )
    by_source: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        by_source.setdefault(row.pop("source"), []).append(row)
    return by_source


def switches(connection: psycopg.Connection) -> dict[str, Any]:
    """`{switch: {"is_on", "changed_by", "since"}}`, as in force now."""
    found = rows(
        connection,
        """
        select distinct on (switch)
            switch, is_on, changed_by, nullif(valid_from, '-infinity') as since
        from sync.switches
        where valid_from <= now()
        order by switch, valid_from desc
        """,
    )
    return {row.pop("switch"): row for row in found}


def outcomes(connection: psycopg.Connection) -> dict[str, Any]:
    """What became of the events, as the last build saw it: `{"unresolved", "reasons", "daily"}`.

    Each reason has its events, a sample message id, and words for what would resolve it; `daily`
    has the events a day that are resolved and those that are not, of the last 90 days with any.
    """
    found = rows(
        connection,
        """
        with reasons as (
            select
                reason, sum(events)::bigint as events, min(day) as first_day, max(day) as last_day
            from marts.resolution_daily
            where reason is not null and reason <> 'receipt'
            group by reason
        )

        select
            reasons.*,
            (
                -- of one day: of all, every event would be looked at
                select sample_message_id from marts.unresolved_daily
                where
                    unresolved_daily.reason = reasons.reason
                    and unresolved_daily.day = reasons.last_day
                limit 1
            ) as sample_message_id
        from reasons
        order by events desc, reason
        """,
    )
    for row in found:
        title, meaning, cure = REASONS.get(row["reason"], (row["reason"], "", ""))
        row |= {"title": title, "meaning": meaning, "remedy": cure}
        row["sample_message_id"] = shortened(row["sample_message_id"], 110)
    return {
        "unresolved": sum(row["events"] for row in found),
        "reasons": found,
        **_daily(connection),
    }


def _daily(connection: psycopg.Connection, reason: str | None = None) -> dict[str, Any]:
    """Events a day, `{"as_of", "daily": [{"day", "resolved", "unresolved"}]}`; of one reason only
    the unresolved ones."""
    last = one(
        connection,
        "select max(day) as day from marts.resolution_daily "
        "where reason is distinct from 'receipt' and day <= current_date",
    )
    as_of = last["day"] if last else None
    daily = rows(
        connection,
        "select day, coalesce(sum(events) filter (where reason is null), 0)::bigint as resolved, "
        "coalesce(sum(events) filter (where reason is not null), 0)::bigint as unresolved "
        "from marts.resolution_daily "
        "where reason is distinct from 'receipt' and (%s::text is null or reason = %s) "
        "and day > %s::date - %s and day <= %s group by day order by day",
        reason,
        reason,
        as_of,
        DAYS,
        as_of,
    )
    return {"as_of": as_of, "daily": daily}


def resolved(connection: psycopg.Connection) -> dict[str, Any]:
    """`{"events", "resolved"}` of all that was built, our own pushes seen back left out."""
    found = one(
        connection,
        "select coalesce(sum(events), 0)::bigint as events, "
        "coalesce(sum(events) filter (where reason is null), 0)::bigint as resolved "
        "from marts.resolution_daily where reason is distinct from 'receipt'",
    )
    return found or {"events": 0, "resolved": 0}


def unresolved(
    connection: psycopg.Connection, reason: str, *, with_persons: bool, offset: int = 0
) -> dict[str, Any]:
    """The events of one reason by their keys, fifty at a time, the most frequent first.

    `{"as_of", "daily", "total", "rows"}`; each row has its keys, how many events, a sample, and
    what would resolve it. Keys of people are told only to who may see them (`with_persons`).
    """
    found = rows(
        connection,
        """
        select
            reason, type, user_id, email, anonymous_id, company_key, company_id,
            sum(events)::bigint as events,
            min(first_seen_at) as first_seen_at,
            max(last_seen_at) as last_seen_at,
            max(last_seen_at) as received_at,
            (array_agg(sample_message_id order by last_seen_at desc))[1] as sample_message_id,
            count(*) over () as total
        from marts.unresolved_daily
        where reason = %s
        group by reason, type, user_id, email, anonymous_id, company_key, company_id
        order by events desc, last_seen_at desc, sample_message_id
        limit %s offset %s
        """,
        reason,
        ROWS_A_PAGE,
        offset,
    )
    asker = Asker(connection, "", with_persons)
    listed = [
        {
            "sample_message_id": row["sample_message_id"],
            "events": row["events"],
            "first_seen_at": row["first_seen_at"],
            "last_seen_at": row["last_seen_at"],
            "type": row["type"],
            "company_key": shortened(row["company_key"]),
            "keys": {
                name: asker.person(row[name])
                for name in ("user_id", "email", "anonymous_id")
                if row[name] is not None
            },
            "remedy": _remedy(asker, row),
        }
        for row in found
    ]
    return {
        **_daily(connection, reason),
        "total": found[0]["total"] if found else 0,
        "rows": listed,
    }


def _remedy(asker: Asker, row: dict[str, Any]) -> str:
    if row["reason"] not in REASONS:
        return ""
    if row["reason"] == "no_identity" and row["type"] != "group":
        # The marts keep one row for all who never said who they are.
        return (
            "An identify or alias call with the anonymous id that a call has; the story of a call "
            "names it. A call without one stays nobody's."
        )
    return " ".join(remedy(asker, row))


def quarantine(
    connection: psycopg.Connection, *, with_payload: bool, offset: int = 0
) -> dict[str, Any]:
    """Calls that could not be stored and wait for a fix: `{"reasons", "total", "rows"}`.

    Fifty at a time, the newest first. Payload and detail may hold a person's data: they are read
    only for who may see them.
    """
    reasons = rows(
        connection,
        "select reason, count(*) as calls from raw_segment.quarantine where replayed_at is null "
        "group by reason order by calls desc, reason",
    )
    found = rows(
        connection,
        "select quarantine_id, received_at, source, reason, "
        "case when %s then detail end as detail, "
        "case when %s then left(payload, 2000) end as payload from raw_segment.quarantine "
        "where replayed_at is null order by quarantine_id desc limit %s offset %s",
        with_payload,
        with_payload,
        ROWS_A_PAGE,
        offset,
    )
    for row in found:
        row["source"] = shortened(row["source"])
        row["detail"] = shortened(row["detail"])
    return {
        "reasons": reasons,
        "total": sum(row["calls"] for row in reasons),
        "rows": found,
        "with_payload": with_payload,
    }


def received(connection: psycopg.Connection, source: str) -> dict[str, Any]:
    """What one source sent a day (UTC), of the last 30 days: `{"as_of", "daily"}`."""
    found = rows(
        connection,
        "select (hour at time zone 'UTC')::date as day, sum(received)::bigint as received, "
        "sum(landed)::bigint as landed, sum(duplicates)::bigint as duplicates, "
        "sum(quarantined)::bigint as quarantined, sum(spooled)::bigint as spooled, "
        "sum(turned_away)::bigint as turned_away "
        "from raw_segment.intake where source = %s and hour >= now() - interval '30 days' "
        "group by 1 order by 1",
        source.replace("\0", ""),
    )
    today = one(connection, "select current_date as day")
    return {"as_of": today and today["day"], "daily": found}


def listed_endusers(
    connection: psycopg.Connection,
    origin: str | None = None,
    *,
    with_persons: bool,
    offset: int = 0,
) -> dict[str, Any]:
    """Endusers, fifty at a time, those seen first last: `{"total", "rows", "with_persons"}`.

    Of one `origin` (planhat, segment: created from it), or all; names only for who may see them
    (`with_persons`).
    """
    of_them = "from marts.endusers where origin = coalesce(%s, origin)"
    total = one(connection, f"select count(*) as total {of_them}", origin)
    found = rows(
        connection,
        "select enduser_id, company_id, companies.name as company, origin, created_by_message_id, "
        "first_seen_at, case when %s then coalesce(endusers.name, email) end as name "
        "from marts.endusers left join marts.companies using (company_id) "
        "where origin = coalesce(%s, origin) order by first_seen_at desc nulls last, enduser_id "
        "limit %s offset %s",
        with_persons,
        origin,
        ROWS_A_PAGE,
        offset,
    )
    for row in found:
        row["company"] = shortened(row["company"])
        row["name"] = shortened(row["name"])
    return {"total": total["total"] if total else 0, "rows": found, "with_persons": with_persons}


def endusers(connection: psycopg.Connection) -> dict[str, Any]:
    """How many endusers are known, and how many of them were created from Segment."""
    found = one(
        connection,
        "select count(*) as known, count(*) filter (where origin = 'segment') as created "
        "from marts.endusers",
    )
    return found or {"known": 0, "created": 0}
