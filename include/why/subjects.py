"""What is not a call: a user id, an e-mail, an enduser, a company, any object of Planhat."""

from typing import Any

from include.why import outbound, to_planhat
from include.why.asking import Asker, times, when
from include.why.calls import company_words, enduser_words
from include.why.reasons import REASONS, remedy
from include.why.story import Chapter, Step

# Calls of one person that are looked at for their outcome, newest first, and those told one by one.
CALLS_LOOKED_AT = 500
CALLS_TOLD = 5

NEWEST = """
    select message_id, message_key, type, event, event_at, received_at, reason, company_id,
        company_key, user_id, email, anonymous_id, enduser_id
    from marts.event_resolution
"""


def user_id(asker: Asker, key: str) -> list[Chapter]:
    """A user id that some call carries or some enduser in Planhat has."""
    steps = _known_as(asker, "user_id", key)
    calls = asker.rows(
        NEWEST + "where user_id = %s order by event_at desc limit %s", key, CALLS_LOOKED_AT
    )
    steps += _call_steps(asker, calls)
    return [Chapter("user_id", f"User id {key}", tuple(steps))] if steps else []


def email(asker: Asker, address: str) -> list[Chapter]:
    """An e-mail, trimmed and in lower case, that some call or enduser carries."""
    steps = _known_as(asker, "email", address)
    calls = asker.rows(
        NEWEST + "where email = %s order by event_at desc limit %s", address, CALLS_LOOKED_AT
    )
    steps += _call_steps(asker, calls)
    return [Chapter("email", f"E-mail {address}", tuple(steps))] if steps else []


def _known_as(asker: Asker, kind: str, key: str) -> list[Step]:
    """The companies in which a key is known, and whom it means there."""
    companies = asker.rows(
        "select company_id from intermediate.int_identity__key_companies "
        "where kind = %s and key = %s group by company_id order by company_id limit 20",
        kind,
        key,
    )
    steps = []
    for row in companies:
        company = company_words(asker, row["company_id"])
        people = asker.rows(
            "select enduser_id from marts.endusers where company_id = %s "
            "and %s in (external_id, email) order by enduser_id limit 10",
            row["company_id"],
            key,
        )
        refs = [each["enduser_id"] for each in people]
        whom = ", ".join(enduser_words(asker, each) for each in refs)
        text = f"In {company}: {whom}." if whom else f"In {company}: nobody has it as their own."
        steps.append(Step("Known", text, refs=(*refs, row["company_id"])))
    return steps


def anonymous_id(asker: Asker, key: str) -> list[Chapter]:
    """An anonymous id that some call ties to a person."""
    links = asker.rows(
        "select message_id, event_at, user_id, email from intermediate.int_identity__links "
        "inner join intermediate.int_identity__own_keys using (keyset) "
        "where anonymous_id = %s order by event_at desc, message_id desc limit %s",
        key,
        CALLS_TOLD,
    )
    steps = [
        Step(
            "Linked",
            f"{when(row['event_at'])}: {row['message_id']} says that it is "
            f"{asker.person(row['user_id'] or row['email'])}. Calls with this anonymous id alone "
            "from then on are theirs.",
            refs=(row["message_id"],),
        )
        for row in links
    ]
    return [Chapter("anonymous_id", f"Anonymous id {key}", tuple(steps))] if steps else []


def _call_steps(asker: Asker, calls: list[dict[str, Any]]) -> list[Step]:
    if not calls:
        return []
    reasons: dict[str | None, list[dict[str, Any]]] = {}
    for call in calls:
        reasons.setdefault(call["reason"], []).append(call)
    newest = f"Of the newest {times(len(calls), 'call')}" if len(calls) > 1 else "Its only call"
    resolved = len(reasons.pop(None, []))
    steps = [Step("Calls", f"{newest}, {resolved:,} resolved; last {when(calls[0]['event_at'])}.")]
    for reason, found in reasons.items():
        title, meaning, _ = REASONS[reason or ""]
        steps.append(
            Step(
                "Unresolved",
                f"{times(len(found), 'call')}: {title} ({reason}). {meaning}",
                "missing",
                ("What resolves it: " + " ".join(remedy(asker, found[0])),),
                refs=(found[0]["message_id"],),
            )
        )
    return [*steps, *(_one_call(call) for call in calls[:CALLS_TOLD])]


def _one_call(call: dict[str, Any]) -> Step:
    what = f"{call['type']} “{call['event']}”" if call["type"] == "track" else call["type"]
    return Step(
        "Call",
        f"{when(call['event_at'])} {what}: {call['reason'] or 'resolved'}; {call['message_id']}",
        "missing" if call["reason"] else "done",
        refs=(call["message_id"],),
    )


