"""The routes of a push, the same for each destination: `/api/push` to Segment, `/api/planhat/push`.

Each asks Airflow for the right to that destination's DAG.
"""

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from include import __version__
from include.connections import Destination, Kind
from include.errors import ProblemError, ServiceError
from include.page import button, destination, left_out, runs
from include.page.button import PushDag
from include.push import guards, switches
from include.push.cancel import cancel_run, stop_before_plan
from include.push.pushed_models import pushed_models
from include.push.to_planhat.unknown import answer_unknown
from include.settings import load_settings
from include.warehouse import reading
from plugins.page import airflow_api, warehouse
from plugins.page.access import ACCESS, same_site
from plugins.page.asking import LONGEST, Asked, Offset, RunId, Text, read
from plugins.page.known import known_fields, refuse_unknown

PREFIXES: dict[Kind, str] = {"segment": "/api", "planhat": "/api/planhat"}


class PushWish(Asked):
    """What the button asks for. No models: all of them."""

    models: list[Annotated[str, Field(max_length=100)]] = Field(default=[], max_length=200)
    dry_run: bool = False
    full_resync: bool = False

    def conf(self) -> dict[str, Any]:
        """The DAG run's parameters: what was chosen, and the DAG's own defaults for the rest."""
        return self.model_dump(exclude_defaults=True)


class Waiting(Asked):
    """A push that was triggered and has no run yet, by its DAG run's id."""

    dag_run_id: Annotated[str, Field(max_length=500)]


class Answer(Asked):
    """What somebody says to a held plan: that plan, by its fingerprint, and no later one."""

    model: Annotated[str, Field(max_length=LONGEST)]
    fingerprint: Annotated[str, Field(min_length=8, max_length=LONGEST)]
    answer: Literal["all", "safe", "none"]


class Found(Asked):
    """What somebody found in Planhat of a model's objects of unknown outcome, or of one of them.

    `looked_at`: of how many it is said.
    """

    model: Annotated[str, Field(max_length=LONGEST)]
    answer: Literal["arrived", "again"]
    looked_at: Annotated[int, Field(ge=1)]
    object_id: Annotated[str | None, Field(max_length=LONGEST)] = None


class Switch(Asked):
    """On or off."""

    is_active: bool


def push_routes(kind: Kind) -> APIRouter:
    """The routes of the push to this kind of destination."""
    access = ACCESS[kind]
    Permissions = Annotated[dict[str, bool], Depends(access.permissions)]
    to_push = [access.may_push, same_site]
    to_edit = [access.may_edit, same_site]
    api = APIRouter(prefix=PREFIXES[kind], dependencies=[access.may_read, known_fields])
    _add_held(api, kind)
    _add_stops(api, kind)
    if kind == "planhat":
        _add_unknown(api)

    @api.get("/push")
    async def push_section(request: Request, user: GetUserDep, may: Permissions) -> dict[str, Any]:
        """Active or not, the button, the run in progress, the last one, what comes next."""
        dag = await airflow_api.push_dag(request, access.dag_id)
        state = await read(partial(_state, kind=kind), when_missing=reading.NOT_MIGRATED)
        silent = await airflow_api.silent_processes(request)
        return {
            "user": user.get_name(),
            "may": may,
            "dag_id": access.dag_id,
            "is_active": dag.is_active,
            "is_known": dag.is_known,
            "models": list(pushed_models(kind)),
            "calls": {name: model.call for name, model in pushed_models(kind).items()},
            "next_run_at": dag.next_run_at if dag.is_active else None,
            "schedule": dag.schedule,
            "button": _button(dag, may, state),
            "silent_processes": silent,
            "version": __version__,
            "failed_before": _failed_before(dag, state),
            **state,
        }

    @api.post("/push", dependencies=to_push)
    async def push(request: Request, may: Permissions, wish: PushWish) -> dict[str, Any]:
        """Trigger the DAG as the caller. 409 with the reason when it cannot be pressed now."""
        refuse_unknown(wish.models, pushed_models(kind), "pushed model")
        if wish.full_resync and kind == "planhat":
            raise HTTPException(422, "Planhat takes no full resync. Nothing was done.")
        async with warehouse.one_asker(kind):
            dag = await airflow_api.push_dag(request, access.dag_id)
            state = await read(partial(_state, kind=kind), when_missing=reading.NOT_MIGRATED)
            allowed = _button(dag, may, state)
            if not allowed["enabled"]:
                raise HTTPException(409, allowed["text"])
            note = "Pushed from the page Planhat ⇄ Segment."
            return {
                "dag_run_id": await airflow_api.trigger_push(
                    request, access.dag_id, wish.conf(), note
                )
            }

    @api.get("/receipts")
    async def receipts() -> dict[str, Any]:
        """What was seen of what was pushed."""
        return await read(partial(runs.receipts, kind=kind), when_missing=reading.NOT_MIGRATED)

    @api.post("/active", dependencies=to_edit)
    async def activate(request: Request, switch: Switch) -> dict[str, Any]:
        """On or off: the DAG's pause switch, turned as the caller."""
        await airflow_api.set_paused(request, access.dag_id, not switch.is_active)
        return {"is_active": switch.is_active}

    return api


