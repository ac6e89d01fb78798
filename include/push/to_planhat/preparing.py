"""What is looked at in Planhat before a plan is made, and after it was sent."""

import psycopg

from include.connections import PlanhatConnection
from include.planhat.api import findings
from include.planhat.api.client import Client, ClientOptions
from include.push.catalogue import PushedModel
from include.push.to_planhat import marker, needs
from include.push.to_planhat.read_back import read_back


def prepare(
    connection: psycopg.Connection,
    url: str,
    to: PlanhatConnection,
    run_id: int,
    models: dict[str, PushedModel],
    *,
    environment: str,
    options: ClientOptions,
    is_dry: bool,
) -> None:
    """Whose the tenant is; what became of what is unknown; from which day activities are sent.

    A dry run looks at the first alone. Keeps what it asked (`needs`). Raises
    `MarkedByAnotherError` or `PlanhatError`.
    """
    with Client(to, url, options) as client:
        marks = marker.check(client, environment, make=not is_dry)
        if not is_dry:
            read_back(connection, client, to.destination, models.values())
        found = findings.known(connection, to.tenant)
        needs.prepared(connection, run_id, client, found, marks, models.values(), is_dry=is_dry)
    if is_dry:
        return
    connection.execute(
        """
        update sync.planhat_outbound
        set
            since = (now() at time zone 'UTC')::date, valid_from = now(),
            changed_by = 'the first push'
        where model = 'activity' and since is null
        """
    )


def conclude(
    connection: psycopg.Connection,
    url: str,
    to: PlanhatConnection,
    models: dict[str, PushedModel],
    *,
    options: ClientOptions,
) -> None:
    """Read back what the sinks show already. Raises `PlanhatError`."""
    with Client(to, url, options) as client:
        read_back(connection, client, to.destination, models.values())


def active(
    connection: psycopg.Connection, models: dict[str, PushedModel], names: list[str] | None
) -> dict[str, PushedModel]:
    """Those that are not switched off (`sync.planhat_outbound`), or were asked for by name."""
    rows = connection.execute(
        "select model from sync.planhat_outbound where not is_active"
    ).fetchall()
    off = {model for (model,) in rows} - set(names or ())
    return {name: model for name, model in models.items() if name not in off}
