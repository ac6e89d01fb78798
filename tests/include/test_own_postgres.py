"""On a Postgres of one's own, oldest and newest, with the documented rights: all the way, twice."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from include.collector.sources import add_demo_sources
from include.push.catalogue import read_catalogue
from include.sample.calls import messages
from include.sample.load import load
from include.sample.traffic import calls
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.fitness import OLDEST
from include.warehouse.migrate import migrate
from tests.include.own_postgres import PASSWORD, OwnDatabase, oldest_server, own_database
from tests.include.push.played_segment import PlayedSegment
from tests.include.running import cli
from tests.include.sample.planhat import played_planhat

BASE = date(2026, 3, 31)


@pytest.fixture(params=["oldest", "newest"])
def own(request: pytest.FixtureRequest, server: Settings, tmp_path: Path) -> Iterator[OwnDatabase]:
    if request.param == "newest":
        url = embedded.server_url(server, "postgres")
        with own_database(url, "own_newest", schemas_beforehand=True) as own:
            yield own
        return
    with oldest_server() as url, own_database(url, "own_oldest") as own:
        yield own


def as_json(own: OwnDatabase) -> str:
    host, _, port = own.url.split("@")[1].split("/")[0].partition(":")
    return json.dumps(
        {
            "conn_type": "postgres", "host": host, "port": int(port), "login": own.role,
            "password": PASSWORD, "schema": own.database,
        }
    )  # fmt: skip


def test_the_sample_is_built_planned_and_pushed(
    own: OwnDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with psycopg.connect(own.url) as connection:
        is_oldest = connection.info.server_version // 10_000 == OLDEST
    assert is_oldest == ("oldest" in request.node.name)

    assert migrate(own.url)
    add_demo_sources(own.url)
    with played_planhat() as planhat:
        assert load(own.url, planhat, on=BASE, say=lambda line: None).is_first
    file = tmp_path / "calls.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in messages(calls(BASE))))

    with PlayedSegment() as segment:
        scheme, host = segment.connection.host.split("://")
        given = {
            "DATA_DIR": str(tmp_path / "data"),
            # one way to write the connection each
            "AIRFLOW_CONN_WAREHOUSE": as_json(own) if is_oldest else own.url,
            "AIRFLOW_CONN_SEGMENT": f"{scheme}://:{segment.connection.write_key}@{host}",
        }
        for arguments in (
            ("load", "--files", str(file), "--source", "demo-app"),
            ("build",),
            ("plan",),
            ("push",),
        ):
            done = cli(*arguments, **given)
            assert done.returncode == 0, done.stdout + done.stderr
        assert not segment.refusals
        pushed = len(segment.messages)

        # the rights to make anything new are taken away, and all of it goes on
        own.as_admin("revoke create on database warehouse from planhat_segment")
        for arguments in (("build", "--full"), ("push",)):
            done = cli(*arguments, **given)
            assert done.returncode == 0, done.stdout + done.stderr
        assert len(segment.messages) == pushed

    with psycopg.connect(own.url) as connection:
        rows = sum(
            connection.execute(f"select count(*) from planhat.{model}".encode()).fetchone()[0]
            for model, pushed_model in read_catalogue().items()
            if pushed_model.on_by_default
        )
        resolved, unresolved = connection.execute(
            "select count(*) filter (where reason is null), count(reason)"
            " from marts.event_resolution"
        ).fetchone()
    assert pushed == rows > 1_000
    assert resolved > 50 * unresolved > 0
