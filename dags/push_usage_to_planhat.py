"""
# Push usage to Planhat

Builds the warehouse, compares the tables of the schema `to_planhat` with what Planhat has
acknowledged, and sends the difference: endusers that were created from Segment calls, metrics of
companies (and of what `sync.planhat_measures` names), activities of days that are over. Each hour,
at five past (`PUSH_TO_PLANHAT_CRON`), once somebody has switched it on: it is paused until then.

**Before the first run.** Set the connection `planhat` with its tenant token, ask the tenant what it
is like (`make planhat CHECK=1`), and look at the plan: `make plan TO=planhat`, then
`make push TO=planhat LIMIT=1`. `docs/planhat.md` says what is sent, and what never is.

**Is it safe to run again?** Yes, as often as you like. An enduser is looked for before it is sent.
A sum goes as its difference, and after a lost answer Planhat is read first. An activity whose
answer was lost is never sent again by itself: it waits until somebody says whether it arrived.

**When it is red.** Read the log of *Report*; its last line says what became of the run.

- *partial*: Planhat refused some, or has them otherwise than they were sent. They are in
  `sync.run_errors` with a reason each, and are tried again by the next run.
- *held*: more new endusers than usual, say. Look at the plan and answer (`make answer TO=planhat`).
- *failed* in *Plan*: Planhat did not answer, does not know the token, or another environment of
  ours writes to the tenant; the log says which. Nothing was sent.
- *failed* with *outcome unknown*: answers were lost. Look in Planhat, then say what you found:
  `make answer TO=planhat MODEL=activity ANSWER=arrived`, or `again`.

**Parameters.** *Models*: only these (none chosen: all that are active). *Dry run*: build and plan,
send nothing.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from include.schedule import in_words
from include.settings import load_settings
from plugins.push_tasks import close_timed_out_run, parameters, push_tasks

settings = load_settings()

with DAG(
    dag_id="push_usage_to_planhat",
    dag_display_name="Push usage to Planhat",
    description=(
        "Sends endusers, metrics and activities to Planhat. "
        f"{in_words(settings.push_to_planhat_cron, name='PUSH_TO_PLANHAT_CRON')}."
    ),
    doc_md=__doc__,
    # Zero: switched on for the first time, wait for the next time. By default a time that passed
    # less than a tenth of the interval ago is made up for.
    schedule=CronTriggerTimetable(
        settings.push_to_planhat_cron, timezone="UTC", run_immediately=timedelta(0)
    ),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=4),
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    on_failure_callback=close_timed_out_run("planhat"),
    params=parameters("planhat"),
    tags=["planhat", "push"],
):
    push_tasks("planhat")
