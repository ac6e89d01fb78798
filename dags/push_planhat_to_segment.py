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

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param

from include.schedule import in_words
from include.settings import load_settings
from plugins.push_tasks import close_timed_out_run, parameters, push_tasks

settings = load_settings()

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
    on_failure_callback=close_timed_out_run("segment"),
    params={
        **parameters("segment"),
        "full_resync": Param(
            False,
            type="boolean",
            title="Full resync",
            description="Send every object again, unchanged ones too.",
        ),
    },
    tags=["planhat", "segment", "push"],
):
    push_tasks("segment")
