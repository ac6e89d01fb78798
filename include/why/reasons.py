"""Why a call is unresolved, in words, and what would resolve it."""

from collections.abc import Callable
from typing import Any

from include.why.asking import Asker, when

# What each reason of `marts.event_resolution` means to an operator, and what makes such calls
# resolve by themselves: (title, meaning, remedy). A test compares them with the domain's list.
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
        "Switch the section on: calls received from then on count, or from a past day on.",
    ),
    "blocked_identity": (
        "Blocked identity",
        "Every identifier in the call is one that identifies nobody, such as `null` or `-1`; or "
        "its user is excluded, or it is a bot's.",
        "Send a real user id, or take the value off the blocked list or the excluded people.",
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


def remedy(asker: Asker, call: dict[str, Any]) -> tuple[str, ...]:
    """What would resolve this call, with its own keys; a row of `marts.event_resolution`."""
    reason = call["reason"]
    special = _SPECIAL.get(reason)
    return special(asker, call) if special else (REASONS[reason][2],)


def _unknown_company(asker: Asker, call: dict[str, Any]) -> tuple[str, ...]:
    key = call["company_key"]
    gone = asker.one(
        "select company_id, name, deleted_at from marts.companies "
        "where external_id = %s and deleted_at is not null limit 1",
        key,
    )
    if gone:
        return (
            f"The company “{key}” ({gone['name']}) was deleted in Planhat; seen "
            f"{when(gone['deleted_at'])}. Restore it there, then read Planhat again.",
        )
    return (f"Give its company in Planhat the external id “{key}”, then read Planhat again.",)


def _no_company(asker: Asker, call: dict[str, Any]) -> tuple[str, ...]:
    if call["type"] == "group":
        return ("A group call must name a company that Planhat has: its groupId.",)
    who = asker.person(call["user_id"] or call["email"])
    kind = "user id" if call["user_id"] else "e-mail"
    return (f"One identify or track call of {kind} {who} that names a company of Planhat's.",)


def _ambiguous(asker: Asker, call: dict[str, Any]) -> tuple[str, ...]:
    if call["company_id"] is None:
        kind, key = ("user_id", call["user_id"]) if call["user_id"] else ("email", call["email"])
        companies = asker.rows(
            "select distinct company_id, name, external_id "
            "from intermediate.int_identity__key_companies "
            "left join marts.companies using (company_id) where kind = %s and key = %s "
            "order by name, company_id limit 10",
            kind,
            key,
        )
        names = ", ".join(f"{each['name']} ({each['external_id']})" for each in companies)
        return (
            f"It is known in several companies: {names}.",
            "Send the company's id with the call, or mark one enduser as primary in Planhat.",
        )
    found = asker.rows(
        "select enduser_id, origin from marts.endusers where company_id = %s and email = %s "
        "order by enduser_id limit 10",
        call["company_id"],
        call["email"],
    )
    people = ", ".join(f"{each['enduser_id']} ({each['origin']})" for each in found)
    return (
        f"Several endusers of its company have this address: {people}.",
        "Send a user id with the call, or mark one of them as primary in Planhat.",
    )


def _deleted(asker: Asker, call: dict[str, Any]) -> tuple[str, ...]:
    gone = asker.one(
        "select enduser_id, deleted_at from staging.stg_planhat__endusers "
        "where company_id = %s and deleted_at is not null "
        "and (external_id = %s or email = %s) order by deleted_at desc limit 1",
        call["company_id"],
        call["user_id"],
        call["email"],
    )
    if gone is None:
        return (REASONS["deleted_enduser"][2],)
    return (
        f"Restore the enduser {gone['enduser_id']} in Planhat, where it was deleted "
        f"(seen {when(gone['deleted_at'])}), then read Planhat again.",
    )


def _unknown_enduser(asker: Asker, call: dict[str, Any]) -> tuple[str, ...]:
    if call["type"] not in ("identify", "track"):
        return (
            f"A {call['type']} call creates nobody. An identify or track call of this person with "
            "this company does, while auto-create is on; or create the enduser in Planhat.",
        )
    return (
        f"Auto-create was off when it was received ({when(call['received_at'])}). Create the "
        "enduser in Planhat, or switch auto-create on and wait for their next call.",
    )


def _no_identity(asker: Asker, call: dict[str, Any]) -> tuple[str, ...]:
    if call["type"] == "group":
        return ("Nothing: a group call is about a company, and this one names none.",)
    if call["anonymous_id"] is None:
        return ("Nothing: it has no user id, no e-mail and no anonymous id. Send one with it.",)
    who = asker.person(call["anonymous_id"])
    return (
        f"An identify or alias call with the anonymous id {who}: it counts for past calls too.",
    )


def _section_off(asker: Asker, call: dict[str, Any]) -> tuple[str, ...]:
    section = "company_metrics" if call["type"] == "group" else "user_tracking"
    row = asker.one(
        "select changed_by, valid_from from sync.switches where switch = %s and not is_on "
        "and valid_from <= %s order by valid_from desc limit 1",
        section,
        call["received_at"],
    )
    by = f" by {row['changed_by']} on {when(row['valid_from'])}" if row else ""
    return (
        f"{section.replace('_', ' ').capitalize()} had been switched off{by}. "
        "Calls received after it is switched on count; this one stays out.",
    )


_SPECIAL: dict[str, Callable[[Asker, dict[str, Any]], tuple[str, ...]]] = {
    "unknown_company": _unknown_company,
    "no_company": _no_company,
    "ambiguous_enduser": _ambiguous,
    "deleted_enduser": _deleted,
    "unknown_enduser": _unknown_enduser,
    "no_identity": _no_identity,
    "section_off": _section_off,
}
