"""A whole push in one call, for the command line: no Airflow needed."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg

from include.connections import Destination
from include.counting import counted
from include.errors import ProblemError, ServiceError
from include.push import destinations, runs
from include.push.cancel import CancelledError
from include.push.catalogue import choose_models, read_catalogue
from include.push.ending import close_dry_run
from include.push.plainly import plainly
from include.push.plan_file import plan_fingerprints, read_plan_head, samples, write_plan
from include.push.preparing import prepare_run, take_receipts
from include.push.report import Report
from include.push.retired import plan_retired
from include.push.runs import Request
from include.push.sending import DeliveryOptions
from include.push.steps import (
    Say,
    deliver_model,
    finish_run,
    open_dry_run,
    plan_run,
)
from include.settings import Settings
from include.warehouse.connection import connect


class PlanChangedError(ProblemError):
    """The plan in a file is not what would be sent now; nothing was sent."""


@plainly
def push(  # noqa: PLR0913
    url: str,
    to: Destination,
    settings: Settings,
    *,
    models: list[str] | None = None,
    limit: int | None = None,
    full: bool = False,
    dry_run: bool = False,
    plan_file: Path | None = None,
    retire: str | None = None,
    requested_by: str,
    trigger: str = "command",
    say: Say = print,
    folder: Path | None = None,
    options: DeliveryOptions | None = None,
) -> Report:
    """Plan and send what the outbound tables hold and `to` has not acknowledged.

    Raises `BusyError`, `CatalogueError`, `PlanChangedError`, `ServiceError` before anything was
    sent; failures while sending are in the report.
    """
    if to.kind == "planhat" and (full or retire):
        raise ProblemError(
            "Planhat takes no full resync, and nothing is removed there: what it has and how it "
            "differs is read back with each push."
        )
    request = Request(to.destination, trigger, requested_by, models=models, limit=limit, full=full)
    head = None
    if plan_file is not None and not dry_run:
        head = read_plan_head(plan_file)
        request = replace(request, models=head["models"], limit=head["limit"], full=head["full"])
    if retire is None:
        choose_models(read_catalogue(folder, to.kind), request.models)
    else:
        request = replace(request, models=[retire])

    def plan(run_id: int) -> list[dict]:
        prepare_run(url, to, settings, run_id, folder=folder, options=options)
        if retire is not None:
            return plan_retired(url, settings, run_id, retire, folder=folder)
        return plan_run(url, settings, run_id, say=say, folder=folder)

    with connect(url, application_name="push", autocommit=True) as connection:
        destinations.remember(connection, to)
        if dry_run:
            run_id = open_dry_run(connection, request)
            try:
                plan(run_id)
                if plan_file is not None:
                    count = write_plan(connection, run_id, plan_file)
                    say(f"{counted(count, 'planned object')} written to {plan_file}")
                report = finish_run(url, run_id, say=say)
            except BaseException as error:
                with suppress(psycopg.Error):
                    close_dry_run(connection, run_id, _why(error))
                raise
            return replace(report, samples=samples(connection, run_id))
        # No lease: this process's lock says that the run is alive, and is gone with it.
        run_id = runs.claim(connection, request, lease_seconds=0, hold_lock=True)
        try:
            parts = plan(run_id)
            if head is not None:
                _check_plan(connection, run_id, head)
            for part in parts:
                deliver_model(url, to, run_id, **part, say=say, options=options)
            take_receipts(url, to, run_id, say=say, folder=folder, options=options)
            return finish_run(url, run_id, say=say)
        except CancelledError:
            return finish_run(url, run_id, say=say)
        except BaseException as error:
            # Where Postgres is gone, whoever comes next closes the run.
            with suppress(ServiceError):
                runs.close_run(url, run_id, "failed", _why(error))
            raise


def _check_plan(connection: psycopg.Connection, run_id: int, head: dict) -> None:
    now = plan_fingerprints(connection, run_id)
    planned = head["plans"]
    changed = sorted(model for model in {*now, *planned} if now.get(model) != planned.get(model))
    if changed:
        raise PlanChangedError(
            f"The plan no longer holds ({', '.join(changed)} would be sent differently now): "
            "nothing was sent. Make a new plan."
        )


def _why(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted from the keyboard"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
