"""A whole push in one call, for the command line: no Airflow needed."""

from contextlib import suppress
from pathlib import Path

from include.errors import ServiceError
from include.push import runs
from include.push.catalogue import FOLDER, choose_models, read_catalogue
from include.push.delivery import DeliveryOptions
from include.push.plainly import plainly
from include.push.report import Report
from include.push.runs import Request
from include.push.steps import (
    Say,
    deliver_model,
    finish_run,
    open_dry_run,
    plan_run,
)
from include.settings import SegmentConnection, Settings
from include.warehouse.connection import connect


@plainly
def push(  # noqa: PLR0913
    url: str,
    segment: SegmentConnection,
    settings: Settings,
    *,
    models: list[str] | None = None,
    limit: int | None = None,
    full: bool = False,
    dry_run: bool = False,
    requested_by: str,
    trigger: str = "command",
    say: Say = print,
    folder: Path = FOLDER,
    options: DeliveryOptions | None = None,
) -> Report:
    """Plan and send what `planhat.*` holds and `segment` has not acknowledged.

    Raises `BusyError`, `CatalogueError`, `ServiceError` before anything was sent; failures while
    sending are in the report.
    """
    choose_models(read_catalogue(folder), models)
    request = Request(
        segment.destination, trigger, requested_by, models=models, limit=limit, full=full
    )
    with connect(url, application_name="push", autocommit=True) as connection:
        if dry_run:
            run_id = open_dry_run(connection, request)
            plan_run(url, settings, run_id, say=say, folder=folder)
            return finish_run(url, run_id, say=say)
        # No lease: this process's lock says that the run is alive, and is gone with it.
        run_id = runs.claim(connection, request, lease_seconds=0, hold_lock=True)
        try:
            for part in plan_run(url, settings, run_id, say=say, folder=folder):
                deliver_model(url, segment, run_id, **part, say=say, options=options)
            return finish_run(url, run_id, say=say)
        except BaseException as error:
            # Where Postgres is gone, whoever comes next closes the run.
            with suppress(ServiceError):
                runs.close_run(url, run_id, "failed", _why(error))
            raise


def _why(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted from the keyboard"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
