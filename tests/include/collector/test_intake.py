"""What the intake does when Postgres objects, and when more comes than it can hold."""

import asyncio
import os
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psycopg
import pytest

from include.collector import intake as intake_module
from include.collector import landing
from include.collector.errors import Unavailable
from include.collector.event import Row
from include.collector.intake import Intake
from include.collector.landing import Outcome, Parcel
from include.collector.spool import _HEAD, Spool
from tests.include.collector.conftest import Running


def parcel(name: str, *, size: int = 2, calls: int = 1) -> Parcel:
    rows = [
        Row(n, f"{name}-{n}".encode(), b"track", b'"' + b"x" * (size - 2) + b'"')
        for n in range(calls)
    ]
    return Parcel("s", rows, [], datetime.now(UTC))


def land(url: str, *rounds: list[Parcel], spool: Spool | None = None) -> list[list]:
    """Each round's parcels at once, round after round; what became of each."""

    async def run() -> list[list]:
        intake = Intake(url, spool, application_name="collector test")
        await intake.start()
        try:
            return [
                await asyncio.gather(*map(intake.land, parcels), return_exceptions=True)
                for parcels in rounds
            ]
        finally:
            await intake.stop()

    return asyncio.run(run())


def objecting(url: str, when: str, condition: str, sqlstate: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            f"create sequence tries; create function object() returns trigger language plpgsql as"
            f" $$ begin if {condition} then raise exception 'no' using errcode = '{sqlstate}';"
            f" end if; return null; end $$;"
            f" create trigger object {when} execute function object()"
        )  # type: ignore[call-overload]


def stored(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("select message_id from raw_segment.events order by event_seq")
        return [message_id for (message_id,) in found]


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_a_deadlock_is_tried_again_a_few_times(warehouse: str, sqlstate: str):
    after = "after insert on raw_segment.events for each statement"
    objecting(warehouse, after, "nextval('tries') < 4", sqlstate)
    assert land(warehouse, [parcel("a")]) == [[Outcome(1, 0, [])]]
    assert stored(warehouse) == ["a-0"]


def test_a_deadlock_while_a_refused_call_is_looked_for_is_tried_again_too(warehouse: str):
    each = "before insert on raw_segment.events for each row when (new.message_id like 'bad%')"
    objecting(warehouse, each, "true", "22000")
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "create function sometimes() returns trigger language plpgsql as $$ begin"
            " if nextval('tries') in (2, 3, 5) then"
            " raise exception 'no' using errcode = '40P01'; end if; return null; end $$;"
            " create trigger a_sometimes before insert on raw_segment.events"
            " for each statement execute function sometimes()"
        )
    ((bad, good),) = land(warehouse, [parcel("bad"), parcel("good", calls=3)])
    assert [each.reason for each in bad.quarantined] == ["not_storable"]
    assert good == Outcome(3, 0, [])


def test_calls_that_pass_alone_and_not_together_are_kept_apart(warehouse: str):
    many = "after insert on raw_segment.events referencing new table as added for each statement"
    objecting(warehouse, many, "(select count(*) from added) > 1", "22000")
    ((found,),) = land(warehouse, [parcel("a", calls=3)])
    assert [each.reason for each in found.quarantined] == ["not_storable"] * 3
    assert stored(warehouse) == []
    # The next group is not kept from landing.
    assert land(warehouse, [parcel("b")]) == [[Outcome(1, 0, [])]]


def test_more_than_may_wait_is_refused_and_what_has_landed_waits_no_more(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intake_module, "WAITING_BYTES", 10_000)
    rounds = [[parcel(f"{n}-{m}", size=4_000) for m in range(2)] for n in range(5)]
    assert land(warehouse, *rounds) == [[Outcome(1, 0, [])] * 2] * 5
    (found,) = land(warehouse, [parcel(f"more-{n}", size=4_000) for n in range(5)])
    assert [type(each) for each in found] == [Outcome] * 2 + [Unavailable] * 3
    # One that is larger than the bound is taken when nothing else waits.
    assert land(warehouse, [parcel("large", size=20_000)]) == [[Outcome(1, 0, [])]]


def test_a_group_is_bounded_and_nothing_of_what_is_over_is_lost(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intake_module, "GROUP_CALLS", 10)
    (found,) = land(warehouse, [parcel(str(n), calls=4) for n in range(30)])
    assert found == [Outcome(4, 0, [])] * 30
    with psycopg.connect(warehouse) as connection:
        sizes = connection.execute("select count(*) from raw_segment.events group by load_id")
        assert max(size for (size,) in sizes) == 12


def test_what_was_taken_lands_before_it_stops(warehouse: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake_module, "GROUP_CALLS", 1)

    async def run() -> list[Outcome]:
        intake = Intake(warehouse, application_name="collector test")
        await intake.start()
        taken = [asyncio.create_task(intake.land(parcel(str(n)))) for n in range(20)]
        await asyncio.sleep(0)
        await intake.stop()
        return [each.result() for each in taken]

    assert asyncio.run(run()) == [Outcome(1, 0, [])] * 20
    assert len(stored(warehouse)) == 20


