"""From an object of Planhat to Segment's answer: outbound row, plan, batch, ledger, errors.

What goes to Planhat is told by `to_planhat.py`, with the plans and errors of here.
"""

from typing import Any

from psycopg import sql

from include.push import switches
from include.push.catalogue import PushedModel
from include.push.pushed_models import pushed_models
from include.why.asking import Asker, has_tables, times, when
from include.why.story import Step


def steps_of(asker: Asker, model: str, object_id: str) -> list[Step]:
    """Where an object stands on its way to Segment, for each destination."""
    pushed = pushed_models().get(model)
    if pushed is None:
        return [Step("Outbound", f"Objects of the model {model} are not pushed.", "missing")]
    outbound, is_there = _outbound(asker, pushed, object_id)
    destinations = [
        row["destination"]
        for row in asker.rows(
            "select distinct destination from sync.runs left join sync.destinations "
            "using (destination) where coalesce(kind, 'segment') = 'segment' order by destination"
        )
    ]
    if not destinations and is_there:
        return [
            outbound,
            Step("Pushed", "Not yet: nothing has ever been pushed.", "waiting"),
        ]
    return [
        outbound,
        *(
            step
            for each in destinations
            for step in _pushed(asker, each, model, object_id, is_there)
        ),
    ]


def in_short(asker: Asker, title: str, model: str, object_id: str) -> list[Step]:
    """Where an object of another model about the same stands, in one step; none without a row."""
    pushed = pushed_models().get(model)
    if pushed is None or not _outbound(asker, pushed, object_id)[1]:
        return []
    taken = asker.rows(
        "select ledger.* from sync.objects as ledger left join sync.destinations "
        "using (destination) where coalesce(kind, 'segment') = 'segment' and model = %s "
        "and object_id = %s and acknowledged_at is not null and removed_at is null "
        "order by destination",
        model,
        object_id,
    )
    row = f"A row of planhat.{model}"
    if taken:
        return [
            Step(
                title,
                f"{row}: {ledger['destination'].split('#', 1)[0]} answered 200 for version "
                f"{ledger['version']} on {when(ledger['acknowledged_at'])}"
                f"{in_run(asker, ledger)}.",
                payload=ledger["payload"] if asker.with_persons else None,
            )
            for ledger in taken
        ]
    if not switches.active(asker.connection, {model: pushed}):
        how = f"`make switch NAME={switches.PREFIX}{model} ON=1`"
        return [Step(title, f"{row}, a model that is switched off: {how}.", "missing")]
    return [Step(title, f"{row}: not sent yet, the next push tries.", "waiting")]


def _outbound(asker: Asker, pushed: PushedModel, object_id: str) -> tuple[Step, bool]:
    table = f"planhat.{pushed.name}"
    if not has_tables(asker.connection, table):
        return Step("Outbound", f"{table} is not built yet: run `make build`.", "waiting"), False
    query = sql.SQL("select 1 from {} where object_id = %s limit 1")
    found = asker.connection.execute(
        query.format(sql.Identifier("planhat", pushed.name)), [object_id]
    ).fetchone()
    if found:
        call = f"{pushed.call} “{pushed.event}”" if pushed.event else pushed.call
        return Step("Outbound", f"A row of {table}, which goes out as a call {call}."), True
    text = f"No row of {table}: it holds what is in Planhat and not deleted there."
    return Step("Outbound", text, "missing"), False


def _pushed(
    asker: Asker, destination: str, model: str, object_id: str, is_there: bool
) -> list[Step]:
    host = destination.split("#", 1)[0]
    ledger = asker.one(
        "select * from sync.objects where destination = %s and model = %s and object_id = %s",
        destination,
        model,
        object_id,
    )
    steps = [
        *planned(asker, destination, model, object_id),
        *failed(asker, destination, model, object_id),
    ]
    if ledger is None or (ledger["acknowledged_at"] is None and ledger["sent_at"] is None):
        if not steps and is_there:
            text = f"Not to {host} yet: the next push sends it."
            steps = [Step("Pushed", text, "waiting")]
        return steps
    if ledger["sent_at"] is not None:
        steps.append(
            Step(
                "Sent",
                f"Sent to {host} on {when(ledger['sent_at'])} as version {ledger['sent_version']}, "
                "and nobody knows whether it arrived. The next push sends it again; Segment drops "
                "the id if it has it.",
                "waiting",
                (f"Message {ledger['sent_message_id']}",),
            )
        )
    if ledger["acknowledged_at"] is not None:
        steps += _acknowledged(asker, ledger, host)
    return steps


