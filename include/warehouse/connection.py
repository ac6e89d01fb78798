"""The one place that knows where the warehouse is."""

from typing import Any

import psycopg

from include.errors import ServiceError
from include.settings import Settings
from include.warehouse import embedded


def warehouse_url(settings: Settings) -> str:
    """`postgresql://user:password@host:port/database` of the warehouse.

    Raises `ServiceError` when the embedded server is meant and was never started.
    """
    return settings.airflow_conn_warehouse or embedded.server_url(settings, "warehouse")


def connect(url: str, *, application_name: str, **options: Any) -> psycopg.Connection:
    """A connection that says in `pg_stat_activity` who it is; used with `with`, so that it closes.

    Raises `ServiceError`, in one line and without the password, when Postgres does not answer.
    """
    try:
        return psycopg.connect(
            url, application_name=application_name, connect_timeout=10, **options
        )
    except psycopg.OperationalError as error:
        raise ServiceError(unreachable(url, error)) from None


def unreachable(url: str, error: psycopg.Error) -> str:
    """One line that says which server did not answer and why; the password is left out."""
    known = psycopg.conninfo.conninfo_to_dict(url)
    reason = str(error).strip().splitlines()[-1].strip()
    return (
        f"Postgres at {known.get('host')}:{known.get('port', 5432)}/{known.get('dbname')} "
        f"does not answer ({reason}). Is it running? `make up` starts the embedded one."
    )
