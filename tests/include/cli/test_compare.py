"""compare as a process of its own: what it says, and how it ends."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from include.played_planhat.app import PlayedPlanhat
from include.settings import Settings
from tests.conftest import copied
from tests.include.compare.world import World, make_tables
from tests.include.running import cli

Run = Callable[..., subprocess.CompletedProcess[str]]
DAYS = ("--since", "2026-03-02", "--until", "2026-03-15")


@pytest.fixture
def world(server: Settings, played: PlayedPlanhat, played_address: str) -> Iterator[World]:
    """Two companies, and nothing else."""
    with copied(server, "compared_by_command") as url:
        make_tables(url)
        with psycopg.connect(url, autocommit=True) as connection:
            yield World(connection, url, played, played_address)


@pytest.fixture
def run(world: World, tmp_path: Path) -> Run:
    """`compare` with these options; settings by their names."""

    def run(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        planhat = world.connection.host.replace("//", f"//:{world.played.token}@")
        usual = {
            "DATA_DIR": str(tmp_path), "AIRFLOW_CONN_WAREHOUSE": world.url,
            "AIRFLOW_CONN_PLANHAT": planhat,
        }  # fmt: skip
        done = cli("compare", *arguments, **{**usual, **given})
        assert world.played.token not in done.stdout + done.stderr
        return done

    return run


def test_it_says_what_differs_and_ends_with_2_and_with_0_where_nothing_does(
    world: World, run: Run
) -> None:
    world.declare("seats")
    world.value(4)
    world.has(5)
    hostile = world.created("\x1b[2J")
    done = run(*DAYS)
    assert (done.returncode, done.stderr) == (2, "")
    assert "endusers      0          1            0          0" in done.stdout
    assert f"seats {world.acme} 2026-03-05: ours 4, theirs 5" in done.stdout
    assert "\x1b" not in done.stdout
    assert hostile.replace("\x1b", r"\x1b") in done.stdout

    done = run(*DAYS, "--what", "metrics", "--examples", "0", "--json")
    assert done.returncode == 2
    found = json.loads(done.stdout)
    assert [each["name"] for each in found["sections"]] == ["metrics"]
    ((reason,),) = [each["reasons"] for each in found["sections"]]
    assert (reason["code"], reason["count"], reason["examples"]) == ("another_value", 1, [])
    assert "asking Planhat for the metric seats (1 of 1)" in done.stderr

    done = run(*DAYS, "--what", "activity")
    assert (done.returncode, done.stderr) == (0, "")
    kept = world.run("select requested_by <> '' from sync.comparisons")
    assert kept == [(True,)] * 3


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (["--since", "2026-3-2x"], {}, "Invalid value for '--since'"),
        (["--what", "metric"], {}, "There is no section metric: did you mean metrics?"),
        ([], {"AIRFLOW_CONN_PLANHAT": ""}, "AIRFLOW_CONN_PLANHAT is not set"),
    ],
)
def test_what_cannot_be_compared_is_one_line(run: Run, arguments, given, said: str) -> None:
    done = run(*arguments, **given)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert said in line


def test_before_a_build_and_before_the_migrations_is_one_line_each(world: World, run: Run) -> None:
    world.played.switches = world.played.switches.turned(revoked=True)
    done = run()
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "it does not know the token" in done.stderr
    world.run("drop schema to_planhat cascade")
    done = run()
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "There is nothing of ours to compare yet" in done.stderr
    world.run("delete from sync.migrations where name like '0047%'")
    done = run()
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "The warehouse lacks the migration 0047_comparisons" in done.stderr
