"""A destination that can be looked at: before a plan is made, and after it was sent.

Planhat is one. Two more steps of a push (`steps.py`), which do nothing for Segment.
"""

from pathlib import Path

from include.connections import Destination, PlanhatConnection
from include.errors import ProblemError
from include.planhat.api.errors import PlanhatError
from include.push.plainly import plainly
from include.push.sending import DeliveryOptions
from include.push.steps import Say, add_remark, delivery_options, environment_of, models_of
from include.push.to_planhat import preparing as to_planhat
from include.settings import Settings
from include.warehouse.connection import connect


@plainly
def prepare_run(
    url: str,
    to: Destination,
    settings: Settings,
    run_id: int,
    *,
    folder: Path | None = None,
    options: DeliveryOptions | None = None,
) -> None:
    """Look at the destination before the plan is made, where it can be looked at: Planhat.

    Raises `ProblemError` where it refuses us.
    """
    if not isinstance(to, PlanhatConnection):
        return
    with connect(url, application_name="push prepare", autocommit=True) as connection:
        is_dry, names = connection.execute(
            "select is_dry, models from sync.runs where run_id = %s", [run_id]
        ).fetchone()  # type: ignore[misc]
        try:
            to_planhat.prepare(
                connection, url, to, run_id, models_of(connection, to.destination, names, folder),
                environment=environment_of(connection, settings),
                options=(options or delivery_options(connection)).client, is_dry=is_dry,
            )  # fmt: skip
        except ProblemError as error:
            # a DAG's report knows no more of this step than what stands there
            add_remark(connection, run_id, str(error).rstrip("."), lambda line: None)
            raise


@plainly
def take_receipts(
    url: str,
    to: Destination,
    run_id: int,
    *,
    say: Say = print,
    folder: Path | None = None,
    options: DeliveryOptions | None = None,
) -> None:
    """Read back what was sent, where that can be read: Planhat. What cannot be now is said."""
    if not isinstance(to, PlanhatConnection):
        return
    with connect(url, application_name="push receipts", autocommit=True) as connection:
        is_dry, names = connection.execute(
            "select is_dry, models from sync.runs where run_id = %s", [run_id]
        ).fetchone()  # type: ignore[misc]
        if is_dry:
            return
        try:
            to_planhat.conclude(
                connection, url, to, models_of(connection, to.destination, names, folder),
                options=(options or delivery_options(connection)).client,
            )  # fmt: skip
        except PlanhatError as error:
            add_remark(connection, run_id, f"nothing was read back: {error}".rstrip("."), say)
