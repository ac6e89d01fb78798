"""One call: received, resolved by which rule or why not, counted where, and who it is about."""

import hashlib
from dataclasses import replace
from typing import Any

from include.collector.times import read_time
from include.privacy import field_rules
from include.warehouse.reading import shortened
from include.why import outbound, to_planhat
from include.why.asking import Asker, times, when
from include.why.reasons import REASONS, remedy
from include.why.story import Chapter, Step

# Rows that are searched for a message id in the quarantine, newest first: it has no index on text.
QUARANTINE_LOOKED_AT = 50_000

COMPANY_FOUND = {
    "company_key": "the call names it as “{company_key}”",
    "user_id": "the only company in which the user id {user_id} is known",
    "user_nearest_call": (
        "of the several companies of the user id {user_id}, the one that their nearest naming "
        "call says"
    ),
    "email": "the only company in which the e-mail {email} is known",
    "email_primary": (
        "of the several companies of the e-mail {email}, the only one with a primary enduser"
    ),
}
ENDUSER_FOUND = {
    "external_id": "its external id in Planhat is the user id {user_id}",
    "user_email": "the user id {user_id} last came with the e-mail of this enduser in Planhat",
    "created_user": "Planhat has nobody with the user id {user_id} there, so it was created",
    "email": "its e-mail in Planhat is {email}",
    "created_user_email": "the only created user whose e-mail is {email}",
    "email_of_user": "it is the e-mail {email} that a user id of this enduser last came with",
    "created_email": "Planhat has nobody with the e-mail {email} there, so it was created",
}
CLOCKS = {
    "segment": "as Segment corrected it",
    "sent_at": "by the client's clock, corrected by when it was sent",
    "original_timestamp": "by the client's clock",
    "timestamp": "by its timestamp",
}
# What is left of an old call (docs/privacy.md).
KEPT_AS = {
    "": "",
    "keys": " Of its payload only keys and numbers are kept any more.",
    "days": " Only keys and numbers are kept of it, and its time may be that of one that is alike.",
}
# Why a call happened when it was received, as `time_problem` of staging.stg_segment__calls says.
TIME_PROBLEMS = {
    "missing": "it says no time of its own",
    "unreadable": "its time{said} cannot be read",
    "before_2000": "its time{said} is before the year 2000{corrected}",
    "after_receipt": "its time{said} is more than a day after it was received{corrected}",
}


def chapters_of(asker: Asker, message_id: str) -> list[Chapter]:
    """The call that landed under this id, or those that were quarantined with it."""
    event = asker.one(
        "select message_id, events.source, kind, type, received_at, payload, kept_as, field_rules "
        "from raw_segment.events left join raw_segment.sources using (source) "
        "where message_key = md5(%s)::uuid and message_id = %s",
        message_id,
        message_id,
    )
    if event is not None:
        return [Chapter("call", f"Call {message_id}", tuple(_steps(asker, event)))]
    return _quarantined(asker, message_id)


def _steps(asker: Asker, event: dict[str, Any]) -> list[Step]:
    event_name = event["payload"].get("event") if isinstance(event["payload"], dict) else None
    what = f"{event['type']} “{event_name}”" if event_name else event["type"]
    received = Step(
        "Received",
        f"{when(event['received_at'])} from the source {event['source']}: {what}."
        f"{KEPT_AS[event['kept_as']]}",
        payload=event["payload"] if asker.with_persons else None,
    )
    received = replace(received, more=_ruled(asker, event["field_rules"]))
    call = asker.is_built and asker.one(
        "select * from marts.event_resolution where message_id = %s",
        _built_id(event["message_id"]),
    )
    if not call:
        return [received, _unbuilt(asker)]
    if call["reason"] == "receipt":
        return [received, *_receipt(asker, event)]
    if call["event_at"] != call["received_at"] or call["event_at_source"] == "received_at":
        clock = CLOCKS.get(call["event_at_source"]) or _time_problem(asker, event)
        happened = [Step("Happened", f"{when(call['event_at'])}, {clock}.")]
    else:
        happened = []
    return [
        received,
        *happened,
        *_identity(asker, call),
        *_objects(asker, call),
        *_counted(asker, call),
        *_outbound(asker, call),
    ]


