"""Builds that build on the last one: nothing is lost, nothing counted twice, come what may."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest

from include.build import build
from include.settings import ROOT, Settings
from tests.conftest import copied
from tests.dbt_project.conftest import built_once
from tests.dbt_project.landing import land_calls, land_objects
from tests.dbt_project.test_any_order import (
    deliver,
    differences,
    draw_worlds,
    read_everything,
    read_tables,
    render,
)
from tests.dbt_project.test_any_order import make_build as build_world
from tests.dbt_project.worlds import AS_OF as WORLDS_AS_OF
from tests.dbt_project.worlds import ROUNDS
from tests.parts import usually

AS_OF = date(2026, 3, 10)
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)

LAND = """
    with load as (insert into raw_segment.loads default values returning load_id)
    insert into raw_segment.events (message_id, source, type, received_at, payload, load_id)
    select id, 'demo-app', 'track', %(at)s, jsonb_build_object(
        'type', 'track', 'messageId', id, 'userId', 'u1', 'event', 'Opened',
        'properties', jsonb_build_object('company_id', 'c1')
    ), load.load_id
    from unnest(%(ids)s::text[]) as id, load
"""


def _build(url: str, settings: Settings, **options: object) -> list[str]:
    said: list[str] = []
    build(url, settings, requested_by="test", as_of=AS_OF, say=said.append, **options)  # type: ignore[arg-type]
    return said


def _usage(url: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select object_type, activities, endusers from marts.usage_daily order by 1"
        ).fetchall()


def _counted(activities: int) -> list[tuple]:
    return [("company", activities, 1), ("enduser", activities, 1)]


pytestmark = pytest.mark.usefixtures("tables_alone")


@pytest.fixture
def customers(warehouse: str) -> str:
    """A warehouse with a company and a user of it, which was never built."""
    _land_customers(warehouse)
    return warehouse


@pytest.fixture(scope="module")
def _built(server: Settings) -> Iterator[str]:
    """The name of a database with customers that was built once, for copies."""

    def make(url: str, settings: Settings) -> None:
        _land_customers(url)
        _build(url, settings)

    with built_once(server, "built_customers", make) as name:
        yield name


@pytest.fixture
def built(server: Settings, _built: str) -> Iterator[str]:
    """A warehouse with customers that was built."""
    with copied(server, "test", template=_built) as url:
        yield url


@pytest.fixture
def built_settings(server: Settings, built: str) -> Settings:
    return replace(server, airflow_conn_warehouse=built)


def _land_customers(warehouse: str) -> None:
    land_objects(warehouse, "company", [{"_id": "p1", "name": "Acme", "externalId": "c1"}])
    land_calls(
        warehouse,
        [
            {
                "messageId": "0",
                "type": "identify",
                "userId": "u1",
                "traits": {"company_id": "c1"},
            }
        ],
        received_at=AT,
    )


def test_a_writer_that_commits_late_is_neither_lost_nor_waited_for(
    built: str, built_settings: Settings
):
    with (
        psycopg.connect(built) as late,
        psycopg.connect(built) as early,
        psycopg.connect(built) as other,
    ):
        # the late one has the lower transaction number, and calls under a savepoint
        late.execute(LAND, {"ids": ["late-1"], "at": AT})
        early.execute(LAND, {"ids": ["early-1", "early-2"], "at": AT})
        early.commit()
        with pytest.raises(psycopg.errors.UniqueViolation), late.transaction():
            late.execute(LAND, {"ids": ["0"], "at": AT})
        with late.transaction():
            late.execute(LAND, {"ids": ["late-2"], "at": AT})

        _build(built, built_settings)
        assert _usage(built) == _counted(2)

        # another comes and commits while the late one is still open, and one is rolled back
        other.execute(LAND, {"ids": ["other-1"], "at": AT})
        other.commit()
        other.execute(LAND, {"ids": ["never"], "at": AT})
        other.rollback()
        _build(built, built_settings)
        assert _usage(built) == _counted(3)

        late.commit()
        _build(built, built_settings)
        assert _usage(built) == _counted(5)
    _build(built, built_settings)
    _build(built, built_settings, full=True)
    assert _usage(built) == _counted(5)


def test_what_commits_while_a_build_runs_is_seen_by_the_next_one_once(
    customers: str, settings: Settings
):
    landed: list[str] = []

    def land_more(line: str) -> None:
        # said when the window is taken and whenever some models are done
        message_id = str(uuid.uuid4())
        with psycopg.connect(customers) as connection:
            connection.execute(LAND, {"ids": [message_id], "at": AT})
        landed.append(message_id)

    build(customers, settings, requested_by="test", as_of=AS_OF, say=land_more)
    seen = sum(activities for kind, activities, _ in _usage(customers) if kind == "company")
    assert landed
    assert seen < len(landed)
    _build(customers, settings)
    assert _usage(customers) == _counted(len(landed))


def test_a_closed_day_that_changes_is_reported_with_its_reason(customers: str, settings: Settings):
    def changes() -> list[tuple]:
        with psycopg.connect(customers) as connection:
            return connection.execute(
                "select object_type, activities_before, activities_after, late_calls, moved_calls,"
                " reason from marts.closed_day_changes"
                " where build_id = (select max(build_id) from sync.builds) order by 1"
            ).fetchall()

    with psycopg.connect(customers) as connection:
        connection.execute(LAND, {"ids": ["a", "b"], "at": AT})
        lost = LAND.replace("'company_id', 'c1'", "'company_id', 'c2'").replace("'u1'", "'u2'")
        connection.execute(lost, {"ids": ["lost"], "at": AT})
    _build(customers, settings)
    assert changes() == [], "the first build closes the days"

    with psycopg.connect(customers) as connection:
        connection.execute(LAND, {"ids": ["c"], "at": AT})
    _build(customers, settings)
    assert changes() == [
        ("company", 2, 3, 1, 0, "late_calls"),
        ("enduser", 2, 3, 1, 0, "late_calls"),
    ]

    land_objects(customers, "company", [{"_id": "p2", "name": "Other", "externalId": "c2"}])
    _build(customers, settings)
    assert changes() == [
        ("company", 0, 1, 0, 1, "matched_anew"), ("enduser", 0, 1, 0, 1, "matched_anew"),
    ]  # fmt: skip

    with psycopg.connect(customers) as connection:
        connection.execute(
            "insert into sync.usage_events (event, counted) values ('Opened', false)"
        )
    _build(customers, settings)
    assert {row[-1] for row in changes()} == {"settings"}
    assert {row[2] for row in changes()} == {0}

    with psycopg.connect(customers) as connection:
        before = connection.execute("select count(*) from marts.closed_day_changes").fetchone()
    _build(customers, settings, full=True)
    with psycopg.connect(customers) as connection:
        after = connection.execute("select count(*) from marts.closed_day_changes").fetchone()
    assert before == after, "a report of what happened outlives a rebuild"


def test_a_closed_day_that_changed_in_two_builds_of_which_one_failed_is_reported_once(
    customers: str, settings: Settings
):
    with psycopg.connect(customers) as connection:
        connection.execute(LAND, {"ids": ["a", "b"], "at": AT})
    _build(customers, settings)
    with psycopg.connect(customers) as connection:
        connection.execute(LAND, {"ids": ["c"], "at": AT})
    _build(customers, settings)
    with psycopg.connect(customers) as connection:
        # as if that build had failed before its report
        connection.execute(
            "update sync.builds set status = 'failed'"
            " where build_id = (select max(build_id) from sync.builds)"
        )
        connection.execute("delete from marts.closed_day_changes")
        connection.execute(
            "update sync.model_marks set build_id = build_id - 1 where model = 'closed_day_changes'"
        )
        connection.execute(LAND, {"ids": ["d"], "at": AT})
    _build(customers, settings)
    with psycopg.connect(customers) as connection:
        found = connection.execute(
            "select activities_before, activities_after, late_calls from marts.closed_day_changes"
        ).fetchall()
    assert found == [(2, 4, 2), (2, 4, 2)], "of the company and of the enduser"


def test_an_alert_opens_when_a_call_of_this_week_turns_out_to_be_somebody_elses(
    built: str, built_settings: Settings
):
    def stopped() -> list[tuple]:
        with psycopg.connect(built) as connection:
            return connection.execute(
                "select endusers.external_id, opened_on from marts.usage_alerts"
                " join marts.endusers on object_id = enduser_id where kind = 'stopped' order by 1"
            ).fetchall()

    def call(message_id: str, kind: str, day: str, **said: object) -> dict:
        return {
            "messageId": message_id, "type": kind, "timestamp": f"2026-{day}T10:00:00Z", **said,
        }  # fmt: skip

    with psycopg.connect(built) as connection:
        connection.execute(
            "insert into sync.switches (switch, is_on) values ('enduser_alerts', true)"
        )
    of_company = {"traits": {"company_id": "c1"}}
    land_calls(
        built,
        [
            call("i2", "identify", "01-20", userId="u2", anonymousId="device", **of_company),
            *(
                call(f"t{day}", "track", day, userId="u2", event="Opened")
                for day in ("01-20", "01-28", "02-08")
            ),
            call("anonymous", "track", "03-09", anonymousId="device", event="Opened"),
        ],
        received_at=AT,
    )
    _build(built, built_settings)
    assert stopped() == []

    land_calls(
        built,
        [call("i3", "identify", "03-01", userId="u3", anonymousId="device", **of_company)],
        received_at=AT,
    )
    _build(built, built_settings)
    found = stopped()
    _build(built, built_settings, full=True)
    assert found == stopped() == [("u2", date(2026, 3, 10))]


def test_a_warehouse_restored_into_another_cluster_is_noticed_and_loses_nothing(
    built: str, built_settings: Settings
):
    with psycopg.connect(built) as connection:
        connection.execute(LAND, {"ids": ["a", "b"], "at": AT})
    _build(built, built_settings)
    with psycopg.connect(built) as connection:
        connection.execute(LAND, {"ids": ["c"], "at": AT})
        # as a restore leaves it: numbers of a cluster that had counted much further
        connection.execute("update sync.builds set cluster_id = 1")
        connection.execute("update raw_segment.loads set transaction_id = '900000000000'")
    said = _build(built, built_settings)
    assert "  from scratch: the warehouse was restored into another cluster" in said
    assert _usage(built) == _counted(3)
    with psycopg.connect(built) as connection:
        connection.execute(LAND, {"ids": ["d"], "at": AT})
    assert not any("from scratch" in line for line in _build(built, built_settings))
    assert _usage(built) == _counted(4)


def _kill_after(url: str, settings: Settings, marks: int, seconds: float) -> None:
    """Start a build in a process of its own; kill it once so many tables are up to date, and later.

    `seconds` later, in the middle of whatever the next tables are at.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "include.cli", "build", "--as-of", str(WORLDS_AS_OF)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={
            **os.environ, "DATA_DIR": str(settings.data_dir), "AIRFLOW_CONN_WAREHOUSE": url,
        },
    )  # fmt: skip
    with psycopg.connect(url, autocommit=True) as connection:
        before = connection.execute("select max(build_id) from sync.builds").fetchone()[0]
        while process.poll() is None:
            began, done = connection.execute(
                "select (select max(build_id) from sync.builds) > %(before)s,"
                " (select count(*) from sync.model_marks where build_id > %(before)s)",
                {"before": before},
            ).fetchone()
            if began and done >= marks:
                break
            time.sleep(0.002)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_build_killed_at_any_moment_and_run_again_equals_one_that_was_not(
    warehouse: str, settings: Settings
):
    worlds = render(draw_worlds(120, 7))
    seed = os.environ.get("KILLS_SEED", str(random.randrange(10**9)))
    print(f"KILLS_SEED={seed} draws the same moments again")
    draw = random.Random(seed)
    kills = usually({3: 1, 4: 1}, {1: 1, 2: 1, 3: 2, 4: 1, 5: 2, 6: 1})
    # after the fourth not at once: the next has two windows to catch up with
    built_after = usually({0, 3, ROUNDS - 1}, set(range(ROUNDS)) - {4})
    for number in range(ROUNDS):
        with psycopg.connect(warehouse, autocommit=True) as connection:
            deliver(connection, worlds, number)
        for _ in range(kills.get(number, 0)):
            # 25 tables have a mark; the last ones are left out, so that no build ends before
            _kill_after(warehouse, settings, draw.randrange(20), draw.random() / 5)
            with psycopg.connect(warehouse) as connection:
                status = connection.execute(
                    "select status from sync.builds order by build_id desc limit 1"
                ).fetchone()
            assert status == ("running",), "killed before it was done"
        if number in built_after:
            build_world(warehouse, settings)
    assert differences(read_tables(warehouse), worlds) == {}
    built = read_everything(warehouse)
    build_world(warehouse, settings, full=True)
    rebuilt = read_everything(warehouse)
    assert {table for table in built if built[table] != rebuilt[table]} == set()