def planned(asker: Asker, destination: str, model: str, object_id: str) -> list[Step]:
    """The last plan's word on the object, while that plan is kept and did not send it."""
    row = asker.one(
        """
        select
            runs.run_id, runs.status, runs.started_at, planned.action, planned.position,
            run_models.held, run_models.to_send, run_models.reason
        from sync.runs
        inner join sync.planned on runs.run_id = planned.run_id
        inner join sync.run_models
            on planned.run_id = run_models.run_id and planned.model = run_models.model
        where
            runs.destination = %s and planned.model = %s and planned.object_id = %s
            and runs.run_id in (
                select run_id from sync.runs where destination = %s order by run_id desc limit 5
            )
        order by runs.run_id desc
        limit 1
        """,
        destination,
        model,
        object_id,
        destination,
    )
    if row is None:
        return []
    plan = f"Run {row['run_id']} of {when(row['started_at'])} planned it as {row['action']}"
    if row["status"] == "dry_run":
        return [Step("Plan", f"{plan}; a dry run sends nothing.", "waiting")]
    if row["status"] in ("queued", "running"):
        return [Step("Plan", f"{plan}, and is {row['status']}.", "waiting")]
    if row["held"] and row["position"] > row["to_send"]:
        return [
            Step(
                "Held",
                f"{plan}, and a guard held it: {row['reason'] or 'the change is large'}. "
                "Answer for the plan on the page; the next push acts on it.",
                "waiting",
            )
        ]
    batch = asker.one(
        "select status, sent_at, finished_at from sync.batches where run_id = %s and model = %s "
        "and %s between first_position and last_position",
        row["run_id"],
        model,
        row["position"],
    )
    if batch is None:
        return [Step("Plan", f"{plan}, and ended as {row['status']} before sending it.", "waiting")]
    sent = f"in a batch sent on {when(batch['sent_at'])}: {batch['status']}"
    return [Step("Plan", f"{plan}, {sent}.")]


def in_run(asker: Asker, ledger: dict[str, Any]) -> str:
    """In which run a row of the ledger was acknowledged; nothing where that is not known."""
    run = asker.one(
        "select run_id, trigger, requested_by from sync.runs "
        "where destination = %s and started_at <= %s "
        "and coalesce(finished_at, 'infinity') >= %s and not is_dry "
        "order by started_at desc limit 1",
        ledger["destination"],
        ledger["acknowledged_at"],
        ledger["acknowledged_at"],
    )
    return f", in run {run['run_id']} ({run['trigger']}, {run['requested_by']})" if run else ""


def _acknowledged(asker: Asker, ledger: dict[str, Any], host: str) -> list[Step]:
    what = "its removal" if ledger["removed_at"] else f"version {ledger['version']}"
    who = ledger["user_id"] or ledger["anonymous_id"]
    answered = Step(
        "Answered",
        f"{host} answered 200 for {what} on {when(ledger['acknowledged_at'])}"
        f"{in_run(asker, ledger)}.",
        more=(
            f"Message {ledger['message_id']}",
            *([f"It is {asker.person(who)} in Segment, for good."] if who else []),
        ),
        payload=ledger["payload"] if asker.with_persons else None,
    )
    if ledger["seen_back_at"]:
        back = Step(
            "Seen back",
            f"The message came back through the collector on {when(ledger['seen_back_at'])}.",
            refs=(ledger["message_id"],),
        )
    else:
        back = Step(
            "Seen back",
            "Not yet. Pushed messages come back where Segment sends this source's calls to the "
            "collector, with the key of a source of kind planhat.",
            "waiting",
        )
    return [answered, back]


def failed(asker: Asker, destination: str, model: str, object_id: str) -> list[Step]:
    """Why the last run that tried it could not send it, while that stands."""
    found = asker.rows(
        "select run_id, code, message, attempts, failed_at, first_failed_at, payload "
        "from sync.run_errors where destination = %s and model = %s and object_id = %s "
        "and resolved_at is null order by run_error_id desc limit 1",
        destination,
        model,
        object_id,
    )
    return [
        Step(
            "Failed",
            f"Run {row['run_id']} could not send it ({row['code']}): {row['message']}",
            "missing",
            (
                f"{times(row['attempts'], 'attempt')} since {when(row['first_failed_at'])}; "
                "tried again at each push.",
            ),
            payload=row["payload"] if asker.with_persons else None,
        )
        for row in found
    ]


def sent_as(asker: Asker, message_id: str) -> dict[str, Any] | None:
    """`{model, object_id}` of the object whose last message, answered or not, has this id."""
    return asker.one(
        "select model, object_id from sync.objects where message_id = %s or sent_message_id = %s "
        "limit 1",
        message_id,
        message_id,
    )
