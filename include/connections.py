"""Airflow's connections → the values that the rest of `include` takes.

Given the connection's fields, so that nothing here imports Airflow: wherever Airflow keeps a
connection (environment, its database, a secrets backend), a task hands it over. Outside Airflow
the fields come from the environment, written in either of Airflow's two forms: URI or JSON.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from psycopg.pq import Conninfo

from include.errors import SettingError

# What libpq understands of a connection's extra fields; the others are for Airflow's own hooks.
_OWN_FIELDS = {"host", "port", "user", "password", "dbname"}
LIBPQ_OPTIONS = {each.keyword.decode() for each in Conninfo.get_defaults()} - _OWN_FIELDS

_PLANHATS_HOSTS = (".planhat.com", ".planhatdemo.com")
_TENANT_TOKEN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# Of a write key with fewer characters, four would say too much. Segment's have 32.
SHORTEST_SHOWN_KEY = 12


Kind = Literal["segment", "planhat"]


class Destination(Protocol):
    """Where a push goes."""

    @property
    def kind(self) -> Kind:
        """Whose API it is."""

    @property
    def host(self) -> str:
        """Scheme, host and port."""

    @property
    def destination(self) -> str:
        """The ledger's name for it, which holds no secret."""

    @property
    def key_end(self) -> str | None:
        """The last characters of its key, where so many may be shown."""

    @property
    def name(self) -> str:
        """For people."""


@dataclass(frozen=True)
class SegmentConnection:
    """Where a push goes: `https://:<write key>@<host>[:port]` as Airflow writes connections."""

    host: str
    write_key: str = field(repr=False)

    @property
    def kind(self) -> Kind:
        """Segment's."""
        return "segment"

    @property
    def destination(self) -> str:
        """The ledger's name for it: the host and a hash of the write key, never the key."""
        digest = hashlib.sha256(self.write_key.encode()).hexdigest()[:12]
        return f"{self.host.split('//', 1)[1]}#{digest}"

    @property
    def key_end(self) -> str | None:
        """The write key's last four characters; None for a key too short to show any of it."""
        return self.write_key[-4:] if len(self.write_key) >= SHORTEST_SHOWN_KEY else None

    @property
    def name(self) -> str:
        """For people: `https://api.segment.io (key …abcd)`."""
        return destination_name(self.host, self.kind, self.key_end)

    @classmethod
    def from_uri(cls, uri: str) -> "SegmentConnection":
        """Raises `SettingError` when the URI names no host or no write key."""
        try:
            parts = urlsplit(uri)
            number = parts.port
        except ValueError:  # a port that is none, an odd bracket; the value is not repeated
            parts, number = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError(
                "AIRFLOW_CONN_SEGMENT must look like https://:<write key>@api.segment.io; "
                "special characters in the key are percent-encoded."
            )
        if not parts.password:
            raise SettingError(
                "AIRFLOW_CONN_SEGMENT has no write key: put the Segment source's write key "
                "as the password, https://:<write key>@<host>"
            )
        scheme = "https" if _is_segments_own(parts.hostname) else parts.scheme
        return cls(f"{scheme}://{_place(parts.hostname, number)}", unquote(parts.password))


@dataclass(frozen=True)
class PlanhatConnection:
    """A tenant: `https://:<token>@<host>?tenant_token=…` as Airflow writes connections."""

    host: str
    token: str = field(repr=False)
    # the tenant's, for the sinks of activities and metrics
    tenant_token: str | None = field(default=None, repr=False)
    # where the sinks are: one for all regions
    analytics_host: str = "https://analytics.planhat.com"
    # a played one (include/played_planhat), which says so wherever it is named
    is_played: bool = False

    @property
    def kind(self) -> Kind:
        """Planhat's."""
        return "planhat"

    @property
    def destination(self) -> str:
        """The ledger's name for it, by the tenant's token: it outlives the service accounts'.

        Raises `SettingError` where there is none: what is sent goes to the tenant's sinks.
        """
        return self._named(self.sink_token)

    @property
    def key_end(self) -> str | None:
        """The last four characters of the tenant's token."""
        return self.sink_token[-4:]

    @property
    def name(self) -> str:
        """For people: `https://api.planhat.com (tenant …abcd)`."""
        return destination_name(self.host, self.kind, self.key_end)

    @property
    def place(self) -> str:
        """The host, for people."""
        label = " (a played Planhat, not the real one)" if self.is_played else ""
        return f"{self._host}{label}"

    @property
    def quota_name(self) -> str:
        """What the quota is counted for: the token, which is not said."""
        return self._named(self.token)

    @property
    def tenant(self) -> str:
        """The tenant, which outlives its tokens where its own is known."""
        return self._named(self.tenant_token or self.token)

    @property
    def sink_token(self) -> str:
        """The tenant's token. Raises `SettingError` where there is none."""
        if not self.tenant_token:
            raise SettingError(
                "The connection `planhat` has no tenant token, and activities and metrics need it: "
                "add it as the extra tenant_token, https://:<token>@<host>?tenant_token=<tenant "
                "token> (Planhat: Settings, Tenant Token)."
            )
        return self.tenant_token

    @property
    def _host(self) -> str:
        return self.host.split("//", 1)[1]

    def _named(self, secret: str) -> str:
        return f"{self._host}#{hashlib.sha256(secret.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class SegmentApiConnection:
    """Segment's Public API: `https://:<token of the workspace>@api.segmentapis.com`."""

    host: str
    token: str = field(repr=False)


