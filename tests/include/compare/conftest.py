"""One warehouse a file, emptied for each test."""

from collections.abc import Iterator

import psycopg
import pytest

from include.played_planhat.app import PlayedPlanhat
from include.settings import Settings
from tests.conftest import copied
from tests.include.compare.world import World, make_tables


@pytest.fixture(scope="module")
def compared_warehouse(server: Settings) -> Iterator[str]:
    """A migrated warehouse with what a comparison reads."""
    with copied(server, "compared") as url:
        make_tables(url)
        yield url


@pytest.fixture
def world(compared_warehouse: str, played: PlayedPlanhat, played_address: str) -> Iterator[World]:
    """Two companies, and nothing else."""
    played.switches = played.switches.turned(quota=None)
    with psycopg.connect(compared_warehouse, autocommit=True) as connection:
        yield World(connection, compared_warehouse, played, played_address)
