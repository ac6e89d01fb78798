"""
# Forget people

Forgets whoever was asked for on the integration's page and whoever an interrupted forgetting has
left: every call and row of theirs goes, with a receipt (`docs/privacy.md`). Asks Segment
(connection `segment_api`) and Planhat (`planhat`) for what was wanted there, and how far Segment
is. Runs when somebody confirms on the page, and every hour for what waits. `make forget` does the
same at once.

**Is it safe to run again?** Yes: it goes on where it was, and who was forgotten is nobody any more.

**When it is red.** The log says what stopped it: mostly a build that failed, or calls of somebody
that came faster than they went (suppress them). The page says it too. It is tried again, and every
hour. An id that is refused does not make it red: it stays on the page with the reason.

Nobody is named in a run, its log or its parameters: who waits stands in the warehouse alone.
"""

import logging
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any, TypeVar

from airflow.sdk import DAG, Connection, CronTriggerTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from include.connections import (
    planhat_connection_of,
    postgres_url,
    segment_api_connection_of,
)
from include.errors import ProblemError, ServiceError
from include.schedule import in_words
from include.settings import load_settings
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)
Found = TypeVar("Found")

# For what nobody waits for: a killed run, a request whose trigger failed.
CRON = "20 * * * *"

with DAG(
    dag_id="forget_people",
    dag_display_name="Forget people",
    description=f"Forgets whoever was asked for on the page. {in_words(CRON)}, and when asked.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(CRON, timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=6),
    default_args={"retries": 1, "retry_delay": timedelta(minutes=1)},
    params={
        "again": Param(
            False,
            type="boolean",
            title="Again",
            description="Also whoever the receipts mean: after a backup was restored.",
        ),
    },
    tags=["privacy"],
):

    @task(task_display_name="Forget", execution_timeout=timedelta(hours=5))
    def forget() -> int:
        """Forget whoever waits; the value is how many receipts there are of it."""
        from include.build.for_forgetting import builds_of
        from include.privacy.forgetting.outward import ask_others
        from include.privacy.forgetting.requests import work_off

        context = get_current_context()
        refuse_unknown_parameters(context)
        run = context["dag_run"]
        url, own = postgres_url(Connection.get("warehouse")), load_settings()

        try:
            done = work_off(
                url,
                own.data_dir,
                builds=builds_of(
                    url,
                    own,
                    requested_by=f"forget_people {context['run_id']}",
                    today=run.run_after.astimezone(UTC).date(),
                    say=log.info,
                ),
                by=getattr(run, "triggering_user_name", None) or "Airflow",
                again=context["params"]["again"],
                say=log.info,
            )
            ask_others(
                url,
                own.data_dir,
                segment=_of("segment_api", segment_api_connection_of),
                planhat=_of("planhat", planhat_connection_of),
                say=log.info,
            )
        except ServiceError:
            raise  # tried again
        except ProblemError as problem:
            raise AirflowFailException(str(problem)) from None
        return len(done.receipts)

    def _of(name: str, read: Callable[[Any], Found]) -> Found | None:
        try:
            return read(Connection.get(name))
        except AirflowNotFoundException:
            return None

    forget()
