"""
# Read Planhat

Reads a folder of Planhat exports (`PLANHAT_EXPORTS_DIR`) into `raw_planhat.objects`, by default a
quarter of an hour before each push (`READ_PLANHAT_CRON`). Objects are compared by content; what
is gone from a file that was read is marked deleted; a model without a file was not read, and
nothing of it is touched.

**Is it safe to run again?** Yes: the same files change nothing. Each model is a transaction of
its own, so a read that was interrupted is completed by the next.

**When it is red.** The log names the models that somebody should look at: nothing of a file could
be read, a column is not any more what it has been, or objects are missing from it that were not
marked deleted because the read may have missed them (the file breaks off, say, a quote swallows
rows, or a large part of the model is gone at once). Everything else was read. If they are really
gone, trigger it with *Deletions: always*, or run the command that the log names. Single lines and
cells that could not be loaded do not make it red: they are in `raw_planhat.rejects` with file,
line, column and reason. It is red too when the folder holds files and none of them is an export.
*Skipped* means that the folder does not exist yet, or is empty.
"""

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Connection, CronTriggerTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.connections import postgres_url
from include.errors import ProblemError, ServiceError
from include.schedule import in_words
from include.settings import load_settings
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)
settings = load_settings()

with DAG(
    dag_id="read_planhat",
    dag_display_name="Read Planhat",
    description=(
        "Reads a folder of exports. "
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
                "What becomes of objects that are gone from a file: marked deleted unless the read "
                "may have missed them, always, or never."
            ),
        ),
    },
    tags=["planhat", "read"],
):

    @task(task_display_name="Read exports", execution_timeout=timedelta(hours=1))
    def read_exports() -> dict[str, Any]:
        """Load the folder; the value is each model's counts."""
        from include.planhat.reading import read_folder

        context = get_current_context()
        refuse_unknown_parameters(context)
        folder = load_settings().exports_dir
        if not folder.is_dir() or all(path.name.startswith(".") for path in folder.iterdir()):
            raise AirflowSkipException(f"There is nothing in {folder} yet: nothing to read.")
        try:
            report = read_folder(
                postgres_url(Connection.get("warehouse")),
                folder,
                deletions=context["params"]["deletions"],
                say=log.info,
            )
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

    read_exports()
