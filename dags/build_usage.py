"""
# Build usage

One dbt build: every event that landed since the last one is matched to its company and enduser
and counted, and what Planhat's new data changes is changed, in history too. By default every minute
(`BUILD_CRON`). A build that would see nothing new is not made; one that sees nothing but new rows
leaves out what they do not reach.

**Alerts.** After a build, those of usage that opened since the last one are told in one message,
each once (connection `usage_alerts`). At its end, whatever became of it, it tells once when a push
was due and none has begun within an hour (connection `push_alerts`; not while the push DAG is
paused).

**Is it safe to run again?** Yes. Every table is made from what landed, so a build that is repeated
gives the same tables. Two builds never run at once: the second waits, and says for whom.

**When it is red.** The log names the model or the test, and `sync.builds` keeps it. A failed test
is one of our own guarantees (what customers send becomes a row of `marts.quality` instead). What
comes after the model that failed keeps its last good rows. While the same fails again, the schedule
tries it after 2, 4, 8 and then every 15 minutes, and at once when a file or a setting has changed;
until then the log repeats what failed. After a fix, trigger it again; *Full* makes a build even if
nothing new is to be seen.
"""

import logging
from datetime import UTC, timedelta
from typing import Any

from airflow.sdk import DAG, Connection, CronTriggerTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from include.connections import postgres_url
from include.schedule import in_words
from include.settings import load_settings
from plugins.alerts.notifiers import TellLatePush, TellNewRules, TellUsageAlerts
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)
settings = load_settings()

with DAG(
    dag_id="build_usage",
    dag_display_name="Build usage",
    description=f"One dbt build. {in_words(settings.build_cron, name='BUILD_CRON')}.",
    doc_md=__doc__,
    # Zero: switched on for the first time, wait for the next time. By default a time that passed
    # less than a tenth of the interval ago is made up for.
    schedule=CronTriggerTimetable(
        settings.build_cron, timezone="UTC", run_immediately=timedelta(0)
    ),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=6),
    default_args={"retries": 1, "retry_delay": timedelta(minutes=1)},
    params={
        "full": Param(
            False,
            type="boolean",
            title="Full",
            description="From scratch, even if nothing is new.",
        ),
    },
    tags=["usage", "dbt"],
):

    @task(
        task_display_name="Build",
        execution_timeout=timedelta(hours=5),
        on_success_callback=[TellUsageAlerts(), TellLatePush(), TellNewRules()],
        on_failure_callback=[TellLatePush()],
    )
    def build() -> dict[str, Any]:
        """One dbt build in this process."""
        from include.build import TooSoonError
        from include.build import build as run_build

        context = get_current_context()
        refuse_unknown_parameters(context)
        try:
            report = run_build(
                postgres_url(Connection.get("warehouse")),
                load_settings(),
                requested_by=f"build_usage {context['run_id']}",
                # the run's day, not the clock's: a task that is run again sees the same
                today=context["dag_run"].run_after.astimezone(UTC).date(),
                full=context["params"]["full"],
                is_scheduled=context["run_id"].startswith("scheduled__"),
                say=log.info,
            )
        except TooSoonError as waits:
            raise AirflowFailException(str(waits)) from None
        return {"build_id": report.build_id, "seconds": round(report.seconds, 1)}

    build()
