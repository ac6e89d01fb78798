"""A push on the page, to Segment or to Planhat: the active one, the last, those before; errors."""

from typing import Any

import psycopg

from include.connections import Kind
from include.page.records import linked, record
from include.push.to_planhat import needs
from include.warehouse.reading import one, rows, shortened

COUNTS = (
    "considered", "unchanged", "added", "changed", "removed", "invalid", "held", "not_sent",
    "synced", "errors", "to_send", "withheld", "waiting",
)  # fmt: skip

ERRORS_A_PAGE = 50
OBJECTS_A_PAGE = 50

_RUN = """
    select
        run_id, destination, trigger, requested_by, started_at, planned_at, finished_at, status,
        reason, remarks, needs, is_full, is_dry, models as asked_models,
        cancel_requested_by, cancel_requested_at,
        -- the claim of a run inside Airflow is its DAG run's id
        case when trigger in ('schedule', 'button', 'api') then owner end as dag_run_id,
        extract(epoch from coalesce(finished_at, now()) - started_at)::float8 as seconds,
        status in ('queued', 'running') and lease_until < now() as is_dead
    from sync.runs
"""

# Of a row with a destination; Segment's is one from before kinds were kept.
_OF_KIND = """
    coalesce(
        (
            select kind from sync.destinations
            where destinations.destination = {table}.destination
        ),
        'segment'
    ) = %(kind)s
"""
_RUNS_OF_KIND = _OF_KIND.format(table="runs")
_OBJECTS_OF_KIND = _OF_KIND.format(table="objects")

_MODELS = """
    select
        model, considered, unchanged, added, changed, removed, invalid, held, not_sent, synced,
        errors, to_send, withheld, waiting, reason, started_at, finished_at
    from sync.run_models
    where run_id = %s
    order by model
"""


def active(connection: psycopg.Connection, kind: Kind = "segment") -> dict[str, Any] | None:
    """The run that is queued or running, with `model` (being sent now), `percent` and its models.

    A run whose owner died keeps its status until the next one starts; it is not active.
    """
    run = one(
        connection,
        f"{_RUN} where {_RUNS_OF_KIND} and status in ('queued', 'running') "
        "and lease_until >= now() order by started_at desc limit 1",
        {"kind": kind},
    )
    return _with_progress(connection, run) if run else None


def stops(connection: psycopg.Connection) -> dict[str, str]:
    """Pushes that somebody asked to stop before they have a run: `{DAG run's id: who}`."""
    found = rows(connection, "select owner, requested_by from sync.stop_requests")
    return {row["owner"]: row["requested_by"] for row in found}


def last_finished(connection: psycopg.Connection, kind: Kind = "segment") -> dict[str, Any] | None:
    """The newest run that has ended and was no dry run, with its models; None before the first."""
    run = one(
        connection,
        f"{_RUN} where {_RUNS_OF_KIND} and status not in ('queued', 'running') and not is_dry "
        "and finished_at is not null order by finished_at desc limit 1",
        {"kind": kind},
    )
    return _with_models(connection, run) if run else None


def history(
    connection: psycopg.Connection, kind: Kind = "segment", *, limit: int = 20, offset: int = 0
) -> list[dict[str, Any]]:
    """Runs, newest first, each with what its models synced, failed and held together."""
    runs = rows(
        connection,
        f"{_RUN} where {_RUNS_OF_KIND} order by started_at desc limit %(limit)s offset %(offset)s",
        {"kind": kind, "limit": limit, "offset": offset},
    )
    sums = rows(
        connection,
        "select run_id, sum(synced)::bigint as synced, sum(errors)::bigint as errors, "
        "sum(held)::bigint as held from sync.run_models where run_id = any(%s) group by run_id",
        [run["run_id"] for run in runs],
    )
    by_run = {row["run_id"]: row for row in sums}
    return [
        {"synced": 0, "errors": 0, "held": 0, **_told(run), **by_run.get(run["run_id"], {})}
        for run in runs
    ]


def one_run(connection: psycopg.Connection, run_id: str) -> dict[str, Any] | None:
    """One run with its models, or None when there is none of that id.

    `run_id` is the run's number, or the id of the DAG run that made it.
    """
    found = one(
        connection,
        _RUN + "where run_id::text = %s or owner = %s order by run_id desc limit 1",
        run_id,
        run_id,
    )
    return _with_models(connection, found) if found else None


def is_of(connection: psycopg.Connection, run_id: int, kind: Kind) -> bool:
    """Whether a run goes to a destination of this kind."""
    asked = {"run_id": run_id, "kind": kind}
    query = f"select from sync.runs where run_id = %(run_id)s and {_RUNS_OF_KIND}"
    return one(connection, query, asked) is not None


def receipts(connection: psycopg.Connection, kind: Kind = "segment") -> dict[str, Any]:
    """What was seen of what was pushed, as the last push saw it: per destination and model.

    Messages that came back from Segment; what Planhat had when it was read back. `{"rows":
    [{"destination", "host", "model", "acknowledged", "seen_back", "missing", "otherwise",
    "oldest_missing_at"}]}`; `otherwise`: something else was there.
    """
    found = rows(
        connection,
        f"""
        select
            destination,
            split_part(destination, '#', 1) as host,
            model,
            count(*) as acknowledged,
            count(seen_back_at) as seen_back,
            count(*) - count(seen_back_at) as missing,
            count(stored_otherwise) as otherwise,
            min(acknowledged_at) filter (where seen_back_at is null) as oldest_missing_at
        from sync.objects
        where acknowledged_at is not null and {_OBJECTS_OF_KIND}
        group by destination, model
        order by host, destination, model
        """,  # noqa: S608
        {"kind": kind},
    )
    return {"rows": found}