def _add_held(api: APIRouter, kind: Kind) -> None:
    """Plans that a guard holds."""

    @api.get("/held")
    def held_plans() -> dict[str, Any]:
        """Plans that a guard holds, and what was answered for them so far."""
        try:
            found = guards.held_plans(warehouse.current_url(), warehouse.current(kind))
        except ProblemError as problem:
            return {"problem": str(problem)}
        return {"plans": [asdict(plan) for plan in found]}

    @api.post("/held", dependencies=[ACCESS[kind].may_push, same_site])
    def answer_held(answer: Answer, user: GetUserDep) -> dict[str, Any]:
        """Answer for a held plan; the next push acts on it. 409 when it is another one by now."""
        try:
            plan = guards.answer_plan(
                warehouse.current_url(),
                warehouse.current(kind),
                answer.model,
                answer.answer,
                answered_by=user.get_name(),
                fingerprint=answer.fingerprint,
            )
        except ServiceError:
            raise
        except ProblemError as problem:
            raise HTTPException(409, str(problem)) from None
        return {"model": plan.model, "answer": answer.answer}


def _add_stops(api: APIRouter, kind: Kind) -> None:
    """Ending a push that is under way, or waits."""
    access = ACCESS[kind]
    to_push = [access.may_push, same_site]

    @api.post("/runs/{run_id}/cancel", dependencies=to_push)
    async def cancel(run_id: RunId, user: GetUserDep) -> dict[str, Any]:
        """Ask a run to stop: it does within seconds. 409 when it has ended, or was asked."""
        found = await read(
            lambda connection: {"is_of": runs.is_of(connection, run_id, kind)},
            when_missing=reading.NOT_MIGRATED,
        )
        if not found.get("is_of") or not await run_in_threadpool(
            cancel_run, warehouse.current_url(), run_id, user.get_name()
        ):
            raise HTTPException(409, "That run has ended already, or was asked to stop before.")
        return {"run_id": run_id}

    @api.post("/stops", dependencies=to_push)
    async def stop(request: Request, user: GetUserDep, waiting: Waiting) -> dict[str, Any]:
        """Stop a push while the warehouse is built for it. 409 when no such one waits."""
        dag = await airflow_api.push_dag(request, access.dag_id)
        unfinished = [
            run["dag_run_id"] for run in dag.runs if run["state"] in ("queued", "running")
        ]
        if waiting.dag_run_id not in unfinished:
            raise HTTPException(409, "That push has ended already.")
        await run_in_threadpool(
            stop_before_plan, warehouse.current_url(), waiting.dag_run_id, user.get_name()
        )
        return {"dag_run_id": waiting.dag_run_id}


def _add_unknown(api: APIRouter) -> None:
    """What is of unknown outcome in Planhat, where a repeat may count twice."""
    access = ACCESS["planhat"]
    Permissions = Annotated[dict[str, bool], Depends(access.permissions)]

    @api.get("/unknown")
    async def unknown(may: Permissions, model: Text, offset: Offset = 0) -> dict[str, Any]:
        """A model's objects that were sent, of which nobody knows whether they arrived."""
        try:
            to = warehouse.current("planhat")
        except ProblemError as problem:
            return {"problem": str(problem)}
        query = partial(
            left_out.unknown,
            destination=to.destination,
            model=model,
            with_payload=may["edit"],
            link=load_settings().planhat_app_link,
            offset=offset,
        )
        return await read(query, when_missing=reading.NOT_MIGRATED)

    @api.post("/unknown", dependencies=[access.may_push, same_site])
    def answer(found: Found, user: GetUserDep) -> dict[str, Any]:
        """Say that they arrived, or are to be sent again. 409 when there are others by now."""
        try:
            count = answer_unknown(
                warehouse.current_url(),
                warehouse.current("planhat"),
                found.model,
                found.answer,
                answered_by=user.get_name(),
                object_id=found.object_id,
                looked_at=found.looked_at,
            )
        except ServiceError:
            raise
        except ProblemError as problem:
            raise HTTPException(409, str(problem)) from None
        return {"model": found.model, "answered": count}


def _button(dag: PushDag, may: dict[str, bool], state: dict[str, Any]) -> dict[str, Any]:
    return button.push_button(
        dag,
        may_push=may["push"],
        active_run=state.get("active_run"),
        connection_problem=state.get("goes_to", {}).get("problem"),
        warehouse_problem=state.get("problem"),
    )


def _failed_before(dag: PushDag, state: dict[str, Any]) -> dict[str, Any] | None:
    """Airflow's newest run of the DAG, if it failed before a run of the push began."""
    newest = dag.newest
    if newest is None or newest["state"] != "failed" or "problem" in state:
        return None
    began = {run["dag_run_id"] for run in state["history"]}
    return None if newest["dag_run_id"] in began else newest


def _state(connection: Any, kind: Kind) -> dict[str, Any]:
    try:
        to = warehouse.current(kind)
        goes_to = destination.next_push(connection, to, load_settings())
    except ProblemError as problem:
        to, goes_to = None, {"problem": str(problem)}
    return {
        "goes_to": goes_to,
        "active_run": runs.active(connection, kind),
        "stops": runs.stops(connection),
        "last_run": runs.last_finished(connection, kind),
        "history": runs.history(connection, kind),
        "unknown": _unknown(connection, to),
        "switches": switches.state(connection, pushed_models()) if kind == "segment" else {},
    }


def _unknown(connection: Any, to: Destination | None) -> dict[str, int]:
    """Where a repeat is harmless, there is nothing to answer."""
    if to is None or to.kind == "segment":
        return {}
    return left_out.count_unknown(connection, to.destination)
