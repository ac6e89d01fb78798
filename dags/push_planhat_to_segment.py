"""
# Push Planhat's data to Segment

Builds the warehouse, compares the tables of the schema `planhat` with what Segment has
acknowledged, and sends the difference: companies as *group* calls, endusers as *identify* calls,
every other model as *track* events. By default three times a day, at 06:00, 12:00 and 18:00 UTC
(`PUSH_CRON`, `PUSH_TIMEZONE`), and whenever somebody triggers it. Switched on again after a pause,
it makes up for the last time that was missed, at once, and for that one alone.

**Tasks.** *Build* makes one dbt build, or uses one that began after this run was triggered.
*Plan* claims the destination and lists what has something to send. *Deliver* sends one model (a
large one in parts). *Report* checks the books and says the table *considered, synced, errors* per
model; it is in the task's log, in its value and in `sync.run_models`, in short in
the run's note.

**Is it safe to run again?** Yes, as often as you like: what Segment acknowledged is not sent
again, and what has no known outcome goes again under the same message ids, which Segment drops.

**When it is red.** Read the log of *Report*; its last line says what became of the run.

- *partial*: some objects were refused. They are in `sync.run_errors` with a reason each, and are
  tried again by the next run with fresh data. Nothing needs to be done at night.
- *held*: a guard stopped a change that is larger than usual (many removals, say). Look at the
  plan (`make plan`, or the page) and answer: *Answer held plans* asks, so does the page.
- *failed* in *Build*: the log names the model, the test, or a parameter that there is not.
  Nothing was sent.
- *failed* in *Plan*: another push was active; its log says whose. Nothing was sent.
- *timed_out*: the run took longer than four hours. The next one continues.

**Parameters.** *Models*: only these (none chosen: all). *Dry run*: build and plan, send nothing.
*Full resync*: send every object again, also unchanged ones; each counts as a call in Segment.
"""

import logging
from datetime import UTC, timedelta
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    Connection,
    CronTriggerTimetable,
    Param,
    TriggerRule,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from include.connections import postgres_url, segment_connection_of
from include.counting import counted
from include.errors import BusyError
from include.push.catalogue import read_catalogue
from include.schedule import in_words
from include.settings import load_settings
from plugins.alerts.notifiers import TellPush, tell_push
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)
settings = load_settings()
models = list(read_catalogue())

# Tells the DAG answer_held_plans that there is something to ask.
HELD = AssetAlias("held_push_plans_of_a_run")


def close_timed_out_run(context: Any) -> None:
    """Close the run's row: on a time-out Airflow skips what is left, *Report* too."""
    from include.push.runs import close_run, trigger_of, unfinished_run
    from include.push.steps import open_run

    if context.get("reason") != "timed_out":
        return
    url = postgres_url(Connection.get("warehouse"))
    segment = segment_connection_of(Connection.get("segment"))
    conf = getattr(context.get("dag_run"), "conf", None) or {}
    try:
        # The run that this DAG run opened; one is made for the record if it got nowhere.
        run = unfinished_run(url, segment, context["run_id"]) or open_run(
            url,
            segment,
            trigger=trigger_of(context["run_id"]),
            requested_by=f"Airflow {context['run_id']}",
            owner=context["run_id"],
            dry_run=bool(conf.get("dry_run")),
        )
    except BusyError as busy:
        log.info("%s", busy)
        return
    if close_run(url, run, "timed_out", "the DAG run reached its time limit"):
        tell_push(run, context)


with DAG(
    dag_id="push_planhat_to_segment",
    dag_display_name="Push Planhat to Segment",
    description=f"Sends what changed. {in_words(settings.push_cron, settings.push_timezone)}.",
    doc_md=__doc__,
    # Zero: switched on for the first time, wait for the next time. By default a time that passed
    # less than a tenth of the interval ago is made up for.
    schedule=CronTriggerTimetable(
        settings.push_cron, timezone=settings.push_timezone, run_immediately=timedelta(0)
    ),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    on_failure_callback=close_timed_out_run,
    params={
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
        "full_resync": Param(
            False,
            type="boolean",
            title="Full resync",
            description="Send every object again, unchanged ones too.",
        ),
    },
    tags=["planhat", "segment", "push"],
):

    @task(task_display_name="Build", execution_timeout=timedelta(hours=1), retries=1)
    def build() -> dict[str, Any]:
        """One dbt build, unless one began after this run was triggered."""
        from include.build import build as run_build

        context = get_current_context()
        refuse_unknown_parameters(context)
        report = run_build(
            postgres_url(Connection.get("warehouse")),
            load_settings(),
            requested_by=f"push_planhat_to_segment {context['run_id']}",
            # the run's day, not the clock's: a task that is run again sees the same
            today=context["dag_run"].run_after.astimezone(UTC).date(),
            since=context["dag_run"].run_after,
            say=log.info,
        )
        return {"build_id": report.build_id, "seconds": round(report.seconds, 1)}

    @task(task_display_name="Plan", execution_timeout=timedelta(minutes=30), outlets=[HELD])
    def plan() -> list[dict[str, Any]]:
        """Claim the destination and list the parts that have something to send."""
        from include.push.guards import held_plans
        from include.push.runs import trigger_of
        from include.push.steps import open_run, plan_run

        context = get_current_context()
        # also when this task alone is run again
        refuse_unknown_parameters(context)
        chosen = context["params"]
        url = postgres_url(Connection.get("warehouse"))
        segment = segment_connection_of(Connection.get("segment"))
        trigger = trigger_of(context["run_id"])
        user = getattr(context["dag_run"], "triggering_user_name", None)
        try:
            run = open_run(
                url,
                segment,
                trigger=trigger,
                requested_by="the schedule" if trigger == "schedule" else user or "Airflow",
                owner=context["run_id"],
                models=chosen["models"] or None,
                full=chosen["full_resync"],
                dry_run=chosen["dry_run"],
            )
        except BusyError as busy:
            context["ti"].xcom_push("busy", str(busy))
            raise AirflowFailException(str(busy)) from None
        context["ti"].xcom_push("run_id", run)
        try:
            parts = plan_run(url, load_settings(), run, say=log.info)
        except BusyError as busy:  # cancelled, or closed by somebody: nothing to repeat
            raise AirflowFailException(str(busy)) from None
        if any(held.run_id == run and held.answer is None for held in held_plans(url, segment)):
            context["outlet_events"][HELD].add(Asset("held_push_plans"))
        return [{"run_id": run, **part} for part in parts]

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
                segment_connection_of(Connection.get("segment")),
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

    @task(
        task_display_name="Report",
        trigger_rule=TriggerRule.ALL_DONE,
        execution_timeout=timedelta(minutes=10),
        on_success_callback=TellPush(),
        on_failure_callback=TellPush(),
    )
    def report() -> dict[str, Any]:
        """Check the books, say the table, and take the colour of what became of the run."""
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
        result = finish_run(postgres_url(Connection.get("warehouse")), run, say=log.info)
        value = result.as_dict()
        if result.exit_code:
            context["ti"].xcom_push("return_value", value)
            reason = f": {result.reason}" if result.reason else ""
            raise AirflowFailException(f"Run {run} is {result.status}{reason}")
        return value

    parts = plan()
    build() >> parts
    deliver.expand_kwargs(parts) >> report()
