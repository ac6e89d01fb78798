"""plan, push, answer, cancel as processes of their own: what they say, and how they end."""

import json
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.push.catalogue import FOLDERS
from include.push.runs import Claim
from include.push.steps import open_run
from include.settings import Settings
from tests.include.push.played_segment import Answer, PlayedSegment, refuses
from tests.include.push.world import LICENSE, World
from tests.include.running import cli


@pytest.fixture
def world(warehouse: str, settings: Settings) -> World:
    """Every outbound table of the project, empty but for a few companies."""
    world = World(warehouse, FOLDERS["segment"], settings)
    for file in FOLDERS["segment"].glob("*.sql"):
        world.create_from_yaml(file.stem)
    world.fill("company", 20)
    return world


@pytest.fixture
def segment() -> Iterator[PlayedSegment]:
    """A Segment that takes everything, until a test gives it another script."""
    with PlayedSegment() as played:
        yield played


def run(world: World, segment: PlayedSegment, *arguments: str) -> subprocess.CompletedProcess[str]:
    scheme, host = segment.connection.host.split("://")
    return cli(
        *arguments,
        DATA_DIR=str(world.settings.data_dir),
        AIRFLOW_CONN_WAREHOUSE=world.url,
        AIRFLOW_CONN_SEGMENT=f"{scheme}://:{segment.connection.write_key}@{host}",
    )


def one_line(done: subprocess.CompletedProcess[str], exit_code: int) -> str:
    """What a command that refused says: one line, nothing else."""
    assert (done.returncode, done.stdout) == (exit_code, ""), done
    (line,) = done.stderr.splitlines()
    return line


def test_a_plan_shows_counts_and_examples_and_sends_nothing(
    world: World, segment: PlayedSegment
) -> None:
    assert run(world, segment, "push").returncode == 0
    world.put("company", "c000001", external_id="xc000001", name="Another")
    world.drop("company", "c000002")
    world.put("company", "new", name="New")
    done = run(world, segment, "plan")
    assert done.returncode == 0, done.stderr
    assert "company: 20 considered, 18 unchanged, 1 added, 1 changed, 1 removed" in done.stdout
    assert done.stdout.splitlines()[-3:] == [
        "company new: added",
        'company c000001: name "Company c000001" → "Another"',
        "company c000002: removed",
    ]
    assert len(segment.messages) == 20


def test_a_plan_shows_no_value_that_a_terminal_obeys(world: World, segment: PlayedSegment) -> None:
    assert run(world, segment, "push").returncode == 0
    world.put("company", "c000001", external_id="xc000001", name="\x1b[2J\u202e\x9b\ngone")
    world.put("company", "new\ncompany x: added\x1b[2J", name="New")
    done = run(world, segment, "plan")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        r"company new\ncompany x: added\x1b[2J: added",
        r'company c000001: name "Company c000001" → "\u001b[2J\u202e\x9b\ngone"',
    ]


def test_a_plan_that_misses_a_model_ends_with_1_and_says_which(
    world: World, segment: PlayedSegment
) -> None:
    world.run("drop table planhat.license")
    done = run(world, segment, "plan")
    assert done.returncode == 1
    assert "planhat.license is not there" in done.stdout
    assert "(license cannot be planned)" in done.stdout
    assert "company c000001: added" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_plan_s_file_is_sent_only_while_it_holds(
    world: World, segment: PlayedSegment, tmp_path: Path
) -> None:
    file = str(tmp_path / "plan.jsonl")
    done = run(world, segment, "plan", "--models", "company", "--limit", "5", "--plan", file)
    assert done.returncode == 0, done.stderr
    assert f"5 planned objects written to {file}" in done.stdout
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600, "it holds what is known of people"
    world.put("company", "c000003", name="meanwhile")
    stale = run(world, segment, "push", "--plan", file)
    assert stale.returncode == 1
    assert stale.stderr == (
        "The plan no longer holds (company would be sent differently now): nothing was sent. "
        "Make a new plan.\n"
    )
    assert segment.posts == 0

    assert run(world, segment, "plan", "--limit", "5", "--plan", file).returncode == 0
    assert run(world, segment, "push", "--plan", file).returncode == 0
    lines = Path(file).read_text().splitlines()[1:]
    assert set(segment.accepted) == {json.loads(line)["message_id"] for line in lines}