def acknowledged(
    connection: psycopg.Connection,
    destination: str,
    model: str | None = None,
    *,
    which: str = "all",
    link: str | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    """What a destination has acknowledged, fifty objects at a time: `{"total", "rows"}`.

    Of one `model`, or of all; `which` are `all` of them, those whose last message came back
    (`seen_back`), or those whose has not (`missing`). `link`: how records are linked in Planhat's
    app.
    """
    asked = {"destination": destination, "model": model, "which": which, "offset": offset}
    of_them = (
        "from sync.objects where destination = %(destination)s "
        "and model = coalesce(%(model)s, model) and acknowledged_at is not null and ("
        "%(which)s = 'all' or (%(which)s = 'seen_back') = (seen_back_at is not null)) "
    )
    total = one(connection, f"select count(*) as total {of_them}", asked)
    found = rows(
        connection,
        "select model, object_id, version, first_acknowledged_at, acknowledged_at, removed_at, "
        f"seen_back_at, stored_otherwise, {record('payload', 'model')} {of_them} "
        f"order by model, object_id limit {OBJECTS_A_PAGE} offset %(offset)s",
        asked,
    )
    return {
        "total": total["total"] if total else 0,
        "rows": [{**linked(row, link), "object_id": shortened(row["object_id"])} for row in found],
    }


_ERRORS_OF = "from sync.run_errors where run_id::text = %s and (%s::text is null or model = %s)"


def errors(
    connection: psycopg.Connection,
    run_id: str,
    *,
    model: str | None,
    with_payload: bool,
    link: str | None = None,
    offset: int = 0,
) -> dict[str, Any]:
    """The objects that failed in a run, fifty at a time: `{"total", "rows", "with_payload"}`.

    A payload holds a person's data: it is read only for who may see it (`with_payload`).
    """
    total = one(
        connection,
        f"select count(*) as total {_ERRORS_OF}",
        run_id, model, model,
    )  # fmt: skip
    found = rows(
        connection,
        "select model, object_id, code, message, attempts, failed_at, first_failed_at, "
        "resolved_at, case when %s then payload end as payload, "
        f"{record('payload', 'model')} {_ERRORS_OF} "
        "order by model, object_id, code limit %s offset %s",
        with_payload, run_id, model, model, ERRORS_A_PAGE, offset,
    )  # fmt: skip
    for row in found:
        row["message"] = shortened(row["message"], 1_000)
        row["object_id"] = shortened(row["object_id"])
    return {
        "total": total["total"] if total else 0,
        "rows": [linked(row, link) for row in found],
        "with_payload": with_payload,
    }


def _told(run: dict[str, Any]) -> dict[str, Any]:
    """A run as it is told: what its plan needs in words, none where that is not known."""
    found = needs.read(run["needs"])
    return {**run, "needs": found.lines() if found else []}


def _with_models(connection: psycopg.Connection, run: dict[str, Any]) -> dict[str, Any]:
    return {**_told(run), **_models_of(connection, run["run_id"])}


def _models_of(connection: psycopg.Connection, run_id: Any) -> dict[str, Any]:
    models = rows(connection, _MODELS, run_id)
    for model in models:
        model["planned"] = model["added"] + model["changed"] + model["removed"] + model["invalid"]
        model["done"] = model["synced"] + model["errors"] + model["held"] + model["not_sent"]
    totals = {name: sum(model[name] for model in models) for name in (*COUNTS, "planned", "done")}
    return {"models": models, "totals": totals, "warnings": _warnings(connection, run_id)}


def _warnings(connection: psycopg.Connection, run_id: Any) -> list[dict[str, Any]]:
    """What the run's plan warned of, `[{"model", "warning"}]`: kept as long as the plan."""
    found = rows(
        connection,
        "select model, warning from sync.plan_warnings where run_id = %s order by model, position",
        run_id,
    )
    for row in found:
        row["warning"] = shortened(row["warning"], 1_000)
    return found


def _with_progress(connection: psycopg.Connection, run: dict[str, Any]) -> dict[str, Any]:
    of_models = _models_of(connection, run["run_id"])
    answered = {
        row["model"]: row["objects"]
        for row in rows(
            connection,
            "select model, sum(last_position - first_position + 1)::bigint as objects "
            "from sync.batches where run_id = %s and finished_at is not null group by model",
            run["run_id"],
        )
    }
    for each in of_models["models"]:
        # A model's own counts are complete when it ends; until then its batches say how far it is.
        each["done"] = max(each["done"], answered.get(each["model"], 0))
    planned = sum(each["planned"] for each in of_models["models"])
    done = sum(min(each["done"], each["planned"]) for each in of_models["models"])
    sending = [
        each["model"]
        for each in of_models["models"]
        if each["started_at"] and not each["finished_at"]
    ]
    return {
        **_told(run),
        **of_models,
        "model": sending[0] if sending else None,
        "percent": 100 * done // planned if planned else None,
    }
