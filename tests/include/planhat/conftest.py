"""A folder of exports and a warehouse to read it into."""

from pathlib import Path

import pytest

from tests.include.planhat.world import World


@pytest.fixture
def world(warehouse: str, tmp_path: Path) -> World:
    """An empty folder, and a warehouse that has read nothing."""
    folder = tmp_path / "exports"
    folder.mkdir()
    return World(warehouse, folder)
