"""The one place that knows where the warehouse is."""

from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from include.errors import ServiceError, SettingError
from include.settings import Settings
from include.warehouse import embedded


def warehouse_url(settings: Settings) -> str:
    """`postgresql://user:password@host:port/database` of the warehouse.

    Raises `SettingError` when the setting is no such URL, `ServiceError` when the embedded server
    is meant and was never started.
    """
    if settings.airflow_conn_warehouse is None:
        return embedded.server_url(settings, "warehouse")
    if not _is_postgres_url(settings.airflow_conn_warehouse):
        # The value is not repeated: half of it may be a password.
        raise SettingError(
            "AIRFLOW_CONN_WAREHOUSE must look like postgresql://user:password@host:port/database; "
            "special characters in the password are percent-encoded (@ is %40, % is %25)."
        )
    return settings.airflow_conn_warehouse


def _is_postgres_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        conninfo_to_dict(url)
        return (
            parts.scheme in ("postgresql", "postgres")
            and bool(parts.hostname)
            and parts.netloc.count("@") <= 1
            and (parts.port is None or parts.port > 0)
        )
    except (ValueError, psycopg.Error):
        return False


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
    known = conninfo_to_dict(url)
    reason = str(error).strip().splitlines()[-1].strip()
    return (
        f"Postgres at {known.get('host')}:{known.get('port', 5432)}/{known.get('dbname')} "
        f"does not answer ({reason}). Is it running? `make up` starts the embedded one."
    )
