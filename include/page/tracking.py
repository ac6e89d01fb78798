"""Section 1 of the page: what Segment sent, what became of it, and what would resolve the rest."""

from typing import Any

import psycopg

from include.page.reading import one, rows, shortened
from include.why.reasons import REASONS


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
            max(intake.hour) as last_hour
        from raw_segment.sources
        left join raw_segment.intake
            on intake.source = sources.source and intake.hour >= now() - interval '30 days'
        group by sources.source, sources.kind, sources.is_enabled
        order by sources.kind desc, sources.source
        """,
    )
    for source in sources:
        source["source"] = shortened(source["source"])
    return {"days": 30, "sources": sources, "switches": switches(connection)}


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
    """What became of the events, as the last build saw it: `{"unresolved", "reasons": […]}`.

    Each reason has its events, a sample message id, and words for what would resolve it.
    """
    found = rows(
        connection,
        """
        select
            reason,
            sum(events)::bigint as events,
            min(first_seen_at) as first_seen_at,
            max(last_seen_at) as last_seen_at,
            (array_agg(sample_message_id order by last_seen_at desc))[1] as sample_message_id
        from marts.unresolved_daily
        group by reason
        order by events desc, reason
        """,
    )
    for row in found:
        title, meaning, remedy = REASONS.get(row["reason"], (row["reason"], "", ""))
        row |= {"title": title, "meaning": meaning, "remedy": remedy}
        row["sample_message_id"] = shortened(row["sample_message_id"], 110)
    return {"unresolved": sum(row["events"] for row in found), "reasons": found}


def resolved(connection: psycopg.Connection) -> dict[str, Any]:
    """`{"events", "resolved"}` of all that was built, our own pushes seen back left out."""
    found = one(
        connection,
        "select count(*) as events, count(*) filter (where reason is null) as resolved "
        "from marts.event_resolution where reason is distinct from 'receipt'",
    )
    return found or {"events": 0, "resolved": 0}


def endusers(connection: psycopg.Connection) -> dict[str, Any]:
    """How many endusers are known, and how many of them were created from Segment."""
    found = one(
        connection,
        "select count(*) as known, count(*) filter (where origin = 'segment') as created "
        "from marts.endusers",
    )
    return found or {"known": 0, "created": 0}
