"""Section 1 of the page: what Segment sent, what became of it, and what would resolve the rest."""

from typing import Any

import psycopg

from include.page.reading import one, rows, shortened

# What each reason of `marts.event_resolution` means to an operator, and what makes such events
# resolve by themselves. `tests/include/page/test_tracking.py` compares them with the domain's list.
REASONS = {
    "suppressed": (
        "Opted out",
        "The call's `integrations` object says not to send it to Planhat.",
        "Nothing: the sender asked for it. Remove the opt-out where the call is made.",
    ),
    "unsupported_type": (
        "Not a type that is counted",
        "The call is of a type that carries no usage and no identity here.",
        "Nothing; it is kept in case that changes.",
    ),
    "section_off": (
        "Section was off",
        "User tracking or company metrics was switched off when the call arrived.",
        "Switch the section on: calls received from then on count.",
    ),
    "blocked_identity": (
        "Blocked identity",
        "Every identifier in the call is one that identifies nobody, such as `null` or `-1`.",
        "Send a real user id, or take the value off the blocked list.",
    ),
    "no_identity": (
        "No identity",
        "The call has no user id, no email, and an anonymous id that was never linked to one.",
        "An identify or alias with the same anonymous id.",
    ),
    "unknown_company": (
        "Unknown company",
        "The call names a company that no Planhat company has as its external id.",
        "Set that external id on the company in Planhat, then read Planhat again.",
    ),
    "ambiguous_enduser": (
        "Several candidates",
        "Several companies or endusers fit, and nothing decides between them.",
        "Send the company id with the call, or mark one enduser as primary in Planhat.",
    ),
    "no_company": (
        "No company",
        "Nothing says which company this user or email belongs to.",
        "One identify or track with a company id for this user.",
    ),
    "deleted_enduser": (
        "Enduser deleted in Planhat",
        "The enduser that matches was deleted in Planhat, so nobody is credited.",
        "Restore the enduser in Planhat.",
    ),
    "unknown_enduser": (
        "Unknown enduser",
        "No enduser matches, and auto-create was off when the call arrived.",
        "Create the enduser in Planhat, or switch auto-create on for calls to come.",
    ),
    "receipt": (
        "Our own push, seen back",
        "A call that this integration pushed came back from Segment.",
        "Nothing: it proves delivery and is never usage.",
    ),
}


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
