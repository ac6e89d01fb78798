"""Forgetting people on the page: a look at what would go, a word that it shall, and receipts.

What is typed stands in the body of a POST and in the warehouse, never in an address, in Airflow's
own database or in a log: the DAG that does it is triggered without a word of whom.
"""

import json
from functools import partial
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field

from include.errors import ProblemError
from include.page import forgetting
from include.privacy import receipts
from include.privacy.forgetting import requests
from include.settings import load_settings
from include.warehouse import reading
from include.warehouse.connection import connect
from plugins.page import airflow_api, warehouse
from plugins.page.access import Permissions, may_edit, may_read, same_site
from plugins.page.airflow_api import AirflowRefusedError
from plugins.page.asking import LONGEST, Asked, Offset, read
from plugins.page.known import known_fields

DAG_ID = "forget_people"
# a full list, each of them as long as an id can be
LONGEST_LIST = requests.MOST_LINES * 600


class Looking(Asked):
    """Whom to look at: an id on each line."""

    ids: Annotated[str, Field(max_length=LONGEST_LIST)]


class Forgetting(Looking):
    """Whom to forget, of whom somebody has seen what would go, and why."""

    fingerprint: Annotated[str, Field(max_length=100)]
    reason: Annotated[str, Field(max_length=LONGEST)]
    suppress: bool = False
    segment: bool = False
    planhat: bool = False


class Dismissed(Asked):
    """A request for which nothing is to be done."""

    request_id: Annotated[int, Field(ge=0, lt=2**63)]


def forgetting_routes() -> APIRouter:
    """All routes under `/api/forgetting`."""
    api = APIRouter(prefix="/api/forgetting", dependencies=[may_read, known_fields])
    to_edit = [may_edit, same_site]

    @api.get("")
    async def state(may: Permissions) -> dict[str, Any]:
        """Who waits, what is under way, and how many receipts there are."""
        found = await read(
            partial(forgetting.state, with_persons=may["edit"]), when_missing=reading.NOT_MIGRATED
        )
        return {"may": may, **found}

    @api.get("/receipts")
    async def list_receipts(offset: Offset = 0) -> dict[str, Any]:
        """Receipts, the newest first, fifty at a time."""
        return await read(
            partial(forgetting.receipts, offset=offset), when_missing=reading.NOT_MIGRATED
        )

    @api.get("/receipts.json", dependencies=[may_edit])
    def export() -> Response:
        """All receipts as a file."""
        with connect(warehouse.current_url(), application_name="operators page") as connection:
            said = receipts.receipts(connection)
        return Response(
            json.dumps(said, indent=2) + "\n",
            media_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="receipts.json"'},
        )

    @api.post("/look", dependencies=to_edit)
    def look(wanted: Looking) -> dict[str, Any]:
        """What would go. Reads all that names them, so it may take a while."""
        seen = requests.look(warehouse.current_url(), load_settings().data_dir, wanted.ids)
        return forgetting.as_json(seen)

    @api.post("", dependencies=to_edit)
    async def forget(request: Request, wanted: Forgetting, user: GetUserDep) -> dict[str, Any]:
        """Write down whom to forget, and start it. 422 when others are meant by now, and where
        Segment or Planhat is wanted and not connected."""
        await run_in_threadpool(_must_be_connected, wanted)
        people = await run_in_threadpool(
            partial(
                requests.ask_for,
                warehouse.current_url(),
                wanted.ids,
                fingerprint=wanted.fingerprint,
                by=user.get_name(),
                reason=wanted.reason,
                suppresses=wanted.suppress,
                at_segment=wanted.segment,
                in_planhat=wanted.planhat,
            )
        )
        try:
            note = "Asked for on the page Planhat ⇄ Segment."
            run = await airflow_api.trigger_push(request, DAG_ID, {}, note)
        except AirflowRefusedError:
            # they wait all the same: the DAG's own clock starts it
            run = None
        return {"people": people, "dag_run_id": run}

    @api.post("/dismiss", dependencies=to_edit)
    def dismiss(wanted: Dismissed, user: GetUserDep) -> dict[str, Any]:
        """Do nothing for a request. 409 when it does not wait (any more)."""
        if not requests.dismiss(
            warehouse.current_url(), wanted.request_id, by=user.get_name()
        ):  # fmt: skip
            raise HTTPException(409, "That request does not wait any more.")
        return {"request_id": wanted.request_id}

    return api


def _must_be_connected(wanted: Forgetting) -> None:
    if wanted.segment and warehouse.segment_api() is None:
        raise HTTPException(
            422, "Segment's Public API is not connected: there is no connection `segment_api`."
        )
    if wanted.planhat:
        try:
            warehouse.current("planhat")
        except ProblemError as problem:
            raise HTTPException(422, str(problem)) from None
