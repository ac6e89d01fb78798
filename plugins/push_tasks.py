"""The tasks of a push, whichever destination it is to: build, plan, deliver, report."""

import logging
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    AssetAlias,
    Connection,
    Param,
    TriggerRule,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

from include.connections import (
    Destination,
    Kind,
    planhat_connection_of,
    postgres_url,
    segment_connection_of,
)
from include.counting import counted
from include.errors import BusyError
from include.push.catalogue import read_catalogue
from include.settings import load_settings
from plugins.alerts.notifiers import TellPush, tell_push
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)

# Tells the DAG answer_held_plans that there is something to ask.
HELD = AssetAlias("held_push_plans_of_a_run")


def destination(kind: Kind) -> Destination:
    """What the Airflow connection of that name says. Raises `SettingError`."""
    try:
        connection = Connection.get(kind)
    except AirflowNotFoundException:
        raise AirflowFailException(
            f"There is no Airflow connection `{kind}`: docs/"
            f"{'planhat' if kind == 'planhat' else 'settings'}.md says what it is."
        ) from None
    if kind == "planhat":
        return planhat_connection_of(connection)
    return segment_connection_of(connection)


def parameters(kind: Kind) -> dict[str, Param]:
    """What a run may be asked for."""
    models = list(read_catalogue(kind=kind))
    return {
        "models": Param(
            [],
            type="array",
            title="Models",
            description="Only these; none chosen means all.",
            items={"type": "string", "enum": models},
            examples=models,
        ),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Build and plan, send nothing."
        ),
    }


def close_timed_out_run(kind: Kind) -> Callable[[Any], None]:
    """The DAG's callback: on a time-out Airflow skips what is left, *Report* too."""

    def close(context: Any) -> None:
        from include.push.runs import close_run, trigger_of, unfinished_run
        from include.push.steps import open_run

        if context.get("reason") != "timed_out":
            return
        url = postgres_url(Connection.get("warehouse"))
        to = destination(kind)
        conf = getattr(context.get("dag_run"), "conf", None) or {}
        try:
            # The run that this DAG run opened; one is made for the record if it got nowhere.
            run = unfinished_run(url, to, context["run_id"]) or open_run(
                url,
                to,
                trigger=trigger_of(context["run_id"]),
                requested_by=f"Airflow {context['run_id']}",
                owner=context["run_id"],
                dry_run=bool(conf.get("dry_run")),
            )
        except BusyError as busy:
            log.info("%s", busy)
            return
        if close_run(url, run, "timed_out", "the DAG run reached its time limit"):
            tell_push(run, context, kind)

    return close


def push_tasks(kind: Kind) -> None:
    """Add the tasks to the DAG that is being made."""
    parts = _plan(kind)()
    _build()() >> parts
    _deliver(kind).expand_kwargs(parts) >> _report(kind)()


def _build() -> Any:
    @task(task_display_name="Build", execution_timeout=timedelta(hours=1), retries=1)
    def build() -> dict[str, Any]:
        """One dbt build, unless one began after this run was triggered."""
        from include.build import build as run_build

        context = get_current_context()
        refuse_unknown_parameters(context)
        report = run_build(
            postgres_url(Connection.get("warehouse")),
            load_settings(),
            requested_by=f"{context['dag'].dag_id} {context['run_id']}",
            # the run's day, not the clock's: a task that is run again sees the same
            today=context["dag_run"].run_after.astimezone(UTC).date(),
            since=context["dag_run"].run_after,
            say=log.info,
        )
        return {"build_id": report.build_id, "seconds": round(report.seconds, 1)}

    return build


def _plan(kind: Kind) -> Any:
    @task(task_display_name="Plan", execution_timeout=timedelta(minutes=30), outlets=[HELD])
    def plan() -> list[dict[str, Any]]:
        """Claim the destination and list the parts that have something to send."""
        from include.push.guards import held_plans
        from include.push.preparing import prepare_run
        from include.push.runs import trigger_of
        from include.push.steps import open_run, plan_run

        context = get_current_context()
        # also when this task alone is run again
        refuse_unknown_parameters(context)
        chosen = context["params"]
        url = postgres_url(Connection.get("warehouse"))
        to = destination(kind)
        trigger = trigger_of(context["run_id"])
        user = getattr(context["dag_run"], "triggering_user_name", None)
        try:
            run = open_run(
                url,
                to,
                trigger=trigger,
                requested_by="the schedule" if trigger == "schedule" else user or "Airflow",
                owner=context["run_id"],
                models=chosen["models"] or None,
                full=chosen.get("full_resync", False),
                dry_run=chosen["dry_run"],
            )
        except BusyError as busy:
            context["ti"].xcom_push("busy", str(busy))
            raise AirflowFailException(str(busy)) from None
        context["ti"].xcom_push("run_id", run)
        try:
            prepare_run(url, to, load_settings(), run)
            parts = plan_run(url, load_settings(), run, say=log.info)
        except BusyError as busy:  # cancelled, or closed by somebody: nothing to repeat
            raise AirflowFailException(str(busy)) from None
        if any(held.run_id == run and held.answer is None for held in held_plans(url, to)):
            context["outlet_events"][HELD].add(Asset("held_push_plans"))
        return [{"run_id": run, **part} for part in parts]

    return plan


def _deliver(kind: Kind) -> Any:
    @task(
        task_display_name="Deliver",
        execution_timeout=timedelta(hours=3),
        map_index_template="{{ task.op_kwargs['model'] }}",
    )
    def deliver(
        run_id: int, model: str, first: int = 1, last: int | None = None
    ) -> dict[str, int | str]:
        """Send one model's part of the plan; red when anything of it was refused or not sent."""
        from include.push.steps import deliver_model

        context = get_current_context()
        try:
            counts = deliver_model(
                postgres_url(Connection.get("warehouse")),
                destination(kind),
                run_id,
                model,
                first,
                last,
                say=log.info,
            )
        except BusyError as busy:  # cancelled, or closed by somebody: nothing to repeat
            raise AirflowFailException(str(busy)) from None
        line = f"{model}: {counts['synced']} synced, {counted(int(counts['errors']), 'error')}"
        if counts["not_sent"]:
            raise AirflowException(f"{line}, {counts['not_sent']} not sent")
        if counts["errors"]:
            context["ti"].xcom_push("return_value", counts)
            raise AirflowFailException(line)
        return counts

    return deliver


def _report(kind: Kind) -> Any:
    @task(
        task_display_name="Report",
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=timedelta(minutes=10),
        on_success_callback=TellPush(kind),
        on_failure_callback=TellPush(kind),
    )
    def report() -> dict[str, Any]:
        """Check the books, say the table, and take the colour of what became of the run."""
        from include.push.preparing import take_receipts
        from include.push.steps import finish_run

        context = get_current_context()
        run = context["ti"].xcom_pull(task_ids="plan", key="run_id")
        if run is None:
            busy = context["ti"].xcom_pull(task_ids="plan", key="busy")
            if busy:  # for the run's note; of any other failure it says in which task it was
                context["ti"].xcom_push("return_value", {"in_words": busy})
            raise AirflowFailException(
                busy or "Nothing was sent: no plan was made. See Build and Plan."
            )
        url = postgres_url(Connection.get("warehouse"))
        take_receipts(url, destination(kind), run, say=log.info)
        result = finish_run(url, run, say=log.info)
        value = result.as_dict()
        if result.exit_code:
            context["ti"].xcom_push("return_value", value)
            reason = f": {result.reason}" if result.reason else ""
            raise AirflowFailException(f"Run {run} is {result.status}{reason}")
        return value

    return report
