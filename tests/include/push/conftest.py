"""A world with a company table and Segment beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import Settings
from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import COMPANY, World


@pytest.fixture
def world(warehouse: str, settings: Settings, tmp_path: Path) -> World:
    """Outbound tables are added with `world.model`; `company` is there."""
    folder = tmp_path / "planhat"
    folder.mkdir()
    world = World(warehouse, folder, settings)
    world.model("company", COMPANY)
    return world


@pytest.fixture
def segment() -> Iterator[PlayedSegment]:
    """A Segment that takes everything, until a test gives it another script."""
    with PlayedSegment() as played:
        yield played
