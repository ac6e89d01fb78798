"""One played Planhat for all of these tests, emptied before each."""

from collections.abc import Iterator

import httpx
import pytest

from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.serve import running
from include.played_planhat.switches import Switches
from include.played_planhat.tenant import TOKEN

_SHARED = PlayedPlanhat()


@pytest.fixture(scope="session")
def _address() -> Iterator[str]:
    with running(_SHARED) as address:
        yield address


@pytest.fixture
def played(_address: str) -> PlayedPlanhat:
    """An empty tenant with the default switches."""
    _SHARED.switches = Switches()
    _SHARED.reset()
    return _SHARED


@pytest.fixture
def api(_address: str, played: PlayedPlanhat) -> Iterator[httpx.Client]:
    """Somebody with the tenant's token."""
    with httpx.Client(base_url=_address, auth=(TOKEN, ""), timeout=5) as client:
        yield client
