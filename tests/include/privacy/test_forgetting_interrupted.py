"""A forgetting that is killed goes on when it is run again; one that calls come into ends."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from include.build import build
from include.privacy import forgetting
from include.privacy.forgetting.again import people_of_receipts
from include.settings import ROOT, Settings
from tests.conftest import copied
from tests.dbt_project.conftest import built_once
from tests.dbt_project.landing import land_calls
from tests.include.privacy import people
from tests.include.privacy.people import (
    AT,
    EMAIL,
    HER_ID,
    TODAY,
    USER,
    WORD,
    builds,
    quietly,
)
from tests.include.warehouse_asked import answers
from tests.parts import usually

pytestmark = pytest.mark.usefixtures("tables_alone")

# What a forgetting of this world asks for from outside: 2 builds, 3 locks and lines that it says.
POINTS = range(1, 21)


@pytest.fixture(scope="module")
def _built(server: Settings) -> Iterator[str]:
    """The name of a database with her in it that was built once, for copies."""

    def make(url: str, settings: Settings) -> None:
        people.land_world(url)
        build(url, settings, requested_by="test", today=TODAY, say=quietly)

    with built_once(server, "built_with_her", make) as name:
        yield name


@pytest.fixture
def built(server: Settings, _built: str) -> Iterator[str]:
    with copied(server, "test", template=_built) as url:
        yield url


@pytest.fixture
def built_settings(server: Settings, built: str) -> Settings:
    return replace(server, airflow_conn_warehouse=built)


def kept(url: str) -> list[tuple]:
    """What companies keep of her, but for the ids, which are drawn."""
    return answers(
        url,
        "select object_type, object_id, activity_date, type, event, sum(calls),"
        " count(distinct enduser_id) from raw_segment.kept_usage group by 1, 2, 3, 4, 5 order by"
        " 1, 2, 3, 4, 5",
    )


def usage(url: str) -> list[tuple]:
    """All of the companies' days."""
    return answers(
        url, "select * from marts.usage_daily where object_type = 'company' order by 1, 2, 3, 4"
    )


@pytest.mark.parametrize("seed", range(usually(2, 50)))
def test_killed_and_run_again_it_has_done_the_same_once(
    built: str, built_settings: Settings, tmp_path: Path, seed: int
):
    before = usage(built)
    point = random.Random(seed).choice(POINTS)
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.include.privacy.killed", built, str(tmp_path), USER,
            str(point),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "DBT_EXCLUDE_RESOURCE_TYPES": "test"},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, f"point {point}: {done.stderr}"
    forgotten = forgetting.forget(
        built, tmp_path, [], by="somebody", say=quietly, builds=builds(built, built_settings)
    )
    assert len(forgotten.receipts) == 1, f"point {point}"
    assert people.tables_that_say(built, WORD, HER_ID) == {}
    assert usage(built) == before
    assert sum(row[5] for row in kept(built) if row[0] == "company") == 7


def test_what_lands_meanwhile_goes_too_and_a_restored_backup_is_asked_to_forget_again(
    built: str, built_settings: Settings, tmp_path: Path
):
    real = builds(built, built_settings)
    late = [
        [
            {"type": "track", "messageId": f"{WORD}-late-{number}", "userId": USER,
             "event": "Opened", "properties": {"company_id": "acme"},
             "timestamp": f"{AT - timedelta(days=2):%FT%TZ}"}
        ]
        for number in range(2)
    ]  # fmt: skip

    def make_while_calls_come() -> None:
        real.make()
        if late:
            land_calls(built, late.pop(), received_at=AT)

    with psycopg.connect(built) as connection:
        person = forgetting.find(connection, USER)
    forgetting.forget(
        built, tmp_path, [person], by="somebody", say=quietly,
        builds=forgetting.Builds(make=make_while_calls_come, lock=real.lock),
    )  # fmt: skip
    assert people.tables_that_say(built, WORD, HER_ID) == {}
    assert late == []
    # those that came late count as well, though they had made her anew
    assert sum(row[5] for row in kept(built) if row[0] == "company") == 9

    # the backup has neither the receipt nor what was forgotten: it has her
    with psycopg.connect(built) as connection:
        for table in ("sync.forgettings", "raw_segment.kept_usage", "sync.runs"):
            connection.execute(f"delete from {table}".encode())
        connection.execute("delete from raw_planhat.objects where model = 'conversation'")
        connection.execute("delete from sync.objects where model = 'company'")
    people.land_her(built)
    real.make()
    assert people.tables_that_say(built, WORD) != {}
    with psycopg.connect(built) as connection:
        again = people_of_receipts(connection, tmp_path)
    assert [HER_ID in each.enduser_ids for each in again] == [True]
    forgetting.forget(
        built, tmp_path, again, by="somebody", occasion="again", say=quietly, builds=real
    )
    assert people.tables_that_say(built, EMAIL, USER, HER_ID) == {}
