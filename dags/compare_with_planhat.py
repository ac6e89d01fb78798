"""
# Compare with Planhat

Holds what Planhat has (endusers that it created, metrics by day, last activity) against what is
ours, over chosen days, and says why they differ. For moving over from the hosted integration: see
`docs/planhat.md`. The integration's page shows the newest comparison with its reasons and examples.
Runs when somebody triggers it, and sends nothing. `make compare` does the same.

**Is it safe to run again?** Yes: it reads Planhat and the tables, and keeps what it found.

**When it is red.** The log says what stopped it: a day that is not over, a section that there is
not, a table that no build has made yet, a token that Planhat does not know. When Planhat does not
answer, it is tried again. That something differs does not make it red. *Skipped* means that there
is no connection `planhat`, or a played Planhat without a document.
"""

import logging
from datetime import UTC, date, datetime, timedelta

from airflow.sdk import DAG, Connection, Param, get_current_context, task
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)

from include.connections import planhat_connection_of, postgres_url
from include.errors import ProblemError, ServiceError
from plugins.parameters import refuse_unknown_parameters

log = logging.getLogger(__name__)

# Those of include.compare, which takes long to import; a test compares them.
SECTIONS = ["endusers", "metrics", "activity"]
_A_DAY = r"^(\d{4}-\d{2}-\d{2})?$"

with DAG(
    dag_id="compare_with_planhat",
    dag_display_name="Compare with Planhat",
    description="Holds what Planhat has against what is ours; sends nothing. When triggered.",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=3),
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "since": Param(
            "",
            type="string",
            pattern=_A_DAY,
            title="Since",
            description="The first day (UTC), like 2026-11-01; fourteen days when left out.",
        ),
        "until": Param(
            "",
            type="string",
            pattern=_A_DAY,
            title="Until",
            description="The last day (UTC); yesterday when left out.",
        ),
        "sections": Param(
            [],
            type="array",
            title="Sections",
            description="Compare these only; none chosen means all.",
            items={"type": "string", "enum": SECTIONS},
            examples=SECTIONS,
        ),
    },
    tags=["planhat", "read"],
):

    @task(task_display_name="Compare", execution_timeout=timedelta(hours=2))
    def compare() -> dict[str, int]:
        """Compare; the value is how many of each outcome there are."""
        from include.compare import chosen
        from include.compare import compare as run_compare
        from include.compare.report import OUTCOMES
        from include.played_planhat.place import is_empty

        context = get_current_context()
        refuse_unknown_parameters(context)
        params = context["params"]
        try:
            tenant = planhat_connection_of(Connection.get("planhat"))
        except AirflowNotFoundException:
            raise AirflowSkipException(
                "There is no connection `planhat` to compare with."
            ) from None
        if is_empty(tenant):
            raise AirflowSkipException("The played Planhat is empty: nothing to compare with.")
        run = context["dag_run"]
        try:
            found = run_compare(
                postgres_url(Connection.get("warehouse")),
                tenant,
                # the run's day, not the clock's: a task that is run again compares the same
                chosen(
                    _day(params["since"]),
                    _day(params["until"]),
                    today=run.run_after.astimezone(UTC).date(),
                ),
                sections=params["sections"] or SECTIONS,
                requested_by=getattr(run, "triggering_user_name", None) or "Airflow",
                say=log.info,
            )
        except ServiceError:
            raise  # tried again
        except ProblemError as problem:
            raise AirflowFailException(str(problem)) from None
        # examples name people: the page shows them to those who may see them
        for line in found.lines(with_examples=False):
            log.info("%s", line)
        return {
            outcome: sum(getattr(section, outcome) for section in found.sections)
            for outcome in OUTCOMES
        }

    def _day(text: str) -> date | None:
        try:
            return datetime.strptime(text, "%Y-%m-%d").date() if text else None
        except ValueError:
            raise AirflowFailException(f"{text} is no day of the calendar.") from None

    compare()
