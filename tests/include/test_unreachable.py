"""Whatever library asks, nobody's silence is said in the same words, and without an address."""

import socket
from collections.abc import Callable

import httpx
import pytest
import requests

from include.unreachable import why

ASKING: dict[str, Callable[[str], object]] = {"httpx": httpx.get, "requests": requests.get}


@pytest.fixture
def held_port():
    """A port that nobody listens to while it is held."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def _said(ask: Callable[[str], object], address: str) -> str:
    with pytest.raises((httpx.HTTPError, requests.RequestException)) as raised:
        ask(address)
    return why(raised.value)


@pytest.mark.parametrize("library", ASKING)
def test_both_libraries_errors_are_said_alike(library: str, held_port: int):
    ask = ASKING[library]
    assert _said(ask, f"http://127.0.0.1:{held_port}/secret") == "nobody listens there"
    # the second where no server of names can be asked
    known = {"its name is not known", "no server of names answers"}
    assert _said(ask, "http://nobody.invalid/secret") in known


def test_what_nobody_has_met_yet_is_said_by_its_kind():
    assert why(requests.RequestException("https://key@host/ went odd")) == "RequestException"
