"""While the warehouse is away: 503, later; nothing that was answered 200 is lost."""

import psycopg
import pytest

from include.collector.sources import add_demo_sources
from include.warehouse import embedded
from include.warehouse.migrate import migrate
from tests.include.collector.conftest import running


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory):
    """Settings of a Postgres that a test may stop, with the demo sources."""
    from include.settings import load_settings

    folder = tmp_path_factory.mktemp("own-server")
    for parent in (folder, *folder.parents):
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    settings = load_settings({"DATA_DIR": str(folder)})
    try:
        url = embedded.start(settings)
        migrate(url)
        add_demo_sources(url)
        yield settings
    finally:
        embedded.stop(settings)
        embedded.remove(settings)


def test_it_says_503_while_the_warehouse_is_away_and_lands_again_after(own_server):
    call = {"userId": "u", "event": "E"}
    url = embedded.server_url(own_server, "warehouse")
    with running(url) as collector:
        assert collector.post("/v1/track", {**call, "messageId": "before"}).status_code == 200
        embedded.stop(own_server)
        away = collector.post("/v1/track", {**call, "messageId": "during"})
        assert away.status_code == 503
        assert int(away.headers["retry-after"]) > 0
        assert collector.get("/health").status_code == 503
        embedded.start(own_server)
        assert collector.post("/v1/track", {**call, "messageId": "during"}).status_code == 200
        assert collector.get("/health").json()["status"] == "ready"
        assert [each["message_id"] for each in collector.events()] == ["before", "during"]
        assert collector.books()["received"] == 2


def test_a_connection_that_postgres_ends_is_replaced(start, warehouse: str):
    collector = start()
    call = {"userId": "u", "event": "E"}
    assert collector.post("/v1/track", call).status_code == 200
    with psycopg.connect(warehouse, autocommit=True) as admin:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'collector' and datname = current_database()"
        )
    assert collector.post("/v1/track", call).json()["duplicates"] == 1
