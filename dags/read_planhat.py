"""
# Read Planhat

Reads Planhat into `raw_planhat.objects`, by default a quarter of an hour before each push
(`READ_PLANHAT_CRON`): through its API where the connection `planhat` is set, else from a folder of
exports (`PLANHAT_EXPORTS_DIR`). On the embedded server, where neither is there, Planhat is a played
one, and what it is asked for is the demo's. Objects are compared by content. What is gone from a
file is marked deleted, and what the API does not list when Planhat, asked for it alone, says that
it is gone. A model without a file was not read, and nothing of it is touched.

**Is it safe to run again?** Yes: the same content changes nothing. Each model is a transaction of
its own. A read of the API that was interrupted goes on where it was, for an hour.

**When it is red.** The log names the models that somebody should look at: nothing of a file could
be read, a column is not any more what it has been, the token may not read a model of which there
are objects, or objects are missing that were not marked deleted because the read may have missed
them (the file breaks off, say, or a large part of the model is gone at once). Everything else was
read. If they are really gone, trigger it with *Deletions: always*, or run the command that the log
names. Single rows and cells that could not be loaded do not make it red: they are in
`raw_planhat.rejects` with their place and reason. It is red too when the folder holds files and
none of them is an export, and when Planhat does not know the token: its host may be another
region's. When Planhat does not answer, it is tried again. *Skipped* means that there is no
connection, or a played Planhat without a document, and that the folder does not exist yet, or is
empty.
"""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Connection, CronTriggerTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)

from include.connections import planhat_connection_of, postgres_url
from include.errors import ProblemError, ServiceError
from include.schedule import in_words
from include.settings import load_settings
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)
settings = load_settings()


def _planhat() -> Any:
    """The connection `planhat`; None where there is none."""
    try:
        return Connection.get("planhat")
    except AirflowNotFoundException:
        return None


with DAG(
    dag_id="read_planhat",
    dag_display_name="Read Planhat",
    description=(
        "Reads Planhat's API, or a folder of exports. "
        f"{in_words(settings.read_planhat_cron, name='READ_PLANHAT_CRON')}."
    ),
    doc_md=__doc__,
    # Zero: switched on for the first time, wait for the next time. By default a time that passed
    # less than a tenth of the interval ago is made up for.
    schedule=CronTriggerTimetable(
        settings.read_planhat_cron, timezone="UTC", run_immediately=timedelta(0)
    ),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=2),
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "deletions": Param(
            "guarded",
            type="string",
            enum=["guarded", "always", "never"],
            title="Deletions",
            description=(
                "What becomes of objects that are gone: marked deleted unless the read may have "
                "missed them, always, or never."
            ),
        ),
    },
    tags=["planhat", "read"],
):

    @task(task_display_name="Read Planhat", execution_timeout=timedelta(hours=1))
    def read() -> dict[str, Any]:
        """Read all of it; the value is each model's counts."""
        from include.planhat.api.reading import read_api
        from include.planhat.models import models_with
        from include.planhat.reading import read_folder
        from include.played_planhat.place import is_empty

        context = get_current_context()
        refuse_unknown_parameters(context)
        deletions = context["params"]["deletions"]
        settings = load_settings()
        folder = settings.exports_dir
        connection = _planhat()
        if connection is None and not settings.has_exports:
            raise AirflowSkipException(f"There is nothing in {folder} yet: nothing to read.")
        url = postgres_url(Connection.get("warehouse"))
        try:
            tenant = planhat_connection_of(connection) if connection is not None else None
            # exports are somebody's own, the played Planhat is nobody's
            if tenant is None or (tenant.is_played and settings.has_exports):
                report = read_folder(url, folder, deletions=deletions, say=log.info)
            elif is_empty(tenant):
                raise AirflowSkipException("The played Planhat is empty: nothing to read.")
            else:
                models = models_with(settings.planhat_custom_models)
                report = read_api(url, tenant, deletions=deletions, say=log.info, models=models)
        except ServiceError:
            raise  # tried again
        except ProblemError as problem:
            raise AirflowFailException(str(problem)) from None
        for line in str(report).splitlines():
            log.info("%s", line)
        if report.doubtful:
            context["ti"].xcom_push("return_value", report.as_dict())
            raise AirflowFailException(f"Look at: {', '.join(report.doubtful)}. See above.")
        return report.as_dict()

    read()
