"""Where a push goes is said before, while and after it goes there; and what is there already."""

import socket
from collections.abc import Iterator

import pytest

from include.push.steps import deliver_model, open_run, plan_run
from include.settings import SegmentConnection
from tests.include.push.played_segment import RESET, PlayedSegment
from tests.include.push.world import LICENSE, QUICK, World

KEY = "a-write-key-of-a-customer-Zx9q"


@pytest.mark.parametrize(
    ("key", "end"), [(KEY, "Zx9q"), ("x" * 11 + "y", "xxxy"), ("x" * 11, None), ("k", None)]
)
def test_a_destination_is_named_by_its_host_and_the_end_of_a_key_that_is_long_enough(
    key: str, end: str | None
) -> None:
    segment = SegmentConnection("https://api.segment.io", key)
    assert segment.name == "https://api.segment.io" + (f" (key …{end})" if end else "")


def test_plan_push_and_each_task_say_where_to(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 3)
    there = SegmentConnection(segment.connection.host, KEY)
    for options in ({"dry_run": True}, {}):
        said: list[str] = []
        report = world.push(there, say=said.append, **options)
        assert f" to {there.host} (key …Zx9q)" in said[0]
        assert f"to {there.host} (key …Zx9q): " in report.table().splitlines()[-1]
        assert KEY not in "\n".join(said)
    world.put("company", "c000001", name="changed")
    asked = {"trigger": "api", "requested_by": "ada", "owner": "a dag run"}
    run_id = open_run(world.url, there, **asked)
    told: list[str] = []
    (part,) = plan_run(world.url, world.settings, run_id, say=told.append, folder=world.folder)
    deliver_model(world.url, there, run_id, **part, say=told.append, options=QUICK)
    assert [line for line in told if "Zx9q" in line] == [
        f"Run {run_id} to {there.name}", f"company: to {there.name}",
    ]  # fmt: skip


def test_before_the_first_push_to_a_destination_it_is_said_that_all_will_be_added(
    world: World, segment: PlayedSegment
) -> None:
    world.model("license", LICENSE)
    world.fill("company", 1_200)
    there = SegmentConnection(segment.connection.host, KEY)
    new = f"segment has nothing of ours yet at {there.name}: 1,200 objects will be added"

    plan = world.push(there, dry_run=True)
    assert [each.lower() for each in plan.remarks] == [new.lower()]
    before_it_went: list[int] = []
    world.push(
        there,
        say=lambda line: (
            before_it_went.append(segment.posts) if "nothing of ours" in line else None
        ),
    )
    assert before_it_went[0] == 0
    world.put("company", "new", name="New")
    assert world.push(there).remarks == []

    with PlayedSegment() as elsewhere:
        other = SegmentConnection(elsewhere.connection.host, "another-key-of-theirs-Ab1c")
        (remark,) = world.push(other, dry_run=True, models=["company"]).remarks
        assert remark.endswith(
            f"1,201 objects will be added; pushes went to {there.name} until now"
        )
        world.push(other, limit=1)
        assert world.push(other, dry_run=True).remarks == []


def test_one_object_is_one_object(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 1)
    (remark,) = world.push(segment.connection, dry_run=True).remarks
    assert remark.endswith(": 1 object will be added")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that nobody listens to while it is held."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_who_does_not_answer_is_named_by_host_and_port(
    world: World, segment: PlayedSegment, closed_port: int
) -> None:
    world.put("company", "c1")
    port = segment.connection.host.rsplit(":", 1)[1]
    segment.script = lambda number, batch: RESET
    for host, said in {
        f"http://127.0.0.1:{closed_port}": f"127.0.0.1:{closed_port}: nobody listens there",
        f"https://127.0.0.1:{port}": f"127.0.0.1:{port}: TLS was refused",
        "https://nobody.invalid": "nobody.invalid:443: its name is not known",
        "http://nobody.invalid": "nobody.invalid:80: its name is not known",
        segment.connection.host: f"127.0.0.1:{port}: it was cut off",
    }.items():
        world.push(SegmentConnection(host, KEY))
        (message,) = world.run(
            "select message from sync.run_errors order by run_error_id desc limit 1"
        )[0]
        assert message.startswith(f"no connection to {said}"), message
        assert KEY not in message