def _ruled(asker: Asker, rules: str) -> tuple[str, ...]:
    """What field rules did to it before it was stored, a line each."""
    if not rules:
        return ()
    numbers = [int(each) for each in rules.split(",") if each != "0"]
    known = {each["rule_id"]: each["words"] for each in field_rules.listed(asker.connection)}
    return tuple(
        f"Changed before it was stored, by field rule {each}: {known.get(each, 'gone')}."
        for each in numbers
    )


def _time_problem(asker: Asker, event: dict[str, Any]) -> str:
    """What was wrong with the call's own time."""
    row = asker.one(
        "select time_problem from staging.stg_segment__calls where message_id = %s",
        _built_id(event["message_id"]),
    )
    problem = TIME_PROBLEMS[row["time_problem"] if row else "missing"]
    said = _first(event["payload"], "timestamp", "originalTimestamp", "original_timestamp")
    shown = f" “{shortened(str(said), 60)}”" if asker.with_persons else ""
    is_corrected = read_time(_first(event["payload"], "sentAt", "sent_at")) is not None
    corrected = " by the client's clock, corrected by when it was sent" if is_corrected else ""
    return f"{problem.format(said=shown, corrected=corrected)}, so when it was received counts"


def _first(payload: dict[str, Any], *names: str) -> Any:
    return next((payload[name] for name in names if payload.get(name) is not None), None)


def _built_id(message_id: str) -> str:
    """The id as tables have it that a build makes: macro `message_id_form`."""
    if len(message_id.encode()) <= 500:
        return message_id
    return message_id[:480] + hashlib.md5(message_id.encode(), usedforsecurity=False).hexdigest()


def _unbuilt(asker: Asker) -> Step:
    last = asker.one("select started_at, status from sync.builds order by build_id desc limit 1")
    seen = f"The last build began {when(last['started_at'])} ({last['status']})." if last else ""
    text = "No build has seen it yet: run `make build`, or wait for the DAG build_usage."
    return Step("Resolved", " ".join(filter(None, (text, seen))), "waiting")


def _receipt(asker: Asker, event: dict[str, Any]) -> list[Step]:
    ours = Step(
        "Receipt", "What we pushed to Segment, coming back: never usage, and it identifies nobody."
    )
    sent = outbound.sent_as(asker, event["message_id"])
    if sent is None:
        return [
            ours,
            Step(
                "Pushed",
                "The ledger does not know it: an earlier message of its object, or another "
                "environment's.",
                "missing",
            ),
        ]
    about = Step("About", f"The {sent['model']} {sent['object_id']}.", refs=(sent["object_id"],))
    return [ours, about, *outbound.steps_of(asker, sent["model"], sent["object_id"])]


# Who it is


def _identity(asker: Asker, call: dict[str, Any]) -> list[Step]:
    keys = {
        "user_id": asker.person(call["user_id"]),
        # a company may be found by the e-mail that other calls told of its user
        "email": asker.person(call["email"]) if call["email"] else "of its user",
        "company_key": call["company_key"],
    }
    steps = []
    if call["linked_by_message_id"]:
        borrowed = " and ".join(
            f"the {name} {keys[key]}"
            for key, name in (("user_id", "user id"), ("email", "e-mail"))
            if call[key]
        )
        steps.append(
            Step(
                "Linked",
                f"It has an anonymous id alone, and borrows {borrowed} of its nearest link, "
                f"{call['linked_by_message_id']}.",
                refs=(call["linked_by_message_id"],),
            )
        )
    if call["company_id"]:
        found = COMPANY_FOUND.get(call["company_matched_by"], "")
        steps.append(
            Step(
                "Company",
                f"{company_words(asker, call['company_id'])}: {found.format(**keys)}.",
                more=(f"It named “{call['company_key']}”, which no company in Planhat has.",)
                if call["company_reason"]
                else (),
                refs=(call["company_id"],),
            )
        )
    if call["reason"]:
        title, meaning, _ = REASONS[call["reason"]]
        steps.append(
            Step(
                "Unresolved",
                f"{title} ({call['reason']}). {meaning}",
                "missing",
                ("What resolves it: " + " ".join(remedy(asker, call)),),
            )
        )
    elif call["enduser_id"]:
        found = ENDUSER_FOUND.get(call["matched_by"], "")
        steps.append(
            Step(
                "Enduser",
                f"{enduser_words(asker, call['enduser_id'])}: {found.format(**keys)}.",
                refs=(call["enduser_id"],),
            )
        )
    return [*steps, *_conflicts(asker, call)]


