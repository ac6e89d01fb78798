"""A push in steps, each of which may run in a process of its own and run again when interrupted.

open_run → plan_run → deliver_model (once a model, or a part of one) → finish_run.
`docs/python.md` says what each takes, returns and raises.
"""

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include.connections import Destination
from include.counting import counted
from include.errors import ProblemError
from include.push import cancel, contract, destinations, resync, runs, switches
from include.push.calls_a_month import calls_a_month
from include.push.catalogue import PushedModel, choose_models, read_catalogue
from include.push.delivery import Delivery
from include.push.ending import close_dry_run, finish
from include.push.kinds import sender_for
from include.push.ledger import Range
from include.push.plainly import plainly
from include.push.plan import plan_model, planned_parts
from include.push.plan_settings import PlanSettings
from include.push.report import Report, load_report
from include.push.runs import Claim, Request
from include.push.sending import DeliveryOptions
from include.push.to_planhat import needs
from include.push.to_planhat import preparing as to_planhat
from include.settings import Settings
from include.warehouse.connection import connect

Say = Callable[[str], None]

# What plans for longer is not at it any more; a DAG run is ended by then.
LONGEST_DRY_RUN_SECONDS = 4 * 3600

# A line about progress at most so often, in seconds.
PROGRESS_EVERY = 5.0


@plainly
def open_run(  # noqa: PLR0913
    url: str,
    to: Destination,
    *,
    trigger: str,
    requested_by: str,
    owner: str,
    models: list[str] | None = None,
    limit: int | None = None,
    full: bool = False,
    dry_run: bool = False,
    run_id: int | None = None,
) -> int:
    """Claim the destination; return the run's number. Raises `BusyError` when another is active."""
    request = Request(
        to.destination, trigger, requested_by, owner, models, limit, full
    )  # fmt: skip
    with connect(url, application_name="push open", autocommit=True) as connection:
        destinations.remember(connection, to)
        if dry_run:
            return open_dry_run(connection, request)
        if run_id is not None and runs.start_queued(connection, run_id, request):
            return run_id
        return runs.claim(connection, request)


def open_dry_run(connection: psycopg.Connection, request: Request) -> int:
    """A run that only plans: it claims nothing, since it sends nothing.

    The same `owner` asking again, before it ended, gets the run that it has. One that was killed
    is closed by whoever plans next, when it is too old to be at work.
    """
    runs.close_dead_run(connection, request.destination)
    connection.execute(
        """
        update sync.runs
        set finished_at = clock_timestamp(), reason = 'its process ended without a word'
        where
            destination = %s and is_dry and finished_at is null
            and started_at < clock_timestamp() - %s * interval '1 second'
        """,
        [request.destination, LONGEST_DRY_RUN_SECONDS],
    )
    row = connection.execute(
        """
        select run_id from sync.runs
        where destination = %s and owner = %s and is_dry and finished_at is null
        """,
        [request.destination, request.owner],
    ).fetchone()
    if row is not None:
        return row[0]
    row = connection.execute(
        """
        insert into sync.runs (
            destination, trigger, requested_by, owner, status, models, object_limit, is_full, is_dry
        )
        values (%s, %s, %s, %s, 'dry_run', %s, %s, %s, true)
        returning run_id
        """,
        [
            request.destination, request.trigger, request.requested_by, request.owner,
            request.models or None, request.limit, request.full,
        ],
    ).fetchone()  # fmt: skip
    return row[0]  # type: ignore[index]


@plainly
def plan_run(
    url: str, settings: Settings, run_id: int, *, say: Say = print, folder: Path | None = None
) -> list[dict]:
    """Plan every model of the run; return `[{"model", "first", "last"}]` of what is to be sent.

    Raises `CancelledError` when the run was cancelled meanwhile; it has ended then.
    """
    with connect(url, application_name="push plan", autocommit=True) as connection:
        row = connection.execute(
            """
            select
                is_dry,
                -- begun already: the same models, whatever was switched since
                coalesce((
                    select array_agg(model)
                    from jsonb_object_keys(plan_settings -> 'calls') as model
                ), models),
                destination
            from sync.runs where run_id = %s
            """,
            [run_id],
        ).fetchone()
        if row is None:
            raise ProblemError(f"There is no run {run_id}.")
        is_dry, names, destination = row
        cancel.refuse_stopped(connection, run_id)
        models = models_of(connection, destination, names, folder)
        if is_dry:
            plan_models(connection, settings, run_id, models, say)
            return []
        try:
            with Claim(url, run_id) as claim, cancel.watched(url, run_id, connection):
                plan_models(connection, settings, run_id, models, say, claim.keep)
                return planned_parts(connection, run_id)
        except cancel.CancelledError:
            cancel.end_if_idle(url, run_id)
            raise


