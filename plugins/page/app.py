"""The page's routes. Each says who may call it; the queries are in `include.page`."""

import pathlib
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from pydantic import Field
from starlette.middleware.base import BaseHTTPMiddleware

import include.page
from include import rules
from include.collector import sources
from include.errors import BusyError, ProblemError
from include.page import (
    calls,
    changes,
    compared,
    findings,
    held,
    identities,
    left_out,
    metrics,
    runs,
    tracking,
    usage,
)
from include.privacy import field_rules, suppression
from include.privacy.forgetting.requests import RequestError
from include.push import resync
from include.settings import load_settings
from include.warehouse import reading
from include.warehouse.connection import connect
from include.why import tell
from plugins.page import warehouse
from plugins.page.access import Permissions, may_edit, may_push, may_read, same_site
from plugins.page.airflow_api import AirflowRefusedError
from plugins.page.asking import LONGEST, Asked, Key, Offset, RunId, Text, read
from plugins.page.forgetting_routes import forgetting_routes
from plugins.page.in_words import NO_TEXT, InWords, is_text, line_of
from plugins.page.known import known_fields
from plugins.page.push_routes import push_routes
from plugins.page.sign_in import sign_in

STATIC = pathlib.Path(include.page.__file__).parent / "static"

HEADERS = {
    # Everything from here, nothing from elsewhere; framed by Airflow's own page only.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # Figures are read anew each time; files change with an update.
    "Cache-Control": "no-cache",
}


def create_app() -> FastAPI:
    """The FastAPI app behind the page. Built once a process, at the first request."""
    # Airflow's Swagger does not list mounted apps, and their own would be open to anyone.
    app = FastAPI(title="Planhat ⇄ Segment", openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(files)
    app.include_router(push_routes("segment"))
    app.include_router(push_routes("planhat"))
    app.include_router(forgetting_routes())
    app.include_router(api)
    app.add_exception_handler(AirflowRefusedError, _refused)  # type: ignore[arg-type]
    app.add_exception_handler(ProblemError, _problem)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _wrong)  # type: ignore[arg-type]
    app.add_middleware(InWords)
    app.add_middleware(BaseHTTPMiddleware, dispatch=_with_headers)
    return app


