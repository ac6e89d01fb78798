"""Every setting, read once: the environment first, then `.env`, then the default.

`.env.example` explains each one; `tests/include/test_settings.py` compares the two. What operators
change while the system runs is not here but in `sync.*` tables.
"""

import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from include.connections import (
    PlanhatConnection,
    SegmentApiConnection,
    SegmentConnection,
    from_json,
    is_json,
    planhat_connection_from_uri,
    planhat_connection_of,
    segment_api_connection_from_uri,
    segment_api_connection_of,
    segment_connection_of,
)
from include.errors import SettingError

ROOT = Path(__file__).resolve().parent.parent
HIGHEST_PORT = 65_535
# What a process listens to that all of the machine's addresses reach.
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104
# An address without a query: it becomes part of scripts and of other addresses.
_PLAIN = re.compile(r"https?://[A-Za-z0-9._~:/\[\]%-]+")


@dataclass(frozen=True)
class Settings:
    """One process's settings. Field names in upper case are the variables' names."""

    data_dir: Path = Path(".data")
    collector_host: str = "127.0.0.1"
    collector_port: int = 8100
    # Several are parted by a space.
    collector_public_url: str | None = None
    collector_workers: int = 2
    collector_spool_mb: int = 256
    collector_call_bytes: int = 32 * 1024
    collector_batch_bytes: int = 500 * 1024
    collector_batch_calls: int = 2_500
    collector_address_connections: int = 256
    collector_analytics_js_dir: Path | None = None
    airflow_host: str = "127.0.0.1"
    airflow_port: int = 8080
    postgres_port: int | None = None
    # They hold secrets: kept out of every repr.
    airflow_conn_warehouse: str | None = field(default=None, repr=False)
    airflow_conn_segment: str | None = field(default=None, repr=False)
    airflow_conn_segment_api: str | None = field(default=None, repr=False)
    airflow_conn_planhat: str | None = field(default=None, repr=False)
    airflow_admin_password: str | None = field(default=None, repr=False)
    segment_warehouse_schema: str | None = None
    segment_warehouse_source: str = "segment-warehouse"
    segment_environment: str | None = None
    segment_service_id: str = "planhat"
    push_cron: str = "0 6,12,18 * * *"
    push_timezone: str = "UTC"
    build_cron: str = "* * * * *"
    read_planhat_cron: str = "45 5,11,17 * * *"
    push_to_planhat_cron: str = "5 * * * *"
    planhat_exports_dir: Path | None = None
    planhat_custom_models: str | None = None
    # an address with {id}, and perhaps {model} and {Model}
    planhat_app_link: str | None = None
    played_planhat_port: int | None = None
    dbt_threads: int = 4

    @property
    def exports_dir(self) -> Path:
        """The folder of Planhat exports that `read_planhat` reads."""
        return self.planhat_exports_dir or self.data_dir / "exports"

    @property
    def has_exports(self) -> bool:
        """Whether that folder holds anything."""
        folder = self.exports_dir
        return folder.is_dir() and any(not each.name.startswith(".") for each in folder.iterdir())

    @property
    def collector_public_urls(self) -> tuple[str, ...]:
        """The addresses at which others reach the collector; the first is the one to show."""
        return tuple((self.collector_public_url or "").split())

    @property
    def collector_address(self) -> str:
        """The address to type into Segment, without a slash at its end."""
        host = "127.0.0.1" if self.collector_host in EVERYWHERE else self.collector_host
        return next(iter(self.collector_public_urls), f"http://{host}:{self.collector_port}")

    @property
    def uses_embedded_server(self) -> bool:
        """True while no warehouse is named: then, and only then, the embedded Postgres runs."""
        return self.airflow_conn_warehouse is None

    @property
    def plays_planhat(self) -> bool:
        """True on the embedded server while nobody names a Planhat, nor a folder of its exports."""
        is_named = self.airflow_conn_planhat or self.planhat_exports_dir
        return self.uses_embedded_server and not is_named


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Settings from `environ` (default: this process's) over `.env` over the defaults.

    A variable that is set but empty counts as not set, as Compose does it. Raises `SettingError`
    naming the variable when a value cannot be read.
    """
    dotenv = {} if environ is not None else dotenv_values(ROOT / ".env")
    source = {**dotenv, **(os.environ if environ is None else environ)}
    values: dict[str, object] = {}
    for each in fields(Settings):
        text = source.get(each.name.upper())
        if text is None or not text.strip():
            continue
        values[each.name] = _read(each.name.upper(), text.strip(), each.default, str(each.type))
    settings = Settings(**values)  # type: ignore[arg-type]
    return _with_absolute_folders(settings)


def _read(name: str, text: str, default: object, kind: str) -> object:
    if isinstance(default, int) or kind.startswith("int"):
        if not (text.isascii() and text.isdigit()):
            raise SettingError(f"{name} must be a whole number, not {text!r}.")
        if name.endswith("_PORT") and int(text) > HIGHEST_PORT:
            raise SettingError(f"{name} must be at most {HIGHEST_PORT}, not {text}.")
        return int(text)
    if name.endswith("_URL"):
        return " ".join(_address(name, each) for each in text.replace(",", " ").split())
    if name.endswith("_LINK"):
        return _link(name, text)
    return Path(text) if "Path" in kind else text


def _link(name: str, text: str) -> str:
    bare = re.sub(r"\{(id|model|Model)\}", "", text)
    if "{id}" not in text or not text.startswith("https://") or re.search(r"[\s{}<>\"'@]", bare):
        raise SettingError(
            f"{name} must be an https address with {{id}} in it, and perhaps {{model}} and "
            f"{{Model}}, not {text!r}."
        )
    return text


def _address(name: str, text: str) -> str:
    if "@" in text:
        raise SettingError(f"{name} is shown to everyone: it must hold no user and no password.")
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, an odd bracket
        is_address = False
    if not is_address or not _PLAIN.fullmatch(text):
        raise SettingError(f"{name} must look like https://calls.example.com, not {text!r}.")
    return text.rstrip("/")


def _with_absolute_folders(settings: Settings) -> Settings:
    # Relative folders mean the project's root, whatever the working directory of the process.
    values = {each.name: getattr(settings, each.name) for each in fields(Settings)}
    for name, value in values.items():
        if isinstance(value, Path):
            values[name] = (ROOT / value.expanduser()).resolve()
    return Settings(**values)


def segment_connection(settings: Settings) -> SegmentConnection:
    """The push's destination: the setting, or on the embedded server the local collector.

    Raises `SettingError` when the warehouse is a real one and no Segment connection is set.
    """
    given = settings.airflow_conn_segment
    if given and is_json(given):
        return segment_connection_of(from_json("AIRFLOW_CONN_SEGMENT", given))
    if given:
        return SegmentConnection.from_uri(given)
    if settings.uses_embedded_server:
        return SegmentConnection(f"http://127.0.0.1:{settings.collector_port}", "demo-planhat")
    raise SettingError(
        "AIRFLOW_CONN_SEGMENT is not set: name the Segment source to push to, "
        "https://:<write key>@api.segment.io"
    )


def planhat_connection(settings: Settings) -> PlanhatConnection | None:
    """Planhat's API as the setting says; None where none is set. Raises `SettingError`."""
    given = settings.airflow_conn_planhat
    if not given:
        return None
    if is_json(given):
        return planhat_connection_of(from_json("AIRFLOW_CONN_PLANHAT", given))
    return planhat_connection_from_uri(given)


def segment_api_connection(settings: Settings) -> SegmentApiConnection | None:
    """Segment's Public API as the setting says; None where none is set. Raises `SettingError`."""
    given = settings.airflow_conn_segment_api
    if not given:
        return None
    if is_json(given):
        return segment_api_connection_of(from_json("AIRFLOW_CONN_SEGMENT_API", given))
    return segment_api_connection_from_uri(given)