def models_of(
    connection: psycopg.Connection, destination: str, names: list[str] | None, folder: Path | None
) -> dict[str, PushedModel]:
    """The models of a run: those that were asked for, or all that are switched on."""
    kind = destinations.kind_of(connection, destination)
    models = choose_models(read_catalogue(folder, kind), names)
    active = switches.active if kind == "segment" else to_planhat.active
    return active(connection, models, names)


@plainly
def deliver_model(
    url: str,
    to: Destination,
    run_id: int,
    model: str,
    first: int = 1,
    last: int | None = None,
    *,
    say: Say = print,
    options: DeliveryOptions | None = None,
) -> dict[str, int | str]:
    """Send the planned objects `first` to `last` of one model; return what became of them.

    Raises `CancelledError` when the run was cancelled: within seconds, and it has ended then unless
    others still work for it.
    """
    say(f"{model}: to {to.name}")
    started = time.monotonic()
    cancelled_by = None
    # Alone in its part: a task that was taken for dead may still be at it.
    with Claim(url, run_id, alone_in=f"{model}/{first}") as claim:
        with connect(url, application_name="push deliver", autocommit=True) as connection:
            to_send = _begin_model(connection, to, run_id, model)
            part = Range(run_id, model, first, to_send if last is None else min(last, to_send))
            options = options or delivery_options(connection)
            sender = sender_for(connection, url, to, run_id, model, options)
        if part.last >= part.first:
            delivery = Delivery(url, to, sender, part, options)
            progress = _progress(delivery, part, say)

            def on_tick() -> None:
                claim.keep()
                if claim.cancelled_by:
                    delivery.cancel()
                progress()

            try:
                reason = delivery.run(on_tick, every=1.0).stopped_because
            finally:
                sender.close()
            if delivery.is_cancelled:
                claim.keep()
                cancelled_by = claim.cancelled_by or "somebody"
        else:
            reason = None
        with connect(url, application_name="push deliver", autocommit=True) as connection:
            result = _close_part(connection, part, reason)
    say(
        f"{model}: {result['synced']:,} of {result['planned']:,} synced, "
        f"{counted(int(result['errors']), 'error')}, {result['not_sent']:,} not sent "
        f"({time.monotonic() - started:.1f} s)" + (f": {reason}" if reason else "")
    )
    if cancelled_by:
        cancel.end_if_idle(url, run_id)
        raise cancel.CancelledError.of(run_id, cancelled_by)
    return result


@plainly
def finish_run(url: str, run_id: int, *, say: Say = print) -> Report:
    """Check the books, set the run's status, say the table."""
    with connect(url, application_name="push finish", autocommit=True) as connection:
        report = load_report(connection, run_id)
        if report.status == "dry_run":
            close_dry_run(connection, run_id)
        elif report.status in ("queued", "running"):
            finish(connection, run_id)
        report = load_report(connection, run_id)
    say(report.table())
    return report


def delivery_options(connection: psycopg.Connection) -> DeliveryOptions:
    """What operators have set in `sync.thresholds`."""
    rows = connection.execute(
        "select threshold, value from sync.thresholds where threshold like 'push%'"
    ).fetchall()
    values: dict[str, Decimal] = dict(rows)
    rate = float(values.get("push_rate_limit", 1000))
    connections = max(1, int(values.get("push_connections", 4)))
    return DeliveryOptions(connections=connections, rate=rate or None)


