"""
# Keep retention

Lets go what the rules of `make retention` keep no longer: first what a payload says beside keys and
numbers, then the single calls of a day that are alike. Every number stays as it is. See
`docs/privacy.md`.

Runs every night and looks at the calls when a month has become due or a rule has changed, else at
nothing. *Skipped* means that there is no rule, or that nothing has become due.

**Is it safe to run again?** Yes: it goes on where it was. Each step is a transaction of some 20,000
calls, for which it holds the lock of builds.

**When it is red.** The log says what stopped it. When Postgres does not answer, it is tried again.
"""

import logging
from datetime import timedelta

from airflow.sdk import DAG, Connection, CronTriggerTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.connections import postgres_url
from include.errors import ProblemError, ServiceError
from include.schedule import in_words
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)

EACH_NIGHT = "40 2 * * *"

with DAG(
    dag_id="keep_retention",
    dag_display_name="Keep retention",
    description=f"Lets go what is kept no longer; numbers stay. {in_words(EACH_NIGHT)}.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(EACH_NIGHT, timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=20),
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    params={
        "always": Param(
            False,
            type="boolean",
            title="Look at all calls",
            description="Though nothing has become due: for old calls that have landed since.",
        ),
    },
    tags=["privacy"],
):

    @task(task_display_name="Keep retention", execution_timeout=timedelta(hours=18))
    def keep_retention() -> dict[str, int]:
        """Let go what is due; the value is how much that was."""
        from include.build.lock import take_lock
        from include.privacy.retention.keeping import keep

        context = get_current_context()
        refuse_unknown_parameters(context)
        run = context["dag_run"]
        try:
            done = keep(
                postgres_url(Connection.get("warehouse")),
                by=getattr(run, "triggering_user_name", None) or "Airflow",
                lock=lambda holder: take_lock(holder, log.info),
                always=context["params"]["always"],
                say=log.info,
            )
        except ServiceError:
            raise  # tried again
        except ProblemError as problem:
            raise AirflowFailException(str(problem)) from None
        if done is None:
            raise AirflowSkipException("Nothing has become due since the last time.")
        if not done.due:
            raise AirflowSkipException("There is no rule: everything is kept for good.")
        log.info("%s.", done)
        return {"payloads": done.payloads, "calls": done.calls, "quarantined": done.quarantined}

    keep_retention()
