"""Somebody with a token."""

from collections.abc import Iterator

import httpx
import pytest

from include.played_planhat.app import PlayedPlanhat


@pytest.fixture
def api(played_address: str, played: PlayedPlanhat) -> Iterator[httpx.Client]:
    """Somebody with the tenant's token."""
    with httpx.Client(base_url=played_address, auth=(played.token, ""), timeout=5) as client:
        yield client