def enduser(asker: Asker, enduser_id: str) -> list[Chapter]:
    """An enduser, in Planhat or created from calls."""
    row = asker.one("select * from marts.endusers where enduser_id = %s", enduser_id)
    if row is None:
        return []
    is_created = row["origin"] == "segment"
    # one that we made there has Planhat's id since it was read
    is_in_planhat = not is_created or _is_in_planhat(asker, enduser_id)
    if not is_created:
        origin = Step("Enduser", "In Planhat.", more=_keys(asker, row))
    else:
        created_by = row["created_by_message_id"]
        there = (
            "we made it in Planhat, where it has this id"
            if is_in_planhat
            else "Planhat has nobody with its key there"
        )
        origin = Step(
            "Enduser",
            f"Created from Segment by {created_by}: {there}.",
            more=_keys(asker, row),
            refs=(created_by,) if created_by else (),
        )
    steps = [origin]
    if row["company_id"]:
        company = company_words(asker, row["company_id"])
        steps.append(Step("Company", f"{company}.", refs=(row["company_id"],)))
    if row["last_seen_at"]:
        text = f"First {when(row['first_seen_at'])}, last {when(row['last_seen_at'])}."
        steps.append(Step("Calls", text))
        calls = asker.rows(
            NEWEST + "where enduser_id = %s order by event_at desc limit %s",
            enduser_id,
            CALLS_TOLD,
        )
        steps += [_one_call(call) for call in calls]
    else:
        steps.append(Step("Calls", "None has been resolved to it yet.", "missing"))
    steps += _usage(asker, "enduser", enduser_id)
    if is_in_planhat:
        steps += outbound.steps_of(asker, "enduser", enduser_id)
        steps += outbound.in_short(asker, "Usage to Segment", "enduser_usage", enduser_id)
        steps += to_planhat.made(asker, row) if is_created else []
        steps += to_planhat.metrics(asker, "enduser", enduser_id)
        steps += to_planhat.activities(asker, enduser_id)
    else:
        steps += outbound.in_short(asker, "Outbound", "created_enduser", enduser_id)
        steps += outbound.in_short(asker, "Usage to Segment", "enduser_usage", enduser_id)
        steps += to_planhat.created(asker, enduser_id)
    record = ("enduser", enduser_id) if is_in_planhat else None
    return [Chapter("enduser", f"Enduser {enduser_id}", tuple(steps), record)]


def _is_in_planhat(asker: Asker, enduser_id: str) -> bool:
    return bool(
        asker.one(
            "select 1 from raw_planhat.objects where model = 'enduser' and planhat_id = %s "
            "and deleted_at is null",
            enduser_id,
        )
    )


def _keys(asker: Asker, row: dict[str, Any]) -> tuple[str, ...]:
    names = {"name": "name", "external_id": "external id", "email": "e-mail"}
    told = [f"{text} {asker.person(row[key])}" for key, text in names.items() if row[key]]
    return (f"Its {', '.join(told)}.",) if told else ()


def companies(asker: Asker, key: str) -> list[Chapter]:
    """Companies with this Planhat id or external id, deleted ones too."""
    found = asker.rows(
        "select company_id, name, external_id, deleted_at from marts.companies "
        "where company_id = %s or external_id = %s order by deleted_at nulls first, company_id "
        "limit 5",
        key,
        key,
    )
    return [
        Chapter(
            "company",
            f"Company {row['name'] or row['company_id']}",
            tuple(_company_steps(asker, row)),
            None if row["deleted_at"] else ("company", row["company_id"]),
        )
        for row in found
    ]


def _company_steps(asker: Asker, row: dict[str, Any]) -> list[Step]:
    company_id = row["company_id"]
    steps = [_in_planhat(asker, "company", company_id)]
    known = asker.one(
        "select company_key from intermediate.int_identity__known_companies where company_id = %s",
        company_id,
    )
    if row["external_id"] is None:
        text = "It has no external id, so no call can name it; its endusers lead to it."
        steps.append(Step("Named", text, "missing"))
    elif known and known["company_key"] is None:
        text = f"Another company has the external id “{row['external_id']}” too, and stands for it."
        steps.append(Step("Named", text, "missing"))
    elif known:
        steps.append(Step("Named", f"Calls name it as “{row['external_id']}”."))
    people = asker.one(
        "select count(*) as known, count(*) filter (where origin = 'segment') as created "
        "from marts.endusers where company_id = %s",
        company_id,
    )
    if people and people["known"]:
        text = f"{people['known']:,} known, {people['created']:,} of them created from Segment."
        steps.append(Step("Endusers", text))
    nameless = asker.one(
        "select sum(unattributed)::bigint as calls from marts.usage_daily "
        "where object_type = 'company' and object_id = %s",
        company_id,
    )
    steps += _usage(asker, "company", company_id)
    if nameless and nameless["calls"]:
        text = f"{times(nameless['calls'], 'call')} of people nobody could name: not usage."
        steps.append(Step("Unattributed", text, "missing"))
    return [
        *steps,
        *outbound.steps_of(asker, "company", company_id),
        *outbound.in_short(asker, "Usage to Segment", "company_usage", company_id),
        *to_planhat.metrics(asker, "company", company_id),
    ]


