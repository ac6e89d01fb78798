"""
# Read what changed in Planhat

Each minute: the objects of which an automation in Planhat said that they changed (`POST
/planhat/changed` at the collector) are read through its API, one by one, and if anything differs,
built. The whole read (`read_planhat`) stays the truth; this one is only sooner.

Paused until somebody switches it on: it is of no use before the automation is there
(docs/planhat.md has the body to paste).

**Is it safe to run again?** Yes: what was read is not marked any more, and the same content
changes nothing. While a whole read is under way it does nothing, and the next minute tries again.

**When it is red.** Planhat does not know the token, Postgres does not answer, or the build failed:
the log says which. Marks stay until they are read. *Skipped* means that nothing is marked, nothing
differed, or that there is no connection `planhat`.
"""

import logging
from datetime import UTC, timedelta
from typing import Any

from airflow.sdk import DAG, Connection, CronTriggerTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)

from include.connections import planhat_connection_of, postgres_url
from include.errors import BusyError, ProblemError, ServiceError
from include.schedule import in_words
from include.settings import load_settings
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)
EACH_MINUTE = "* * * * *"

with DAG(
    dag_id="read_changed_planhat",
    dag_display_name="Read what changed in Planhat",
    description=f"Reads objects that Planhat said to have changed. {in_words(EACH_MINUTE)}.",
    doc_md=__doc__,
    schedule=CronTriggerTimetable(EACH_MINUTE, timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    dagrun_timeout=timedelta(hours=2),
    default_args={"retries": 1, "retry_delay": timedelta(seconds=20)},
    params={
        "build": Param(
            True,
            type="boolean",
            title="Build",
            description="Build when anything differs; else the next build does.",
        ),
    },
    tags=["planhat", "read"],
):

    @task(task_display_name="Read", execution_timeout=timedelta(minutes=20))
    def read() -> dict[str, Any]:
        """Read what is marked; the value is the counts. Skipped when nothing differs."""
        from include.planhat.api.changed import read_changed
        from include.planhat.models import models_with

        context = get_current_context()
        refuse_unknown_parameters(context)
        try:
            tenant = planhat_connection_of(Connection.get("planhat"))
            done = read_changed(
                postgres_url(Connection.get("warehouse")),
                tenant,
                models=models_with(load_settings().planhat_custom_models),
                say=log.info,
            )
        except AirflowNotFoundException:
            raise AirflowSkipException("There is no connection planhat: nothing to ask.") from None
        except BusyError as busy:
            raise AirflowSkipException(f"{busy}") from None
        except ServiceError:
            raise  # tried again
        except ProblemError as problem:
            raise AirflowFailException(str(problem)) from None
        if not done.has_changed:
            raise AirflowSkipException("Nothing is marked, or nothing differs.")
        return {each.model: each.considered + each.deleted for each in done.reads}

    @task(task_display_name="Build", execution_timeout=timedelta(hours=1))
    def build() -> dict[str, Any]:
        """One dbt build in this process, unless the parameter says otherwise."""
        from include.build import build as run_build

        context = get_current_context()
        if not context["params"]["build"]:
            raise AirflowSkipException("Not asked for.")
        report = run_build(
            postgres_url(Connection.get("warehouse")),
            load_settings(),
            requested_by=f"read_changed_planhat {context['run_id']}",
            today=context["dag_run"].run_after.astimezone(UTC).date(),
            say=log.info,
        )
        return {"build_id": report.build_id, "seconds": round(report.seconds, 1)}

    read() >> build()