class Line:
    """A line to Postgres that can go dead: what was asked arrives, and no answer comes back."""

    def __init__(self, url: str):
        self._url = urlsplit(url)
        self._is_dead = asyncio.Event()
        self.is_cut = False
        self._tasks: list[asyncio.Task] = []

    async def open(self) -> str:
        """The URL of Postgres by this line."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        user = self._url.netloc.rpartition("@")[0]
        return urlunsplit(self._url._replace(netloc=f"{user}@127.0.0.1:{port}"))

    def die(self) -> None:
        """For whoever is connected now; who comes later has a good one."""
        self._is_dead.set()
        self._is_dead = asyncio.Event()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            writer.close()
            return
        postgres = await asyncio.open_connection(self._url.hostname, self._url.port)
        never = asyncio.Event()
        self._tasks += [
            asyncio.create_task(self._carry(reader, postgres[1], never)),
            asyncio.create_task(self._carry(postgres[0], writer, self._is_dead)),
        ]

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, is_dead: asyncio.Event
    ) -> None:
        while data := await source.read(65_536):
            if not is_dead.is_set():
                target.write(data)
                await target.drain()


def test_a_group_that_landed_though_its_answer_was_lost_is_not_counted_twice(
    warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intake_module, "COMMIT_SECONDS", 1.0)

    async def run() -> list[Outcome]:
        line = Line(warehouse)
        spool = Spool(tmp_path / "spool", 1_000_000)
        intake = Intake(await line.open(), spool, application_name="collector test")
        await intake.start()
        outcomes = [await intake.land(parcel("before"))]
        line.die()
        outcomes.append(await intake.land(parcel("during")))
        assert spool.has_backlog
        assert stored(warehouse) == ["before-0", "during-0"]
        async with asyncio.timeout(30):
            while spool.has_backlog:
                await asyncio.sleep(0.02)
        await intake.stop()
        return outcomes

    assert asyncio.run(run()) == [Outcome(1, 0, [])] * 2
    with psycopg.connect(warehouse) as connection:
        books = connection.execute(
            "select sum(received)::int, sum(landed)::int, sum(duplicates)::int"
            " from raw_segment.intake"
        )
        assert books.fetchall() == [(2, 2, 0)]


def test_what_is_written_to_the_spool_while_it_is_drained_is_not_lost(
    warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write = os.write

    def slowly(descriptor: int, data: bytes) -> int:
        time.sleep(1)
        return write(descriptor, data)

    async def thread_first(function: Callable, *arguments: object) -> object:
        writing = asyncio.get_running_loop().run_in_executor(None, function, *arguments)
        time.sleep(0.2)  # the thread is in the middle of it before anything else goes on
        return await writing

    async def run() -> list[Outcome]:
        line = Line(warehouse)
        spool = Spool(tmp_path / "spool", 1_000_000)
        intake = Intake(await line.open(), spool, application_name="collector test")
        await intake.start()
        line.is_cut = True
        outcomes = [await intake.land(parcel("a"))]
        monkeypatch.setattr(os, "write", slowly)
        monkeypatch.setattr(asyncio, "to_thread", thread_first)
        # While b is written Postgres comes back; then c is written to the segment of a and b, which
        # is drained now.
        written = [asyncio.create_task(intake.land(parcel("b")))]
        await asyncio.sleep(0.1)
        line.is_cut = False
        written.append(asyncio.create_task(intake.land(parcel("c"))))
        outcomes += [await each for each in written]
        async with asyncio.timeout(30):
            while spool.has_backlog:
                await asyncio.sleep(0.02)
        await intake.stop()
        return outcomes

    assert asyncio.run(run()) == [Outcome(1, 0, [])] * 3
    assert stored(warehouse) == ["a-0", "b-0", "c-0"]


def test_a_segment_of_another_version_is_set_aside_and_the_rest_lands(
    collector: Running, tmp_path: Path
):
    spool = Spool(tmp_path / "spool", 1_000_000)
    spool.append(landing.new_token(), [parcel("before")])
    other = msgspec.msgpack.encode({"another": "version"})
    (path,) = spool.folder.glob("*.spool")
    content = path.read_bytes() + _HEAD.pack(len(other), zlib.crc32(other)) + other
    path.write_bytes(content)
    spool.first()
    spool.append(landing.new_token(), [parcel("behind")])
    spool.close()

    async def drain() -> None:
        intake = Intake(collector.warehouse, Spool(spool.folder, 1_000_000))
        await intake.start()
        async with asyncio.timeout(30):
            while [*spool.folder.glob("*.spool")]:
                await asyncio.sleep(0.02)
        await intake.stop()

    asyncio.run(drain())
    (aside,) = spool.folder.glob("*.unreadable")
    assert aside.read_bytes() == content
    assert stored(collector.warehouse) == ["behind-0"]
