"""What went to Planhat: an enduser that we made, a metric's days, activities; what was left out."""

import hashlib
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from include.push import destinations
from include.push.pushed_models import pushed_models
from include.why import outbound
from include.why.asking import Asker, has_tables, when
from include.why.story import Chapter, Step

# Planhat's words for whose metrics are sent.
WORDS = {"company": "Company", "enduser": "EndUser", "asset": "Asset", "project": "Project"}

# Object ids as the tables of `to_planhat` make them, so that each is found by its key.
_OF_METRICS = """
    select
        %(word)s || ' ' || company_id || ' ' || metric_date || ' '
            || case when length(metric) <= 100 then metric else md5(metric) end as object_id
    from marts.company_metrics
    where %(object_type)s = 'company' and company_id = %(object_id)s
    union
    select %(word)s || ' ' || days.object_id || ' ' || days.activity_date || ' ' || measure
    from (
        select distinct object_id, activity_date from marts.usage_daily
        where object_type = %(object_type)s and object_id = %(object_id)s
    ) as days
    cross join sync.planhat_measures
    where planhat_measures.object_type = %(object_type)s
"""
_OF_ACTIVITIES = """
    select
        concat_ws(
            ' ', object_id, activity_date, case when type <> 'track' then type end, md5(event)
        ) as object_id
    from marts.usage_daily
    where object_type = 'enduser' and object_id = %(object_id)s
"""


def tenants(asker: Asker) -> list[str]:
    """Destinations at Planhat that were ever planned for."""
    return [
        row["destination"]
        for row in asker.rows(
            "select destination from sync.destinations where kind = 'planhat' order by destination"
        )
    ]


def created(asker: Asker, enduser_id: str) -> list[Step]:
    """An enduser that a call created and Planhat does not have yet."""
    if not has_tables(asker.connection, "to_planhat.enduser"):
        return []
    row = asker.one("select 1 from to_planhat.enduser where object_id = %s", enduser_id)
    there = tenants(asker)
    if not there and row:
        return [Step("To Planhat", "Not yet: nothing was ever pushed to Planhat.", "waiting")]
    return [
        step
        for each in there
        for step in steps_of(asker, each, "enduser", enduser_id, is_there=row is not None)
    ]


def made(asker: Asker, row: dict[str, Any]) -> list[Step]:
    """An enduser that we made there, and that was read back since. `row` of marts.endusers."""
    steps = []
    for each in tenants(asker):
        sent = asker.one(
            "select object_id from sync.objects where destination = %s and model = any(%s) "
            "and payload ->> 'company_id' = %s and ("
            "payload ->> 'external_id' = %s or %s::text is null and payload ->> 'email' = %s) "
            "order by acknowledged_at limit 1",
            each, _models("enduser"), row["company_id"], row["external_id"], row["external_id"],
            row["email"],
        )  # fmt: skip
        if sent is not None:
            steps += steps_of(asker, each, "enduser", sent["object_id"], is_there=False)
    return steps


def metrics(asker: Asker, object_type: str, object_id: str) -> list[Step]:
    """The days of each metric of an object."""
    asked = {
        "word": WORDS[object_type], "object_type": object_type, "object_id": object_id,
        "models": _models("metric"),
    }  # fmt: skip
    return _summed(asker, "Metrics to Planhat", _OF_METRICS, "value", asked)


def activities(asker: Asker, enduser_id: str) -> list[Step]:
    """The days and events of an enduser."""
    asked = {"object_id": enduser_id, "models": _models("activity")}
    return _summed(asker, "Activities to Planhat", _OF_ACTIVITIES, "day and event", asked)


def metric_of(asker: Asker, company_id: str, day: Any, trait: str) -> list[Step]:
    """A declared metric of the day of a call."""
    digest = hashlib.md5(trait.encode(), usedforsecurity=False).hexdigest()
    object_id = f"Company {company_id} {day} {trait if len(trait) <= 100 else digest}"
    return [
        step
        for each in tenants(asker)
        for step in steps_of(asker, each, "metric", object_id, is_there=True)
    ]


def activity_of(asker: Asker, call: dict[str, Any]) -> list[Step]:
    """What a counted call is part of: its enduser's activities of that event and day."""
    row = asker.one(
        f"""
        with named as ({_OF_ACTIVITIES} and activity_date = %(day)s and event = %(event)s)
        select
            object_id, %(day)s >= (now() at time zone 'UTC')::date as is_of_today,
            %(day)s < since as is_before, since
        from named, sync.planhat_outbound
        where model = 'activity'
        """,  # noqa: S608
        {"object_id": call["enduser_id"], "day": call["event_date"], "event": call["event"]},
    )
    there = tenants(asker)
    if row is None or not there:
        return []
    if row["is_before"]:
        text = f"Not sent: activities are sent from {row['since']} on, when sending began."
        return [Step("To Planhat", text)]
    if row["is_of_today"]:
        return [Step("To Planhat", "Activities are sent when their day is over (UTC).", "waiting")]
    return [
        step
        for each in there
        for step in steps_of(asker, each, "activity", row["object_id"], is_there=True)
    ]


