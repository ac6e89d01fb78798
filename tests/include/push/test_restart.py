"""Postgres restarted in the middle of a push: the push waits for it and goes on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from include.settings import Settings, load_settings
from include.warehouse import embedded
from include.warehouse.migrate import migrate
from tests.include.push.played_segment import OK, Answer, PlayedSegment
from tests.include.push.world import COMPANY, QUICK, World


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A server that a test may restart: the other tests hold connections to theirs."""
    folder = tmp_path_factory.mktemp("own-server")
    for parent in (folder, *folder.parents):
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    settings = load_settings({"DATA_DIR": str(folder)})
    try:
        migrate(embedded.start(settings))
        yield settings
    finally:
        embedded.stop(settings)
        embedded.remove(settings)


def test_a_push_outlives_a_restart_of_postgres(
    own_server: Settings, segment: PlayedSegment, tmp_path: Path
) -> None:
    world = World(embedded.server_url(own_server, "warehouse"), tmp_path, own_server)
    world.model("company", COMPANY)
    world.fill("company", 200)
    world.run("update planhat.company set name = repeat('x', 30000)")

    def script(number: int, batch: list[dict]) -> Answer:
        if number == 3:
            # Batches are on their way, and their answers come while nobody can record them.
            embedded.stop(own_server)
            embedded.start(own_server)
        return OK

    segment.script = script
    report = world.push(segment.connection, options=replace(QUICK, connections=2))
    assert (report.status, report.total("synced"), report.total("errors")) == ("success", 200, 0)
    assert len(segment.messages) == 200
    assert world.push(segment.connection).total("planned") == 0
