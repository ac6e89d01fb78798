"""At which of our own addresses a client is told to find us.

What a request says of it (`Host`, `X-Forwarded-Proto`) is only ever used to choose among addresses
that are configured: whoever sends a request must not decide where others, who may be given the
answer from a cache, send their calls.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAPPED = "::ffff:"  # an IPv4 client of a socket that listens to both


class Addresses:
    """The collector's addresses; `public` are those of COLLECTOR_PUBLIC_URL, in their order."""

    def __init__(self, public: Sequence[str]):
        self._first = public[0] if public else None
        # Of two with one host the first stands.
        self._by_host = {_host(url): url for url in reversed(public)}

    def asked(self, host: str, listening: tuple[str, int | None] | None) -> str:
        """The address to answer with, `scheme://host[:port][/path]` without a slash at its end.

        `host` is what the request calls us. A name that is not configured, or none, is answered
        with the first configured address; without any with the one that the connection reached.
        """
        return self._by_host.get(host.lower()) or self._first or _listening(listening)


def _host(url: str) -> str:
    """What a browser that was given this address writes into `Host`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    is_default = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
    return host if is_default else f"{host}:{parts.port}"


def _listening(at: tuple[str, int | None] | None) -> str:
    host, port = at or ("127.0.0.1", None)
    host = host.removeprefix(_MAPPED)
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}" if port else f"http://{host}"