def plan_models(
    connection: psycopg.Connection,
    settings: Settings,
    run_id: int,
    models: dict[str, PushedModel],
    say: Say,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Plan these models, each in a transaction of its own; one that cannot be planned says why."""
    plan = _begin_plan(connection, settings, run_id, models, say)
    say(f"Run {run_id} to {destinations.name_of(connection, plan.destination)}")
    is_first = destinations.is_new(connection, plan.destination)
    build = contract.last_build(connection)
    if build is not None and build.remark:
        add_remark(connection, run_id, build.remark, say)
    _count_the_ledger(connection)
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    for model in models.values():
        keep()
        if _is_planned(connection, run_id, model.name):
            continue
        try:
            with connection.transaction():
                if not model.is_retired:
                    contract.check(connection, model, build)
                plan_model(connection, model, plan)
        except psycopg.OperationalError:
            raise
        except (psycopg.Error, contract.ContractError) as error:
            # The other models go on; the run will not be a success.
            reason = _why_not_planned(model, error)
            _say_why(connection, run_id, model.name, reason)
            say(f"{model.name}: {reason}")
            continue
        say(_planned_line(connection, run_id, model.name))
        if waiting := _waiting(connection, run_id, model):
            add_remark(connection, run_id, waiting, say)
        if plan.dry and model.changes_daily:
            line = calls_a_month(connection, run_id, plan.destination, model)
            add_remark(connection, run_id, line, say)
    connection.isolation_level = None
    if destinations.kind_of(connection, plan.destination) == "planhat":
        needs.planned(connection, run_id, models.values(), planned_parts(connection, run_id))
    if is_first:
        added = load_report(connection, run_id).total("added")
        remark = destinations.first_push(connection, plan.destination, added)
        add_remark(connection, run_id, remark, say)


def _count_the_ledger(connection: psycopg.Connection) -> None:
    """Let Postgres know what the last push has added.

    Planned as for an empty ledger 20,000 objects take minutes, and autovacuum may come late.
    """
    connection.execute(
        """
        do $$
        begin
            if exists (
                select from pg_stat_user_tables
                where
                    relid = 'sync.objects'::regclass
                    and n_mod_since_analyze > 1000 + 0.2 * n_live_tup
            ) then
                analyze sync.objects;
            end if;
        end
        $$
        """
    )


def _why_not_planned(model: PushedModel, error: Exception) -> str:
    if isinstance(error, contract.ContractError):
        return str(error)
    return f"{model.schema}.{model.name} cannot be planned: {str(error).strip().splitlines()[0]}"


def add_remark(connection: psycopg.Connection, run_id: int, remark: str, say: Say) -> None:
    """Say it now, and in the run's report; once, however often the step runs."""
    said = connection.execute(
        """
        update sync.runs set remarks = array_append(remarks, %(remark)s)
        where run_id = %(run_id)s and not %(remark)s = any(remarks)
        """,
        {"run_id": run_id, "remark": remark},
    )
    if said.rowcount:
        say(f"{remark[0].upper()}{remark[1:]}.")


def _begin_plan(
    connection: psycopg.Connection,
    settings: Settings,
    run_id: int,
    models: dict[str, PushedModel],
    say: Say,
) -> PlanSettings:
    """Fix what the plan depends on, once: a repeated step plans with the same."""
    now = {
        "environment": environment_of(connection, settings),
        "service_id": settings.segment_service_id,
        "numbers": {name: sorted(model.number_columns) for name, model in models.items()},
        "calls": {name: model.call for name, model in models.items()},
        "relatives": {name: model.relatives for name, model in models.items() if model.relatives},
    }
    with connection.transaction():
        # What earlier runs intended is done with: the ledger has it, or knows that it is unknown.
        for table in ("planned", "plan_warnings", "left_out"):
            connection.execute(
                sql.SQL(
                    "delete from sync.{0} using sync.runs, sync.runs as this "
                    "where {0}.run_id = runs.run_id and this.run_id = %s "
                    "and runs.destination = this.destination and runs.run_id < this.run_id "
                    "and runs.status not in ('queued', 'running')"
                ).format(sql.Identifier(table)),
                [run_id],
            )
        (is_first,) = connection.execute(
            "select plan_settings is null from sync.runs where run_id = %s", [run_id]
        ).fetchone()  # type: ignore[misc]
        row = connection.execute(
            """
            update sync.runs
            set
                plan_settings = coalesce(plan_settings, %s),
                planned_at = coalesce(planned_at, clock_timestamp())
            where run_id = %s
            returning destination, plan_settings, object_limit, is_full, requested_by, is_dry
            """,
            [Jsonb(now), run_id],
        ).fetchone()
        connection.execute(
            """
            insert into sync.run_models (run_id, model)
            select %s, unnest(%s::text[]) on conflict do nothing
            """,
            [run_id, list(models)],
        )
        destination, fixed, limit, is_full, requested_by, is_dry = row  # type: ignore[misc]
        plan = PlanSettings(
            run_id, destination, fixed["environment"], fixed["service_id"],
            limit, is_full, requested_by, is_dry,
        )  # fmt: skip
        interrupted = resync.interrupted(connection, destination) if is_first else []
        if is_first and is_full and not is_dry:
            resync.begin(connection, list(models), plan)
    if interrupted:
        back = "`make cancel RESYNC=1`, or the page, takes it back"
        add_remark(connection, run_id, f"{resync.remark(interrupted)}; {back}", say)
    return plan


def environment_of(connection: psycopg.Connection, settings: Settings) -> str:
    (made,) = connection.execute("select environment from sync.environment").fetchone()  # type: ignore[misc]
    return settings.segment_environment or made


def _is_planned(connection: psycopg.Connection, run_id: int, model: str) -> bool:
    row = connection.execute(
        "select planned_at is not null from sync.run_models where run_id = %s and model = %s",
        [run_id, model],
    ).fetchone()
    return row[0]  # type: ignore[index]


def _planned_line(connection: psycopg.Connection, run_id: int, model: str) -> str:
    row = connection.execute(
        """
        select format(
            '%%s: %%s considered, %%s unchanged, %%s added, %%s changed, %%s removed, %%s invalid',
            model, considered, unchanged, added, changed, removed, invalid
        ) || case when repeated > 0 then format(' (%%s once more with the same value)', repeated)
            else '' end
        from sync.run_models where run_id = %s and model = %s
        """,
        [run_id, model],
    ).fetchone()
    return row[0]  # type: ignore[index]


def _waiting(connection: psycopg.Connection, run_id: int, model: PushedModel) -> str | None:
    """That objects wait for a person; None where none does."""
    (waiting,) = connection.execute(
        "select waiting from sync.run_models where run_id = %s and model = %s",
        [run_id, model.name],
    ).fetchone()  # type: ignore[misc]
    if not waiting:
        return None
    until = (
        "until Planhat shows whether they arrived"
        if model.call == "metric"
        else f"until somebody says so: `make answer TO=planhat MODEL={model.name} "
        "ANSWER=arrived`, or `again`"
    )
    return f"of {counted(waiting, 'object')} of {model.name} nobody knows the outcome: kept {until}"


def _say_why(connection: psycopg.Connection, run_id: int, model: str, reason: str) -> None:
    connection.execute(
        "update sync.run_models set reason = %s where run_id = %s and model = %s",
        [reason, run_id, model],
    )


def _begin_model(connection: psycopg.Connection, to: Destination, run_id: int, model: str) -> int:
    """How many objects of the model the run may send; none of a held one."""
    row = connection.execute(
        """
        update sync.run_models
        set started_at = coalesce(run_models.started_at, clock_timestamp())
        from sync.runs
        where runs.run_id = run_models.run_id and run_models.run_id = %s and model = %s
        returning destination, to_send
        """,
        [run_id, model],
    ).fetchone()
    if row is None:
        raise ProblemError(f"Run {run_id} has no plan for {model}.")
    destination, to_send = row
    if destination != to.destination:
        raise ProblemError(
            f"Run {run_id} was planned for {destination}, and the connection now is "
            f"{to.destination}: start a new run."
        )
    return to_send


def _close_part(
    connection: psycopg.Connection, part: Range, reason: str | None
) -> dict[str, int | str]:
    connection.execute(
        """
        update sync.run_models
        set finished_at = clock_timestamp(), reason = coalesce(%(reason)s, reason)
        where run_id = %(run_id)s and model = %(model)s
        """,
        {**part.parameters, "reason": reason},
    )
    synced, errors = connection.execute(
        """
        select coalesce(sum(synced), 0), coalesce(sum(errors), 0) from sync.batches
        where
            run_id = %(run_id)s and model = %(model)s
            and first_position between %(first)s and %(last)s
        """,
        part.parameters,
    ).fetchone()  # type: ignore[misc]
    planned = max(part.last - part.first + 1, 0)
    return {
        "model": part.model,
        "planned": planned,
        "synced": int(synced),
        "errors": int(errors),
        "not_sent": planned - int(synced) - int(errors),
    }


def _progress(delivery: Delivery, part: Range, say: Say) -> Callable[[], None]:
    last_said = time.monotonic()

    def progress() -> None:
        nonlocal last_said
        if time.monotonic() - last_said < PROGRESS_EVERY:
            return
        last_said = time.monotonic()
        done = delivery.counts.synced + delivery.counts.errors
        say(f"{part.model}: {done:,} of {part.last - part.first + 1:,} so far")

    return progress