def segment_api_connection_of(connection: "AirflowConnection") -> SegmentApiConnection:
    """Of a connection of type HTTP: host, and the workspace's token as password.

    Segment's own hosts are asked over https whatever it says. Raises `SettingError` without a host
    or a token.
    """
    scheme, _, host = (connection.host or "").rpartition("://")
    host = host.rstrip("/")
    if not host:
        raise SettingError("The connection `segment_api` names no host: api.segmentapis.com, say.")
    if not scheme:
        named = (connection.schema or connection.conn_type or "").lower()
        scheme = "http" if named == "http" else "https"
    if _is_segments_own(host):
        scheme = "https"
    token = (connection.password or "").strip()
    if not token or not (token.isascii() and token.isprintable()) or " " in token:
        raise SettingError(
            "The connection `segment_api` has no token, or one with characters that no token has: "
            "put a Public API token of the workspace as its password, https://:<token>@<host>"
        )
    return SegmentApiConnection(f"{scheme}://{_place(host, connection.port)}", token)


def segment_api_connection_from_uri(uri: str) -> SegmentApiConnection:
    """The same of `https://:<token>@<host>[:port]`. Raises `SettingError`."""
    try:
        parts = urlsplit(uri)
        number = parts.port
    except ValueError:  # the value is not repeated: half of it may be the token
        parts, number = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(
            "AIRFLOW_CONN_SEGMENT_API must look like https://:<token>@api.segmentapis.com; special "
            "characters in the token are percent-encoded."
        )
    read = ReadConnection(
        conn_type=parts.scheme, host=parts.hostname, login=None,
        password=unquote(parts.password or ""), port=number, schema=None, extra_dejson={},
    )  # fmt: skip
    return segment_api_connection_of(read)


def destination_name(address: str, kind: str, key_end: str | None) -> str:
    """A destination as people know it."""
    word = "key" if kind == "segment" else "tenant"
    return f"{address} ({word} …{key_end})" if key_end else address


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


@dataclass
class ReadConnection:
    """The same fields, read from JSON."""

    conn_type: str
    host: str | None
    login: str | None
    password: str | None = field(repr=False)
    port: int | None
    schema: str | None
    extra_dejson: dict[str, Any] = field(repr=False)


def is_json(text: str) -> bool:
    """Whether a connection is written as JSON; else it is a URI. As Airflow tells the two apart."""
    return text.lstrip().startswith("{")


def from_json(name: str, text: str) -> ReadConnection:
    """`{"conn_type": "postgres", "host": …, "extra": {…}}`, as Airflow reads it from a variable.

    `extra` may also be JSON in a string. Raises `SettingError` with the variable's `name` and
    without its value: it holds a password.
    """
    given = _object(name, text)
    extra = given.get("extra") or {}
    if isinstance(extra, str):
        extra = _object(f"`extra` in {name}", extra)
    if not given.get("conn_type") or not isinstance(extra, dict):
        raise SettingError(f"{name} is JSON without a conn_type, or with an extra that is none.")
    texts = {
        key: str(given[key]) if given.get(key) not in (None, "") else None
        for key in ("host", "login", "password", "port", "schema")
    }
    port = texts.pop("port")
    if port is not None and not (port.isascii() and port.isdigit()):
        raise SettingError(f"{name}: the port must be a whole number.")
    return ReadConnection(
        conn_type=str(given["conn_type"]), port=int(port) if port else None, extra_dejson=extra,
        **texts,
    )  # fmt: skip


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        at = getattr(error, "pos", 0)
        raise SettingError(f"{name} is no JSON: see its character {at + 1}.") from None
    if not isinstance(value, dict):
        raise SettingError(f"{name} must be a JSON object.")
    return value