def test_a_setting_of_one_table_reads_no_call_again(
    built: str, built_settings: Settings, modes: Callable[[str], dict[str, str]]
):
    with psycopg.connect(built) as connection:
        connection.execute("insert into sync.usage_events (event, weight) values ('Opened', 3)")
    _build(built, built_settings)
    found = modes(built)
    assert found["int_usage__object_days"] == "compare"
    assert found["stg_segment__calls"] == "changes"
    assert found["int_usage__object_enduser_days"] == "changes"


def test_an_object_key_that_is_added_is_looked_for_in_the_calls_that_are_there(
    built: str, built_settings: Settings
):
    land_objects(built, "license", [{"_id": "l1", "companyId": "p1", "externalId": "x1"}])
    call = {
        "messageId": "1",
        "type": "track",
        "event": "Opened",
        "userId": "u1",
        "properties": {"license_id": "x1"},
    }
    land_calls(built, [call], received_at=AT)
    _build(built, built_settings)
    assert _usage(built) == _counted(1)
    with psycopg.connect(built) as connection:
        connection.execute("insert into sync.object_keys values ('license', 'license_id', 1)")
    _build(built, built_settings)
    assert _usage(built) == [*_counted(1), ("license", 1, 1)]
    with psycopg.connect(built) as connection:
        connection.execute("delete from sync.object_keys where model = 'license'")
    _build(built, built_settings)
    assert _usage(built) == _counted(1)


