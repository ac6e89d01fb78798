"""The one place that knows where the warehouse is."""

from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from include.connections import from_json, is_json, postgres_url
from include.errors import ServiceError, SettingError
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.problems import connecting


def warehouse_url(settings: Settings) -> str:
    """`postgresql://user:password@host:port/database` of the warehouse.

    Raises `SettingError` when the setting is neither such a URL nor Airflow's JSON of one,
    `ServiceError` when the embedded server is meant and was never started.
    """
    given = settings.airflow_conn_warehouse
    if given is None:
        return embedded.server_url(settings, "warehouse")
    url = postgres_url(from_json("AIRFLOW_CONN_WAREHOUSE", given)) if is_json(given) else given
    if not _is_postgres_url(url):
        # The value is not repeated: half of it may be a password.
        raise SettingError(
            "AIRFLOW_CONN_WAREHOUSE must look like postgresql://user:password@host:port/database; "
            "special characters in the password are percent-encoded (@ is %40, % is %25)."
        )
    return url


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

    Raises `ServiceError`, in one line and without the password, when there is none: another line
    for a wrong password, a host that is not known, a port that is closed …
    """
    try:
        return psycopg.connect(
            url, application_name=application_name, connect_timeout=10, **options
        )
    except psycopg.OperationalError as error:
        raise ServiceError(connecting(url, error)) from None


def unreachable(url: str, error: psycopg.Error) -> str:
    """One line that says why there is no connection, or none any more; the password is left out."""
    return connecting(url, error)
