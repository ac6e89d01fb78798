"""Where the embedded server's played Planhat is, and the connection that leads there."""

from pathlib import Path

from include.connections import PlanhatConnection
from include.free_ports import is_free
from include.played_planhat.tenant import TENANT, TOKEN
from include.settings import Settings, planhat_connection

# The first that is free becomes its port.
PORTS = range(8_200, 8_300)


def folder(settings: Settings) -> Path:
    """What it keeps."""
    return settings.data_dir / "played-planhat"


def port_of(settings: Settings) -> int:
    """Its port: the setting, else the one that was chosen."""
    if settings.played_planhat_port is not None:
        return settings.played_planhat_port
    try:
        return int(_chosen(settings).read_text())
    except (OSError, ValueError):
        return PORTS[0]


def choose_port(settings: Settings) -> None:
    """Before its first start: a port that nobody has, kept; nothing where one is set."""
    if settings.played_planhat_port is not None or _chosen(settings).exists():
        return
    folder(settings).mkdir(parents=True, exist_ok=True)
    _chosen(settings).write_text(f"{next(filter(is_free, PORTS), PORTS[0])}\n")


def address(settings: Settings) -> str:
    """Where it listens, on this machine alone."""
    return f"http://127.0.0.1:{port_of(settings)}"


def played_connection(address: str) -> PlanhatConnection:
    """The connection to a played Planhat at this address."""
    return PlanhatConnection(address, TOKEN, TENANT, address, is_played=True)


def connection_uri(settings: Settings) -> str:
    """The same of the embedded server's, as Airflow writes connections."""
    place = address(settings).split("//", 1)[1]
    return f"http://:{TOKEN}@{place}?tenant_token={TENANT}&played=1"


def planhat_of(settings: Settings) -> PlanhatConnection | None:
    """Planhat as the setting says, on the embedded server else the played one; None where neither.

    Raises `SettingError`.
    """
    if settings.plays_planhat:
        return played_connection(address(settings))
    return planhat_connection(settings)


def is_empty(planhat: PlanhatConnection) -> bool:
    """Whether it is a played one, without a document: nobody's, so that nothing is to be read.

    What was read from exports is not in it, and would be taken for deleted.
    """
    if not planhat.is_played:
        return False
    import httpx  # heavy, and asked for rarely

    try:
        counts = httpx.get(planhat.host, timeout=10).json()["documents"]
    except (httpx.HTTPError, ValueError):
        return False  # whoever reads it says why
    return not any(counts.values())


def _chosen(settings: Settings) -> Path:
    return folder(settings) / "port"