async def _with_headers(request: Request, call_next: Any) -> Any:
    if not is_text(request.scope.get("raw_path", b"")) or not is_text(
        request.scope["query_string"]
    ):
        answer = JSONResponse({"detail": NO_TEXT}, status_code=400)
    else:
        answer = await call_next(request)
    if answer.status_code == 401 and "text/html" in request.headers.get("accept", ""):
        answer = sign_in(request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


async def _refused(request: Request, refused: AirflowRefusedError) -> JSONResponse:
    return JSONResponse({"detail": refused.detail}, status_code=refused.status)


# what was typed is wrong; any other problem is one of a service
_WRONG_VALUES = (
    changes.ChangeError | sources.SourceError | suppression.SuppressionError | RequestError
)


async def _problem(request: Request, problem: ProblemError) -> JSONResponse:
    status = 422 if isinstance(problem, _WRONG_VALUES) else 503
    return JSONResponse({"detail": str(problem)}, status_code=status)


async def _wrong(request: Request, wrong: RequestValidationError) -> JSONResponse:
    return JSONResponse({"detail": line_of(list(wrong.errors()))}, status_code=422)


# The files

files = APIRouter(dependencies=[may_read])


@files.get("/")
def page() -> FileResponse:
    return FileResponse(STATIC / "page.html")


@files.get("/static/{name}")
def static_file(name: str) -> FileResponse:
    # Asked of the folder's own listing: no name of a caller becomes a path.
    known = {each.name: each for each in STATIC.iterdir() if each.is_file()}
    if name not in known:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(known[name])


# Reading

api = APIRouter(prefix="/api", dependencies=[may_read, known_fields])


def app_link() -> str | None:
    """How a record is linked in Planhat's app."""
    return load_settings().planhat_app_link


@api.get("/runs/{run_id}")
async def run_with_models(run_id: Key) -> dict[str, Any]:
    return await read(
        lambda connection: {"run": runs.one_run(connection, run_id)},
        when_missing=reading.NOT_MIGRATED,
    )


@api.get("/runs/{run_id}/errors")
async def run_errors(
    run_id: Key,
    may: Permissions,
    model: Text | None = None,
    offset: Offset = 0,
) -> dict[str, Any]:
    query = partial(
        runs.errors, run_id=run_id, model=model, with_payload=may["edit"], link=app_link(),
        offset=offset,
    )  # fmt: skip
    return await read(query, when_missing=reading.NOT_MIGRATED)


@api.get("/planned/{run_id}")
async def planned(
    run_id: RunId,
    may: Permissions,
    model: Text | None = None,
    action: Literal["added", "changed", "removed"] | None = None,
    offset: Offset = 0,
) -> dict[str, Any]:
    """What a run planned, of one model or all: of a held plan, what would change."""
    query = partial(
        held.changes,
        run_id=run_id,
        model=model,
        with_values=may["edit"],
        action=action,
        link=app_link(),
        offset=offset,
    )
    return await read(query, when_missing=reading.NOT_MIGRATED)


@api.get("/acknowledged")
async def acknowledged(
    destination: Text,
    model: Text | None = None,
    which: Literal["all", "seen_back", "missing"] = "all",
    offset: Offset = 0,
) -> dict[str, Any]:
    """The ledger, of one model or all: what a destination has acknowledged, and what was seen."""
    query = partial(
        runs.acknowledged, destination=destination, model=model, which=which, link=app_link(),
        offset=offset,
    )  # fmt: skip
    return await read(query, when_missing=reading.NOT_MIGRATED)


@api.get("/left_out/{run_id}")
async def what_was_left_out(
    run_id: RunId,
    may: Permissions,
    which: Literal["withheld", "waiting"],
    model: Text | None = None,
    offset: Offset = 0,
) -> dict[str, Any]:
    """What a run's plan left out, of one model or all: each object with its reason."""
    query = partial(
        left_out.left_out,
        run_id=run_id,
        which=which,
        model=model,
        with_payload=may["edit"],
        link=app_link(),
        offset=offset,
    )
    return await read(query, when_missing=reading.NOT_MIGRATED)


@api.get("/tracking")
async def tracking_section(may: Permissions) -> dict[str, Any]:
    """Section 1, in parts that fail apart: what came in, what became of it, what was found in it,
    what operators say of identity."""
    return {
        "may": may,
        "collector": collector(),
        "intake": await read(tracking.intake, when_missing=reading.NOT_MIGRATED),
        "outcomes": await read(tracking.outcomes),
        "resolved": await read(tracking.resolved),
        "endusers": await read(tracking.endusers),
        "quality": await read(partial(findings.quality, with_persons=may["edit"])),
        "compared": await read(
            partial(compared.last, with_persons=may["edit"]), when_missing=reading.NOT_MIGRATED
        ),
        "identity": await read(
            partial(identities.said, with_persons=may["edit"], limit=identities.ROWS_SHOWN),
            when_missing=reading.NOT_MIGRATED,
        ),
        "suppressed": await read(
            lambda connection: suppression.listed(connection)._asdict(),
            when_missing=reading.NOT_MIGRATED,
        ),
        "field_rules": await read(field_rules.told, when_missing=reading.NOT_MIGRATED),
    }


def collector() -> dict[str, Any]:
    """What to type into Segment; `is_public` where that is set, and not just where we listen."""
    settings = load_settings()
    return {
        "address": settings.collector_address,
        "is_public": settings.collector_public_url is not None,
    }


@api.get("/tracking/{reason}")
async def unresolved_events(reason: Key, may: Permissions, offset: Offset = 0) -> dict[str, Any]:
    """The events of one reason, with what would resolve each."""
    return await read(
        partial(tracking.unresolved, reason=reason, with_persons=may["edit"], offset=offset)
    )


@api.get("/received")
async def received(source: Text) -> dict[str, Any]:
    """What a source sent, day by day."""
    return await read(partial(tracking.received, source=source), when_missing=reading.NOT_MIGRATED)


@api.get("/calls")
async def called(
    may: Permissions,
    which: Literal["all", "resolved", "unresolved"] = "all",
    offset: Offset = 0,
) -> dict[str, Any]:
    """The calls behind a figure, those received last first."""
    return await read(partial(calls.calls, which=which, with_persons=may["edit"], offset=offset))


@api.get("/endusers")
async def endusers(
    may: Permissions,
    origin: Literal["planhat", "segment"] | None = None,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Those who are known, or who were created from Segment."""
    query = partial(
        tracking.listed_endusers, origin=origin, with_persons=may["edit"], offset=offset
    )
    return await read(query)


@api.get("/quality")
async def quality(finding: Text, may: Permissions, offset: Offset = 0) -> dict[str, Any]:
    """What a finding counts."""
    return await read(
        partial(findings.things, finding=finding, with_persons=may["edit"], offset=offset)
    )


@api.get("/unknown_companies")
async def unknown_companies(offset: Offset = 0) -> dict[str, Any]:
    """Keys of companies that Planhat lacks."""
    return await read(partial(findings.unknown_companies, offset=offset))


@api.get("/lateness")
async def lateness() -> dict[str, Any]:
    """How late calls arrive."""
    return await read(findings.lateness)


@api.get("/proposals")
async def proposals(may: Permissions) -> dict[str, Any]:
    """Companies that look like one, with what an alias would move."""
    return {"may": may, **await read(findings.proposals)}


@api.get("/quarantine")
async def quarantined(may: Permissions, offset: Offset = 0) -> dict[str, Any]:
    query = partial(tracking.quarantine, with_payload=may["edit"], offset=offset)
    return await read(query, when_missing=reading.NOT_MIGRATED)


@api.get("/metrics")
async def metrics_section(may: Permissions) -> dict[str, Any]:
    """Section 2, in parts that fail apart: declared, what they hold, candidates."""
    return {
        "may": may,
        "declared": await read(metrics.declared, when_missing=reading.NOT_MIGRATED),
        "filled": await read(metrics.filled),
        "candidates": await read(metrics.candidates),
        "rejections": await read(metrics.rejections),
        "switches": await read(tracking.switches, when_missing=reading.NOT_MIGRATED),
    }


@api.get("/metric")
async def one_metric(
    metric: Text,
    search: Annotated[str, Query(max_length=300)] = "",
    offset: Offset = 0,
) -> dict[str, Any]:
    """The companies that have values of a metric."""
    return await read(
        partial(metrics.companies, metric=metric, search=search.strip(), offset=offset)
    )


@api.get("/metric/days")
async def metric_days(metric: Text, company_id: Text) -> dict[str, Any]:
    """A metric of a company, day by day."""
    return await read(partial(metrics.days, metric=metric, company_id=company_id))


@api.get("/usage")
async def usage_section(may: Permissions) -> dict[str, Any]:
    """The whole base: days, companies by trend, how many alerts are open."""
    return {"may": may, **await read(usage.base)}


@api.get("/alerts")
async def alerts(
    may: Permissions,
    object_type: Annotated[str, Query(max_length=100)] = "company",
    offset: Offset = 0,
) -> dict[str, Any]:
    """Open alerts of one type of object."""
    query = partial(
        usage.open_alerts, object_type=object_type, with_persons=may["edit"], offset=offset
    )
    return {"may": may, **await read(query)}


@api.get("/companies")
async def companies(
    search: Annotated[str, Query(max_length=300)] = "",
    trend: Literal["", "up", "flat", "down", "stopped", "new", "none"] = "",
    offset: Offset = 0,
) -> dict[str, Any]:
    return await read(partial(usage.companies, search=search.strip(), trend=trend, offset=offset))


@api.get("/companies/{company_id}")
async def company(company_id: Key, may: Permissions) -> dict[str, Any]:
    query = partial(usage.company, company_id=company_id, with_persons=may["edit"], link=app_link())
    found = await read(query)
    return {"may": may, **found}


@api.get("/endusers/{enduser_id}")
async def enduser(enduser_id: Key) -> dict[str, Any]:
    return await read(partial(usage.enduser, enduser_id=enduser_id))


class Question(Asked):
    """An id to tell the story of."""

    id: Annotated[str, Field(max_length=LONGEST)]


@api.post("/why", dependencies=[same_site])
def why(question: Question, may: Permissions) -> dict[str, Any]:
    """The story of an id. A POST, so that no e-mail stands in an address, and so in a log."""
    try:
        story = tell(warehouse.current_url(), question.id, with_persons=may["edit"])
    except ProblemError as problem:
        return {"problem": str(problem)}
    return {**story.as_dict(app_link()), "with_persons": may["edit"]}


# Changing


@api.post("/rules/accept", dependencies=[may_edit, same_site])
def accept_rules(user: GetUserDep) -> dict[str, Any]:
    """Let the next build follow the rules of this checkout. 409 when none wait."""
    with connect(warehouse.current_url(), application_name="operators page: change") as connection:
        if rules.find_waiting(connection, load_settings()) is None:
            raise HTTPException(409, "No new rules wait to be accepted.")
        rules.accept(connection, by=user.get_name())
    return {"accepted": rules.current_version()}


@api.post("/resync/back", dependencies=[may_push, same_site])
def take_resync_back(user: GetUserDep) -> dict[str, Any]:
    """Take back a full resync that was stopped. 409 when there is none, or a push is active."""
    url, segment = warehouse.current_url(), warehouse.current("segment")
    try:
        taken = resync.take_back(url, segment, user.get_name())
    except BusyError as busy:
        raise HTTPException(409, str(busy)) from None
    if not taken:
        raise HTTPException(409, "No full resync waits to go on: there is nothing to take back.")
    return {"taken_back": {each.model: each.left for each in taken}}


class AlertKey(Asked):
    """An alert of usage: what it is about, of which kind, and the day it opened."""

    object_type: Annotated[str, Field(max_length=100)]
    object_id: Annotated[str, Field(max_length=1_000)]
    kind: Annotated[str, Field(max_length=100)]
    opened_on: date


@api.post("/alerts/acknowledge", dependencies=[may_push, same_site])
def acknowledge(alert: AlertKey, user: GetUserDep) -> dict[str, Any]:
    """Take notice of an open alert of usage. 422 when it is not open (any more)."""
    changes.acknowledge_alert(warehouse.current_url(), **alert.model_dump(), by=user.get_name())
    return {"acknowledged_by": user.get_name()}


class Metric(Asked):
    """A trait of group calls, and how its values become a day's."""

    metric: Annotated[str, Field(max_length=LONGEST)]
    aggregation: str = "SUM"


class MetricName(Asked):
    """A declared metric."""

    metric: Annotated[str, Field(max_length=LONGEST)]


class SourceName(Asked):
    """A source that sends."""

    source: Annotated[str, Field(max_length=LONGEST)]


class SectionSwitch(Asked):
    """A switch of sections 1 and 2, where it should stand, and from which past day on."""

    switch: Annotated[str, Field(max_length=LONGEST)]
    is_on: bool
    since: date | None = None


class Blocked(Asked):
    """What identifies nobody: a value, pattern or domain, for one key or all."""

    value: Annotated[str, Field(max_length=LONGEST)]
    kind: Annotated[str, Field(max_length=100)] = "value"
    key: Annotated[str, Field(max_length=100)] = "all"


class Excluded(Asked):
    """Whose calls count for nobody: an e-mail, or a domain."""

    value: Annotated[str, Field(max_length=LONGEST)]
    kind: Annotated[str, Field(max_length=100)] = "email"


class Suppressing(Asked):
    """Whose calls are turned away, or are no more: a user id, e-mail or anonymous id, and why."""

    id: Annotated[str, Field(max_length=LONGEST)]
    reason: Annotated[str, Field(max_length=LONGEST)] = ""


class Alias(Asked):
    """A further key of a company, which is named by its _id or its external id."""

    alias: Annotated[str, Field(max_length=LONGEST)]
    company: Annotated[str, Field(max_length=LONGEST)]


class AliasName(Asked):
    """An alias that is set."""

    alias: Annotated[str, Field(max_length=LONGEST)]


class Days(Asked):
    """How long a link holds; None: it never expires."""

    days: Annotated[float, Field(strict=True)] | None


class Proposal(Asked):
    """A proposed alias, and the company that it would lead to."""

    alias: Annotated[str, Field(max_length=LONGEST)]
    company_id: Annotated[str, Field(max_length=LONGEST)]


@api.post("/blocked", dependencies=[may_edit, same_site])
def block(wanted: Blocked, user: GetUserDep) -> dict[str, Any]:
    identities.block(warehouse.current_url(), **wanted.model_dump(), by=user.get_name())
    return {"blocked": wanted.value}


@api.post("/blocked/delete", dependencies=[may_edit, same_site])
def unblock(blocked: Blocked) -> dict[str, Any]:
    identities.unblock(warehouse.current_url(), **blocked.model_dump())
    return {"unblocked": blocked.value}


@api.post("/excluded", dependencies=[may_edit, same_site])
def exclude(wanted: Excluded, user: GetUserDep) -> dict[str, Any]:
    identities.exclude(warehouse.current_url(), **wanted.model_dump(), by=user.get_name())
    return {"excluded": wanted.value}


@api.post("/excluded/delete", dependencies=[may_edit, same_site])
def readmit(excluded: Excluded) -> dict[str, Any]:
    identities.readmit(warehouse.current_url(), **excluded.model_dump())
    return {"readmitted": excluded.value}


@api.post("/suppressed", dependencies=[may_edit, same_site])
def suppress(wanted: Suppressing, user: GetUserDep) -> dict[str, Any]:
    done = suppression.suppress(
        warehouse.current_url(), [wanted.id], by=user.get_name(), reason=wanted.reason
    )
    return {"said": suppression.said(done, "suppressed")}


@api.post("/suppressed/lift", dependencies=[may_edit, same_site])
def lift(wanted: Suppressing, user: GetUserDep) -> dict[str, Any]:
    done = suppression.lift(warehouse.current_url(), [wanted.id], by=user.get_name())
    return {"said": suppression.said(done, "suppressed no more")}


@api.post("/aliases", dependencies=[may_edit, same_site])
def set_alias(wanted: Alias, user: GetUserDep) -> dict[str, Any]:
    """A further key of a company; 422 with the reason where it can lead nowhere."""
    name = identities.alias_company(
        warehouse.current_url(), wanted.alias, wanted.company, by=user.get_name()
    )
    return {"alias": wanted.alias, "company": name}


@api.post("/aliases/delete", dependencies=[may_edit, same_site])
def drop_alias(alias: AliasName) -> dict[str, Any]:
    identities.drop_alias(warehouse.current_url(), alias.alias)
    return {"alias": alias.alias}


@api.post("/links", dependencies=[may_edit, same_site])
def expire_links(wanted: Days, user: GetUserDep) -> dict[str, Any]:
    identities.expire_links(warehouse.current_url(), wanted.days, by=user.get_name())
    return {"days": wanted.days}


@api.post("/proposals/dismiss", dependencies=[may_edit, same_site])
def dismiss(proposal: Proposal, user: GetUserDep) -> dict[str, Any]:
    """Propose that alias no more; kept, and taken back by `/proposals/back`."""
    identities.dismiss_alias(
        warehouse.current_url(), proposal.alias, proposal.company_id, by=user.get_name()
    )
    return {"dismissed": proposal.alias}


@api.post("/proposals/back", dependencies=[may_edit, same_site])
def propose_again(proposal: Proposal) -> dict[str, Any]:
    identities.propose_again(warehouse.current_url(), proposal.alias, proposal.company_id)
    return {"proposed": proposal.alias}


@api.post("/tokens", dependencies=[may_edit, same_site])
def rotate_token(source: SourceName) -> JSONResponse:
    """A new tenant token of a source, told this once; those it has work for seven more days."""
    url = warehouse.current_url()
    sources.must_exist(url, source.source)
    token = sources.rotate_key(url, source.source, kind=sources.TENANT_TOKEN)
    return JSONResponse({"token": token}, headers={"Cache-Control": "no-store"})


@api.post("/metrics", dependencies=[may_edit, same_site])
def declare(metric: Metric, user: GetUserDep) -> dict[str, Any]:
    changes.declare_metric(
        warehouse.current_url(), metric.metric, metric.aggregation, by=user.get_name()
    )
    return {"metric": metric.metric}


@api.post("/metrics/delete", dependencies=[may_edit, same_site])
def delete(metric: MetricName) -> dict[str, Any]:
    changes.delete_metric(warehouse.current_url(), metric.metric)
    return {"metric": metric.metric}


@api.post("/switches", dependencies=[may_edit, same_site])
def turn(wanted: SectionSwitch, user: GetUserDep) -> dict[str, Any]:
    changes.set_switch(
        warehouse.current_url(),
        wanted.switch,
        wanted.is_on,
        by=user.get_name(),
        since=wanted.since,
    )
    return {"switch": wanted.switch, "is_on": wanted.is_on}
