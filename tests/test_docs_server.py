"""docs/server.md: a role with the rights that it grants, and no others, can do what it says."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from include.collector.books import check_books
from include.collector.sources import add_demo_sources
from include.segment_warehouse.landing import land_warehouse_calls
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.migrate import migrate
from tests.documented import blocks
from tests.include.collector.conftest import running
from tests.include.own_postgres import OwnDatabase, own_database
from tests.include.segment_warehouse.segment_tables import SegmentTables


def reading_statements() -> tuple[list[str], list[str]]:
    """The rights of an analyst; and those of the warehouse's role over Segment's own tables."""
    analyst, segment = (
        block.splitlines() for block in blocks("server.md", "Rights of those who only read")
    )
    return analyst, segment


@pytest.fixture(scope="module")
def own(server: Settings) -> Iterator[OwnDatabase]:
    """A database made by the statements of the docs, and migrated by its role."""
    admin_url = embedded.server_url(server, "postgres")
    with own_database(admin_url, "docs_server", schemas_beforehand=True) as own:
        assert migrate(own.url)
        add_demo_sources(own.url)
        yield own


def url_of(own: OwnDatabase, role: str) -> str:
    """The database's, for a role that is no other's member."""
    place = urlsplit(own.url)
    return urlunsplit(place._replace(netloc=f"{role}:given@{place.hostname}:{place.port}"))


def test_the_collector_lands_calls_with_these_rights(own: OwnDatabase) -> None:
    with running(own.url) as collector:
        answer = collector.post("/v1/track", {"userId": "u", "event": "E", "messageId": "granted"})
        assert answer.json()["accepted"] == 1
    with psycopg.connect(own.url) as connection:
        assert connection.execute(
            "select count(*) from raw_segment.events where message_id = 'granted'"
        ).fetchone() == (1,)
    assert check_books(own.url).differences == []


def test_an_analyst_reads_what_is_there_and_what_a_build_makes_anew(own: OwnDatabase) -> None:
    statements, _ = reading_statements()
    with psycopg.connect(own.url, autocommit=True) as owner:
        owner.execute("create table marts.there as select 1 as one")
        # for its own tables anybody may grant; the role and the connection are an administrator's
        own.as_admin(*[each.replace("'choose one'", "'given'") for each in statements])
        owner.execute("create table planhat.made_anew as select 2 as two")
    try:
        with psycopg.connect(url_of(own, "analyst"), autocommit=True) as analyst:
            assert analyst.execute("select one from marts.there").fetchone() == (1,)
            assert analyst.execute("select two from planhat.made_anew").fetchone() == (2,)
            for refused in (
                "delete from marts.there",
                "drop table marts.there",
                "select * from raw_segment.events",
                "select * from sync.objects",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    analyst.execute(refused.encode())
    finally:
        own.as_admin("drop owned by analyst", "drop role analyst")


def test_segments_own_tables_are_read_with_the_rights_that_are_granted(own: OwnDatabase) -> None:
    _, statements = reading_statements()
    own.as_admin(
        "create role segment_loader login password 'given'",
        "grant connect on database warehouse to segment_loader",
        "create schema segment authorization segment_loader",
    )
    try:
        own.as_admin(*statements)
        now = datetime.now(UTC).isoformat()
        call = {
            "type": "identify", "messageId": "loaded", "userId": "u", "traits": {},
            "timestamp": now, "receivedAt": now, "sentAt": now, "originalTimestamp": now,
        }  # fmt: skip
        _Loaded(url_of(own, "segment_loader"), "segment").load([call])
        said: list[str] = []
        land_warehouse_calls(own.url, "segment", "segment-warehouse", say=said.append)
        with psycopg.connect(own.url) as connection:
            landed = connection.execute(
                "select count(*) from raw_segment.events where source = 'segment-warehouse'"
            ).fetchone()
        assert landed == (1,), said
        with (
            psycopg.connect(own.url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("delete from segment.identifies")
    finally:
        own.as_admin("drop owned by segment_loader", "drop role segment_loader")


class _Loaded(SegmentTables):
    """Into a schema that somebody made for the loader, who may make none."""

    def execute(self, statement: sql.Composed) -> None:
        assert "create schema" in statement.as_string()