def postgres_url(connection: AirflowConnection) -> str:
    """`postgresql://user:password@host:port/database` of a connection of type Postgres.

    Raises `SettingError` when it is of another type, or names no host.
    """
    if not connection.conn_type.startswith("postgres"):
        raise SettingError(
            f"The Airflow connection `warehouse` is of type {connection.conn_type}: "
            "make it Postgres."
        )
    if not connection.host:
        raise SettingError("The Airflow connection `warehouse` names no host.")
    user = quote(connection.login or "", safe="")
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    database = quote(connection.schema or "", safe="")
    extra = connection.extra_dejson
    options = urlencode(
        {key: extra[key] for key in sorted(LIBPQ_OPTIONS) if extra.get(key)}, quote_via=quote
    )
    return (
        f"postgresql://{user}{password}@{_place(connection.host, connection.port)}/{database}"
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
    return SegmentConnection(f"{scheme}://{_place(host, connection.port)}", connection.password)


def planhat_connection_of(connection: AirflowConnection) -> PlanhatConnection:
    """The tenant of a connection of type HTTP: host, the token as password, and of its extra
    fields `tenant_token` and, where it is another one, `analytics_host`.

    Planhat's own hosts are asked over https whatever it says. Raises `SettingError` without a host
    or a token, and for a tenant token that cannot be one.
    """
    scheme, _, host = (connection.host or "").rpartition("://")
    host = host.rstrip("/")
    if not host:
        raise SettingError("The connection `planhat` names no host: api.planhat.com, say.")
    is_planhats = host.endswith(_PLANHATS_HOSTS)
    if not scheme:
        named = (connection.schema or connection.conn_type or "").lower()
        scheme = "http" if named == "http" else "https"
    if is_planhats:
        scheme = "https"
    token = (connection.password or "").strip()
    if not token or not (token.isascii() and token.isprintable()) or " " in token:
        raise SettingError(
            "The connection `planhat` has no token, or one with characters that no token has: put "
            "that of a service account (Planhat: Settings, Service Accounts) as its password, "
            "https://:<token>@<host>"
        )
    extra = connection.extra_dejson
    tenant_token = str(extra.get("tenant_token") or "").strip() or None
    if tenant_token and not _TENANT_TOKEN.fullmatch(tenant_token):
        raise SettingError(
            "The connection `planhat` has a tenant_token that is none: it has 36 characters, as in "
            "01234567-89ab-cdef-0123-456789abcdef (Planhat: Settings, Tenant Token)."
        )
    place = f"{scheme}://{_place(host, connection.port)}"
    analytics = str(extra.get("analytics_host") or "").strip().rstrip("/")
    if not analytics:
        analytics = PlanhatConnection.analytics_host if is_planhats else place
    elif "://" not in analytics:
        analytics = f"https://{analytics}"
    is_played = str(extra.get("played")) == "1"
    return PlanhatConnection(place, token, tenant_token, analytics, is_played)


def planhat_connection_from_uri(uri: str) -> PlanhatConnection:
    """The same of `https://:<token>@<host>[:port]?tenant_token=…`. Raises `SettingError`."""
    try:
        parts = urlsplit(uri)
        number = parts.port
    except ValueError:  # the value is not repeated: half of it may be the token
        parts, number = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(
            "AIRFLOW_CONN_PLANHAT must look like https://:<token>@api.planhat.com; special "
            "characters in the token are percent-encoded."
        )
    read = ReadConnection(
        conn_type=parts.scheme, host=parts.hostname, login=None,
        password=unquote(parts.password or ""), port=number, schema=None,
        extra_dejson=dict(parse_qsl(parts.query)),
    )  # fmt: skip
    return planhat_connection_of(read)


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


def _place(host: str, port: int | None) -> str:
    """`host:port` as a URL has it: brackets around an IPv6 address, a socket's path escaped."""
    if host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    return host.replace("/", "%2F") + (f":{port}" if port else "")


def _is_segments_own(host: str) -> bool:
    return host.endswith((".segment.io", ".segmentapis.com"))