def test_a_build_finds_new_rows_by_index_whether_or_not_a_vacuum_has_been_there(
    built: str, built_settings: Settings
):
    calls = [
        {"messageId": f"m{number}", "type": "track", "userId": "u1", "properties": {"noise": noise}}
        for number in range(1500)
        for noise in [random.Random(number).randbytes(700).hex()]
    ]
    land_calls(built, calls, received_at=AT)
    with psycopg.connect(built) as connection:
        size = connection.execute("select pg_relation_size('raw_segment.events')").fetchone()[0]
        assert size > 128 * 8192, "more pages than an entry of the index is about"
    _build(built, built_settings)
    with psycopg.connect(built, autocommit=True) as connection:
        unknown = connection.execute(
            """
            select pg_class.relname, brin_summarize_new_values(pg_class.oid)
            from pg_class inner join pg_am on pg_class.relam = pg_am.oid
            where pg_am.amname = 'brin'
            """
        ).fetchall()
    assert len(unknown) > 5
    assert [name for name, pages in unknown if pages] == []


@pytest.fixture
def modes() -> Callable[[str], dict[str, str]]:
    def read(url: str) -> dict[str, str]:
        with psycopg.connect(url) as connection:
            return dict(connection.execute("select model, mode from sync.model_marks").fetchall())

    return read