def test_options_that_say_the_same_twice_are_refused(
    world: World, segment: PlayedSegment, tmp_path: Path
) -> None:
    file = str(tmp_path / "plan.jsonl")
    both = run(world, segment, "push", "--plan", file, "--models", "company", "--full")
    assert one_line(both, 1) == "PLAN says that already: leave MODELS and FULL out."
    both = run(world, segment, "push", "--retire", "legacy", "--models", "company")
    assert one_line(both, 1) == "RETIRE says that already: leave MODELS out."
    assert "cannot be read" in one_line(run(world, segment, "push", "--plan", file), 1)


def test_a_push_ends_with_2_when_objects_were_refused(world: World, segment: PlayedSegment) -> None:
    segment.script = refuses("c000001")
    done = run(world, segment, "push")
    assert done.returncode == 2, done.stderr
    assert "partial" in done.stdout.splitlines()[-1]
    assert len(segment.messages) == 19


def test_a_push_ends_with_1_when_nothing_arrived(world: World, segment: PlayedSegment) -> None:
    segment.script = lambda number, batch: Answer(401, takes=False)
    done = run(world, segment, "push")
    assert done.returncode == 1
    assert "failed" in done.stdout.splitlines()[-1]
    assert "Traceback" not in done.stdout + done.stderr


def test_a_held_plan_ends_with_3_and_the_answer_is_for_the_next_push(
    world: World, segment: PlayedSegment
) -> None:
    assert run(world, segment, "push").returncode == 0
    assert run(world, segment, "answer").stdout == "No plan is held.\n"
    world.run("delete from planhat.company where object_id <= 'c000012'")
    assert run(world, segment, "push").returncode == 3
    assert len(segment.messages) == 20

    held = run(world, segment, "answer")
    assert held.returncode == 0, held.stderr
    (line,) = held.stdout.splitlines()
    assert line.startswith("company: plan ")
    assert "12 of 20 objects would be removed, more than 25%; no answer yet" in line
    fingerprint = line.split()[2].strip(",")

    for arguments, said in (
        (["--model", "company"], "ANSWER is missing: make answer MODEL=company ANSWER="),
        (["--answer", "all"], "MODEL is missing: make answer MODEL=company ANSWER="),
        (["--model", "company", "--answer", "yes"], "An answer is one of all, safe, none"),
        (["--model", "license", "--answer", "all"], "No plan of license is held."),
        (
            ["--model", "company", "--answer", "all", "--fingerprint", "another"],
            f"The plan of company has changed: it is {fingerprint} now. Look again.",
        ),
    ):
        assert said in one_line(run(world, segment, "answer", *arguments), 1)

    done = run(
        world, segment, "answer", "--model", "company", "--answer", "all",
        "--fingerprint", fingerprint,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"company: answered all for the plan {fingerprint} of run ")
    assert run(world, segment, "answer").stdout.rstrip().endswith(" answered all")
    assert run(world, segment, "push").returncode == 0
    assert [each.get("event") for each in segment.messages[20:]] == ["Company Removed"] * 12


def test_another_active_push_is_4_and_one_line_and_can_be_cancelled(
    world: World, segment: PlayedSegment
) -> None:
    done = run(world, segment, "cancel")
    assert (done.returncode, done.stdout) == (
        0, "No push is active: there is nothing to cancel.\n",
    )  # fmt: skip
    run_id = open_run(
        world.url, segment.connection, trigger="schedule", requested_by="the schedule", owner="d"
    )
    with Claim(world.url, run_id):
        busy = one_line(run(world, segment, "push"), 4)
        assert f"run {run_id}, asked for by the schedule (schedule), running since" in busy
        first = run(world, segment, "cancel")
        assert first.stdout.startswith(f"Asked to stop, which takes a few seconds: run {run_id}")
        again = run(world, segment, "cancel")
        assert again.stdout.startswith("It was asked to stop before")
        assert (first.returncode, again.returncode) == (0, 0)
    assert segment.posts == 0


def test_a_retired_model_is_removed_on_request(
    world: World, segment: PlayedSegment, tmp_path: Path
) -> None:
    other = World(world.url, tmp_path, world.settings)
    other.model("legacy", LICENSE)
    other.put("legacy", "l1", value=1)
    assert other.push(segment.connection).total("synced") == 1
    planned = run(world, segment, "plan", "--retire", "legacy")
    assert (planned.returncode, planned.stdout.splitlines()[-1]) == (0, "legacy l1: removed")
    done = run(world, segment, "push", "--retire", "legacy")
    assert done.returncode == 0, done.stderr
    assert [each["event"] for each in segment.messages] == ["License Updated", "License Removed"]
    refused = run(world, segment, "push", "--retire", "company")
    assert refused.returncode == 1
    assert "company is not retired" in refused.stderr
