"""Whether a port of this machine is free."""

import socket


def is_free(port: int) -> bool:
    """Whether a server could listen on it now, for this machine alone."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