def unknown_company(asker: Asker, key: str) -> list[Chapter]:
    """A company key that calls name and no company in Planhat has."""
    row = asker.one(
        "select events, events_found, users, first_seen_at, last_seen_at, sample_message_id "
        "from marts.unknown_companies where company_key = %s",
        key,
    )
    if row is None:
        return []
    found = f" {times(row['events_found'], 'call')} of them found a company in another way."
    step = Step(
        "Unresolved",
        f"{times(row['events'], 'call')} of {row['users']:,} people name it, from "
        f"{when(row['first_seen_at'])} to {when(row['last_seen_at'])}, and no company in Planhat "
        f"has it as its external id.{found if row['events_found'] else ''}",
        "missing",
        ("What resolves it: set that external id in Planhat, then read Planhat again.",),
        (row["sample_message_id"],),
    )
    return [Chapter("company", f"Unknown company {key}", (step,))]


def objects(asker: Asker, object_id: str) -> list[Chapter]:
    """Objects of any other model with this Planhat id."""
    found = asker.rows(
        "select model, deleted_at from raw_planhat.objects where planhat_id = %s "
        "and model not in ('company', 'enduser') order by model",
        object_id,
    )
    chapters = []
    for row in found:
        steps = [_in_planhat(asker, row["model"], object_id)]
        if asker.is_built:
            steps += _usage(asker, row["model"], object_id)
        steps += outbound.steps_of(asker, row["model"], object_id)
        if asker.is_built and row["model"] in to_planhat.WORDS:
            steps += to_planhat.metrics(asker, row["model"], object_id)
        title = f"{row['model'].replace('_', ' ').capitalize()} {object_id}"
        record = None if row["deleted_at"] else (row["model"], object_id)
        chapters.append(Chapter("object", title, tuple(steps), record))
    return chapters


def deleted_enduser(asker: Asker, enduser_id: str) -> list[Chapter]:
    """An enduser that Planhat had and has no more, or one that no build has seen yet."""
    row = asker.one(
        "select 1 from raw_planhat.objects where model = 'enduser' and planhat_id = %s", enduser_id
    )
    if row is None:
        return []
    steps = [
        _in_planhat(asker, "enduser", enduser_id),
        *outbound.steps_of(asker, "enduser", enduser_id),
    ]
    return [Chapter("enduser", f"Enduser {enduser_id}", tuple(steps))]


def _in_planhat(asker: Asker, model: str, object_id: str) -> Step:
    row = asker.one(
        "select payload, first_read_at, changed_at, deleted_at from raw_planhat.objects "
        "where model = %s and planhat_id = %s",
        model,
        object_id,
    )
    if row is None:
        return Step("Read", "No read of Planhat has it.", "missing")
    payload = row["payload"] if asker.with_persons else None
    if row["deleted_at"]:
        text = f"Deleted in Planhat: a read on {when(row['deleted_at'])} found it no more."
        return Step("Read", text, "missing", payload=payload)
    text = (
        f"In Planhat since the read of {when(row['first_read_at'])}, as it is now since that of "
        f"{when(row['changed_at'])}."
    )
    return Step("Read", text, payload=payload)


def _usage(asker: Asker, object_type: str, object_id: str) -> list[Step]:
    row = asker.one(
        "select activities_30d, activities_total, trend, last_activity_at, as_of_date "
        "from marts.usage_trends where object_type = %s and object_id = %s",
        object_type,
        object_id,
    )
    if row is None or not row["activities_total"]:
        return []
    text = (
        f"{row['activities_30d']:,} activities in the 30 days to {row['as_of_date']}, "
        f"{row['activities_total']:,} in all, trend {row['trend']}; "
        f"last {when(row['last_activity_at'])}."
    )
    return [Step("Usage", text)]