def objects(asker: Asker, object_id: str) -> list[Chapter]:
    """What was sent to Planhat, or left out, under this id: a metric of a day, say."""
    found = asker.rows(
        "select destinations.destination, object.model, object.payload from sync.destinations "
        "cross join lateral ("
        "    select model, coalesce(sent_payload, payload) as payload from sync.objects "
        "    where destination = destinations.destination and object_id = %s and model = any(%s)"
        "    union all "
        "    select left_out.model, left_out.payload from sync.left_out "
        "    inner join sync.runs using (run_id) "
        "    where runs.destination = destinations.destination and object_id = %s "
        "    and left_out.model = any(%s) "
        ") as object where kind = 'planhat' order by 1, 2, object.payload is null limit 1",
        object_id, _models(), object_id, _models(),
    )  # fmt: skip
    return [
        Chapter(
            "object",
            f"{row['model'].replace('_', ' ').capitalize()} to Planhat {object_id}",
            (
                *_about(row["payload"] or {}),
                *steps_of(asker, row["destination"], row["model"], object_id, is_there=True),
            ),
        )
        for row in found
    ]


def _about(payload: dict[str, Any]) -> list[Step]:
    if (planhat_id := payload.get("planhat_id")) and payload.get("dimension"):
        text = (
            f"The metric {payload['dimension']} of {payload.get('metric_date')}, of {planhat_id}."
        )
        return [Step("About", text, refs=(planhat_id,))]
    if enduser_id := payload.get("enduser_id"):
        text = f"“{payload.get('event')}” on {payload.get('activity_date')}, by {enduser_id}."
        return [Step("About", text, refs=(enduser_id,))]
    if company_id := payload.get("company_id"):
        text = f"A person whom a call created, of the company {company_id}."
        return [Step("About", text, refs=(company_id,))]
    return []


def steps_of(
    asker: Asker, destination: str, model: str, object_id: str, *, is_there: bool
) -> list[Step]:
    """One object's way there: left out, planned, failed, taken, seen. `is_there`: to be sent."""
    place = _place(asker.connection, destination)
    ledger = asker.one(
        "select * from sync.objects where destination = %s and model = %s and object_id = %s",
        destination, model, object_id,
    )  # fmt: skip
    steps = [
        *_left_out(asker, destination, model, object_id),
        *outbound.planned(asker, destination, model, object_id),
        *outbound.failed(asker, destination, model, object_id),
    ]
    if ledger is None or (ledger["acknowledged_at"] is None and ledger["sent_at"] is None):
        if not steps and is_there:
            steps = [Step("To Planhat", f"Not to {place} yet: the next push sends it.", "waiting")]
        return steps
    if ledger["sent_at"] is not None:
        answer = f"`make answer TO=planhat MODEL={model} ANSWER=arrived`, or `again`, or the page"
        steps.append(
            Step(
                "Sent",
                f"Sent to {place} on {when(ledger['sent_at'])}, and nobody knows whether it "
                "arrived.",
                "waiting",
                (_what_follows(ledger, answer),),
                payload=ledger["sent_payload"] if asker.with_persons else None,
            )
        )
    if ledger["acknowledged_at"] is not None:
        steps += _taken(asker, ledger, place)
    return steps


def _what_follows(ledger: dict[str, Any], answer: str) -> str:
    payload = ledger["sent_payload"] or {}
    if "activity_date" in payload:
        return f"Sent again it might count twice: say what you found there ({answer})."
    if payload.get("aggregation") == "SUM":
        return f"The next push reads it back before it sends anything of it; or say it ({answer})."
    return "The next push looks for it there, and sends it if it is missing."


