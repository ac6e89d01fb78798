"""
# Answer held plans

Asks what is to become of a plan that a guard has held: a push that would remove or change far more
than usual. Runs by itself as soon as a push has held something, asks one question per model
(Airflow shows it under *Required actions*), and keeps the answer for the next push.

**The answers.** *all*: send all of it. *safe*: only what the guard does not object to. *none*: send
nothing of it. *later*: do not answer now; that is also what two days without an answer mean. An
answer is for exactly that plan: a plan that has changed meanwhile is held, and asked for, again.
`make answer` and the integration's page answer the same question.

**Is it safe to run again?** Yes: it asks again for what is still held and has no answer, and sends
nothing itself.

**When it is red.** The answer came too late: the plan is another one by now, or nothing is held any
more. The log of *Ask* says which. Nothing was kept; the newer plan has a question of its own.
"""

import logging
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, Asset, Connection, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from include.connections import Kind, planhat_connection_of, postgres_url
from include.errors import ProblemError
from include.push.catalogue import read_catalogue
from plugins.parameters import refuse_unknown_parameters
from plugins.push_tasks import destination

log = logging.getLogger(__name__)
models = sorted({*read_catalogue(), *read_catalogue(kind="planhat")})

LATER = "later"


class AskForAnswer(HITLOperator):
    """Ask what is to become of one held plan, and keep the answer for the next push."""

    def __init__(self, *, kind: Kind, model: str, fingerprint: str, **kwargs: Any) -> None:
        """`kind`: of the destination; `fingerprint`: of the plan that the question shows."""
        super().__init__(**kwargs)
        self.kind = kind
        self.model = model
        self.fingerprint = fingerprint

    def execute_complete(self, context: Any, event: dict[str, Any]) -> dict[str, str]:
        """Keep what was answered. Fails when it is no answer to what is held by now."""
        from include.push.guards import answer_plan

        (chosen,) = super().execute_complete(context, event)["chosen_options"]
        if chosen != LATER:
            user = event.get("responded_by_user") or {}
            try:
                answer_plan(
                    postgres_url(Connection.get("warehouse")),
                    destination(self.kind),
                    self.model,
                    chosen,
                    answered_by=user.get("name") or "Airflow",
                    fingerprint=self.fingerprint,
                )
            except ProblemError as problem:
                raise AirflowFailException(str(problem)) from None
        return {"model": self.model, "answer": chosen}


def _kinds() -> list[Kind]:
    """The destinations that have a connection."""
    try:
        planhat = planhat_connection_of(Connection.get("planhat"))
    except AirflowNotFoundException:
        return ["segment"]
    # without a tenant's token nothing was ever pushed there
    return ["segment", "planhat"] if planhat.tenant_token else ["segment"]


with DAG(
    dag_id="answer_held_plans",
    dag_display_name="Answer held plans",
    description="Asks what is to become of plans that a guard has held. After a push held one.",
    doc_md=__doc__,
    schedule=[Asset("held_push_plans")],
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(days=3),
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    params={
        "models": Param(
            [],
            type="array",
            title="Models",
            description="Ask for these only; none chosen means all that are held.",
            items={"type": "string", "enum": models},
            examples=models,
        ),
    },
    tags=["planhat", "segment", "push"],
):

    @task(task_display_name="Find", execution_timeout=timedelta(minutes=10))
    def find() -> list[dict[str, str]]:
        """The questions: one a model that is held and has no answer yet."""
        from include.push.guards import ANSWERS, held_plans

        context = get_current_context()
        refuse_unknown_parameters(context)
        chosen = context["params"]["models"]
        url = postgres_url(Connection.get("warehouse"))
        held = [(kind, plan) for kind in _kinds() for plan in held_plans(url, destination(kind))]
        log.info("%s plans are held; the answers are %s", len(held), ", ".join(ANSWERS))
        return [
            {
                "kind": kind,
                "model": plan.model,
                "fingerprint": plan.plan_fingerprint,
                "subject": f"Push of {plan.model} to {kind.title()}: {plan.counts}?",
                "body": str(plan),
            }
            for kind, plan in held
            if plan.answer is None and (not chosen or plan.model in chosen)
        ]

    AskForAnswer.partial(
        task_id="ask",
        task_display_name="Ask",
        map_index_template="{{ task.model }}",
        options=["all", "safe", "none", LATER],
        defaults=LATER,
        response_timeout=timedelta(days=2),
        # of asking, and of keeping the answer; not of waiting
        execution_timeout=timedelta(minutes=10),
    ).expand_kwargs(find())
