"""Airflow's connections → the values that the rest of `include` takes.

Given the connection's fields, so that nothing here imports Airflow: wherever Airflow keeps a
connection (environment, its database, a secrets backend), a task hands it over.
"""

from typing import Any, Protocol
from urllib.parse import quote, urlencode

from include.errors import SettingError
from include.settings import SegmentConnection

# What libpq understands of a connection's extra fields; the others are for Airflow's own hooks.
LIBPQ_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "options", "target_session_attrs")


class AirflowConnection(Protocol):
    """The fields of `airflow.sdk.Connection` that are read here."""

    conn_type: str
    host: str | None
    login: str | None
    password: str | None
    port: int | None
    schema: str | None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extra fields."""


def postgres_url(connection: AirflowConnection) -> str:
    """`postgresql://user:password@host:port/database` of a connection of type Postgres.

    Raises `SettingError` when it is of another type.
    """
    if not connection.conn_type.startswith("postgres"):
        raise SettingError(
            f"The Airflow connection `warehouse` is of type {connection.conn_type}: "
            "make it Postgres."
        )
    user = quote(connection.login or "", safe="")
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    port = f":{connection.port}" if connection.port else ""
    extra = connection.extra_dejson
    options = urlencode({key: extra[key] for key in LIBPQ_OPTIONS if extra.get(key)})
    return (
        f"postgresql://{user}{password}@{connection.host or ''}{port}/{connection.schema or ''}"
        + (f"?{options}" if options else "")
    )


def segment_connection_of(connection: AirflowConnection) -> SegmentConnection:
    """The push's destination from a connection of type HTTP: host, and the write key as password.

    The scheme is the one written in the host, else the connection's schema, else its type;
    Segment's own hosts are asked over https whatever it says. Raises `SettingError` without a host
    or a write key.
    """
    scheme, _, host = (connection.host or "").rpartition("://")
    host = host.rstrip("/")
    if not scheme:
        named = (connection.schema or connection.conn_type or "").lower()
        scheme = "https" if named == "https" or _is_segments_own(host) else "http"
    if not host:
        raise SettingError("The Airflow connection `segment` names no host: api.segment.io, say.")
    if not connection.password:
        raise SettingError(
            "The Airflow connection `segment` has no write key: put the Segment source's write key "
            "as its password."
        )
    port = f":{connection.port}" if connection.port else ""
    return SegmentConnection(f"{scheme}://{host}{port}", connection.password)


def webhook_address(connection: AirflowConnection) -> str:
    """The URL of a connection of type HTTP; `https` where nothing says otherwise.

    As Airflow reads `https://host/path`: the type is the scheme and the schema is the path.
    Raises `SettingError` without a host.
    """
    scheme, _, host = (connection.host or "").rpartition("://")
    if not host:
        raise SettingError(
            "The Airflow connection for alerts names no host: https://hooks.example.com/path, say."
        )
    if not scheme:
        scheme = "http" if connection.conn_type == "http" else "https"
    port = f":{connection.port}" if connection.port else ""
    path = f"/{connection.schema}" if connection.schema else ""
    return f"{scheme}://{host.rstrip('/')}{port}{path}"


def _is_segments_own(host: str) -> bool:
    return host.endswith((".segment.io", ".segmentapis.com"))