def company_words(asker: Asker, company_id: str) -> str:
    """Its name, external id and Planhat id."""
    row = asker.one(
        "select name, external_id from marts.companies where company_id = %s", company_id
    )
    if row is None:
        return company_id
    ids = f"{row['external_id']}, {company_id}" if row["external_id"] else company_id
    return f"{row['name'] or 'a company without a name'} ({ids})"


def enduser_words(asker: Asker, enduser_id: str) -> str:
    """Its name as the asker may see it, origin and id."""
    row = asker.one(
        "select coalesce(name, email, external_id) as name, origin from marts.endusers "
        "where enduser_id = %s",
        enduser_id,
    )
    if row is None:
        return enduser_id
    origin = "in Planhat" if row["origin"] == "planhat" else "created from Segment"
    return f"{asker.person(row['name'])} ({enduser_id}, {origin})"


def _conflicts(asker: Asker, call: dict[str, Any]) -> list[Step]:
    if call["user_id"] is None:
        return []
    found = asker.rows(
        "select kind, previous_id, stood_enduser_id, email_enduser_id "
        "from marts.identity_conflicts where user_id = %s and ("
        "kind <> 'alias_of_two_users' and email = %s and company_id = %s "
        "or kind = 'alias_of_two_users' and sample_message_id = %s) limit 3",
        call["user_id"],
        call["email"],
        call["company_id"],
        call["message_id"],
    )
    return [Step("Conflict", _conflict_words(asker, row), "missing") for row in found]


def _conflict_words(asker: Asker, row: dict[str, Any]) -> str:
    if row["kind"] == "alias_of_two_users":
        return (
            f"It says that {asker.person(row['previous_id'])}, a known user id, is the same "
            "person. Nobody is merged: the alias links nothing."
        )
    return (
        f"Its e-mail leads to another enduser, {row['email_enduser_id']}. The user id stands, and "
        "nobody is merged."
    )


def _objects(asker: Asker, call: dict[str, Any]) -> list[Step]:
    named = [(model, call[f"{model}_id"]) for model in ("asset", "project")]
    steps = [
        Step("Names", f"The {model} {object_id}.", refs=(object_id,))
        for model, object_id in named
        if object_id
    ]
    if call["object_reason"]:
        text = (
            "It names an object by an external id that its company has not in Planhat. "
            "The call counts all the same, but not for that object."
        )
        steps.append(Step("Names", text, "missing"))
    return steps


# What it counts for


def _counted(asker: Asker, call: dict[str, Any]) -> list[Step]:
    if call["type"] == "group":
        return _metrics(asker, call) if not call["reason"] else []
    if call["company_id"] is None or call["type"] not in ("track", "page", "screen"):
        return [] if call["reason"] else [_no_usage(call)]
    rule = asker.one(
        "select counted, weight from sync.usage_events where type = %s and event = %s",
        call["type"],
        call["event"],
    )
    if not (rule["counted"] if rule else call["type"] == "track"):
        return [_no_usage(call, is_ruled=rule is not None)]
    day = asker.one(
        "select activities, unattributed from marts.usage_daily where object_type = 'company' "
        "and object_id = %s and activity_date = %s and event = %s",
        call["company_id"],
        call["event_date"],
        call["event"],
    )
    if call["reason"]:
        return [
            Step(
                "Counted",
                f"On {call['event_date']} as unattributed activity of its company, not as usage"
                + (f"; {times(day['unattributed'], 'such call')} that day." if day else "."),
            )
        ]
    objects = [f"its {model}" for model in ("asset", "project") if call[f"{model}_id"]]
    targets = ", ".join(["its enduser", "its company", *objects])
    weight = f", with weight {rule['weight'].normalize():f}" if rule else ""
    more = f"Its company has {day['activities']:,} of that name that day." if day else ""
    return [
        Step(
            "Counted",
            f"On {call['event_date']} as “{call['event']}”{weight}, for {targets}.",
            more=(more,) if more else (),
        )
    ]