def _taken(asker: Asker, ledger: dict[str, Any], place: str) -> list[Step]:
    payload = ledger["payload"] or {}
    took = Step(
        "To Planhat",
        f"{place} took {_said(payload)} on {when(ledger['acknowledged_at'])}"
        f"{outbound.in_run(asker, ledger)}.",
        payload=payload if asker.with_persons else None,
    )
    if ledger["stored_otherwise"]:
        there = ", ".join(f"{name} {value}" for name, value in ledger["stored_otherwise"].items())
        text = f"Planhat has {there} instead, as it was read back. It is left alone there."
        return [took, Step("Receipt", text, "missing")]
    if ledger["seen_back_at"]:
        return [took, Step("Receipt", f"Seen there on {when(ledger['seen_back_at'])}.")]
    if "activity_date" in payload:
        return [took, Step("Receipt", "None: activities cannot be read back.")]
    return [took, Step("Receipt", "Not seen there yet: each push looks, for a week.", "waiting")]


def _said(payload: dict[str, Any]) -> str:
    if "dimension" in payload:
        return f"{payload['dimension']} {payload['value']} ({payload['aggregation']})"
    if "activity_date" in payload:
        return f"{payload['count']:,} of “{payload['event']}”"
    return "the enduser"


def _left_out(asker: Asker, destination: str, model: str, object_id: str) -> list[Step]:
    row = asker.one(
        "select left_out.code, left_out.message from sync.left_out "
        "inner join sync.runs using (run_id) where runs.destination = %s and left_out.model = %s "
        "and object_id = %s and not is_waiting order by run_id desc limit 1",
        destination, model, object_id,
    )  # fmt: skip
    if row is None:
        return []
    return [Step("Withheld", f"Kept from Planhat ({row['code']}): {row['message']}.", "missing")]


def _summed(asker: Asker, title: str, named: str, noun: str, asked: dict[str, Any]) -> list[Step]:
    """Of many objects: how many were taken, were seen, wait, or are kept back and why."""
    steps = []
    for destination in tenants(asker):
        row = asker.one(
            f"""
            with named as ({named})
            select
                count(acknowledged_at) as taken,
                max(coalesce(payload ->> 'metric_date', payload ->> 'activity_date')) as last_day,
                sum((payload ->> 'count')::numeric) as activities,
                count(seen_back_at) as seen,
                count(stored_otherwise) as otherwise,
                count(sent_version) as unknown,
                string_agg(distinct payload ->> 'dimension', ', ') as dimensions
            from named
            inner join sync.objects using (object_id)
            where destination = %(destination)s and model = any(%(models)s)
            """,  # noqa: S608
            {**asked, "destination": destination},
        )  # fmt: skip
        if row and (row["taken"] or row["unknown"]):
            steps.append(_sum_step(title, noun, row, _place(asker.connection, destination)))
        steps += _kept_back(asker, named, noun, {**asked, "destination": destination})
    return steps


def _sum_step(title: str, noun: str, row: dict[str, Any], place: str) -> Step:
    text = f"{_days(row['taken'], noun)} taken by {place}, up to {row['last_day']}"
    if row["dimensions"]:
        text += f": {row['dimensions']}"
    more = []
    if row["activities"] is not None:
        more.append(f"{row['activities']:,} activities in all; they cannot be read back.")
    else:
        more.append(f"{row['seen']:,} of them were seen there.")
    if row["otherwise"]:
        more.append(f"Of {row['otherwise']:,} Planhat has another value; they are left alone.")
    if row["unknown"]:
        more.append(
            f"Of {_days(row['unknown'], noun)} nobody knows whether they arrived: "
            "`make answer TO=planhat`, or the page."
        )
    return Step(title, f"{text}.", "waiting" if row["unknown"] else "done", tuple(more))


def _days(number: int, noun: str) -> str:
    """`1 value`, `12 days and events`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {' and '.join(each + 's' for each in noun.split(' and '))}"


def _kept_back(asker: Asker, named: str, noun: str, asked: dict[str, Any]) -> list[Step]:
    found = asker.rows(
        f"""
        with named as ({named})
        select code, max(message) as message, count(*) as objects
        from named
        inner join sync.left_out using (object_id)
        where
            not is_waiting and left_out.model = any(%(models)s)
            and run_id = (
                select max(run_id) from sync.runs
                where destination = %(destination)s and planned_at is not null
            )
        group by code order by objects desc, code
        """,  # noqa: S608
        asked,
    )
    return [
        Step(
            "Withheld",
            f"{_days(row['objects'], noun)} kept from Planhat ({row['code']}): {row['message']}.",
            "missing",
        )
        for row in found
    ]


def _models(call: str | None = None) -> list[str]:
    """Names of the models that become this there; of all."""
    models = pushed_models("planhat").values()
    return [model.name for model in models if call in (None, model.call)]


def _place(connection: psycopg.Connection, destination: str) -> str:
    """As people know it."""
    row_factory, connection.row_factory = connection.row_factory, tuple_row
    try:
        return destinations.name_of(connection, destination)
    finally:
        connection.row_factory = row_factory