def _no_usage(call: dict[str, Any], *, is_ruled: bool = False) -> Step:
    if is_ruled:
        text = f"No usage: sync.usage_events says that “{call['event']}” does not count."
    elif call["type"] in ("page", "screen"):
        text = (
            f"No usage: a {call['type']} call counts only where sync.usage_events says so, of all "
            "of them or of this one by its name."
        )
    else:
        text = f"No usage: of an {call['type']} only what it says about people is used."
    return Step("Counted", text)


def _metrics(asker: Asker, call: dict[str, Any]) -> list[Step]:
    traits = asker.rows(
        "select trait, value, value_type, aggregation from staging.stg_segment__group_traits "
        "left join sync.company_metrics on metric = trait where event_seq = %s order by trait",
        call["event_seq"],
    )
    steps = []
    for row in traits:
        if row["aggregation"] and row["value"] is not None:
            text = f"On {call['event_date']} in the metric “{row['trait']}” ({row['aggregation']})."
            steps.append(Step("Counted", text))
            steps += to_planhat.metric_of(
                asker, call["company_id"], call["event_date"], row["trait"]
            )
        elif row["aggregation"]:
            kind = (
                "number of too many digits" if row["value_type"] == "number" else row["value_type"]
            )
            text = f"The metric “{row['trait']}” takes numbers, and this is a {kind}."
            steps.append(Step("Rejected", text, "missing"))
        elif row["value"] is not None:
            text = f"“{row['trait']}” is a number, but nobody has declared it as a metric."
            steps.append(Step("Not counted", text, "missing"))
    return steps or [Step("Counted", "Nothing: it carries no number.")]


def _outbound(asker: Asker, call: dict[str, Any]) -> list[Step]:
    if call["reason"]:
        return []
    enduser = call["enduser_id"] and asker.one(
        "select origin, exists ("
        "select 1 from raw_planhat.objects where model = 'enduser' and planhat_id = enduser_id "
        "and deleted_at is null) as is_in_planhat from marts.endusers where enduser_id = %s",
        call["enduser_id"],
    )
    if enduser and enduser["origin"] == "segment" and not enduser["is_in_planhat"]:
        return [
            *outbound.in_short(asker, "Outbound", "created_enduser", call["enduser_id"]),
            *to_planhat.created(asker, call["enduser_id"]),
        ]
    if enduser:
        steps = outbound.steps_of(asker, "enduser", call["enduser_id"])
        return [*steps, *to_planhat.activity_of(asker, call)]
    return outbound.steps_of(asker, "company", call["company_id"])


# What did not land


def _quarantined(asker: Asker, message_id: str) -> list[Chapter]:
    found = asker.rows(
        """
        select
            quarantine_id, received_at, source, reason, detail, payload, replayed_at, field_rules
        from (
            select * from raw_segment.quarantine order by quarantine_id desc limit %s
        ) as newest
        where strpos(payload, %s) > 0 or message_id = %s
        order by quarantine_id desc
        limit 5
        """,
        QUARANTINE_LOOKED_AT,
        message_id,
        message_id,
    )
    return [
        Chapter(
            "quarantined",
            f"Quarantined call number {row['quarantine_id']}",
            (
                Step(
                    "Received",
                    f"{when(row['received_at'])} from the source {row['source']}.",
                    payload=row["payload"][:2_000] if asker.with_persons else None,
                    more=_ruled(asker, row["field_rules"]),
                ),
                Step(
                    "Quarantined",
                    f"It could not be stored ({row['reason']})"
                    + (f": {row['detail']}" if row["detail"] and asker.with_persons else "."),
                    "missing",
                    (_replay_words(row),),
                ),
            ),
        )
        for row in found
    ]


def _replay_words(row: dict[str, Any]) -> str:
    if row["replayed_at"]:
        return f"A replay landed it on {when(row['replayed_at'])}."
    return "After a fix, `make replay` lands what can be landed, with the time it first came."
