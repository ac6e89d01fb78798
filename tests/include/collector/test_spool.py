"""The spool on disk: what is answered is there whole, in order, and has one owner."""

import os
import zlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from include.collector import landing
from include.collector.event import Bad, Row
from include.collector.landing import Parcel
from include.collector.spool import _HEAD, Record, Spool, SpoolFull

LIMIT = 1_000_000


def parcel(name: str) -> Parcel:
    return Parcel("s", [Row(0, name.encode(), b"track", b"{}")], [], datetime.now(UTC))


def put(spool: Spool, *names: str) -> None:
    for name in names:
        spool.append(landing.new_token(), [parcel(name)])


def drained(spool: Spool) -> list[str]:
    """The calls in the order in which they would land; the spool is empty after it."""
    found = []
    while segment := spool.first():
        for record in segment.records():
            found += [row.message_id.decode() for each in record.parcels for row in each.rows]
        spool.drop_first()
    return found


def records(spool: Spool) -> list[Record]:
    segment = spool.first()
    assert segment
    return segment.records()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", LIMIT)


def segments(spool: Spool) -> list[Path]:
    return sorted(spool.folder.glob("*.spool"))


def test_what_is_put_in_comes_out_in_order(spool: Spool):
    put(spool, "a", "b", "c")
    assert drained(spool) == ["a", "b", "c"]
    assert segments(spool) == []
    assert spool.bytes == 0


def test_what_comes_while_a_segment_is_drained_is_not_deleted_with_it(spool: Spool):
    put(spool, "a")
    first = spool.first()
    assert first is not None
    first.records()
    put(spool, "b")
    spool.drop_first()
    assert drained(spool) == ["b"]


def test_a_record_that_the_disk_did_not_confirm_is_refused_and_gone(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
):
    put(spool, "a")

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fdatasync", broken)
        with pytest.raises(SpoolFull, match="Input/output error"):
            put(spool, "b")
        assert spool.is_full
    put(spool, "c")
    assert len(segments(spool)) == 2  # nothing more is written behind what was cut off
    assert drained(spool) == ["a", "c"]


def test_a_new_segment_is_on_disk_by_name_too(spool: Spool, monkeypatch: pytest.MonkeyPatch):
    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(SpoolFull, match="Input/output error"):
        put(spool, "a")


def test_a_damaged_record_ends_its_segment_and_no_other(tmp_path: Path, spool: Spool):
    put(spool, "a", "b")
    (segment,) = segments(spool)
    spool.close()
    content = bytearray(segment.read_bytes())
    content[-3] ^= 1  # of the last record, whose length is right
    segment.write_bytes(content)
    next_one = Spool(spool.folder, LIMIT)
    put(next_one, "c")
    assert next_one.adopt() == 1
    assert drained(next_one) == ["a", "c"]


def test_nothing_is_written_behind_a_torn_record_that_was_adopted(spool: Spool):
    put(spool, "a")
    (segment,) = segments(spool)
    spool.close()
    segment.write_bytes(segment.read_bytes() + b"\x00\x00\x01\x00torn")
    next_one = Spool(spool.folder, LIMIT)
    assert next_one.adopt() == 1
    put(next_one, "b")
    assert drained(next_one) == ["a", "b"]


def test_what_was_adopted_is_older_and_drained_first(spool: Spool):
    put(spool, "a")
    spool.close()
    next_one = Spool(spool.folder, LIMIT)
    put(next_one, "b")
    assert next_one.adopt() == 1
    assert drained(next_one) == ["a", "b"]


def test_a_segment_has_one_owner_as_long_as_that_lives(spool: Spool):
    put(spool, "a")
    other = Spool(spool.folder, LIMIT)
    assert other.adopt() == 0
    spool.close()
    assert other.adopt() == 1
    assert spool.adopt() == 0
    assert drained(other) == ["a"]


def test_the_bound_counts_what_was_adopted(spool: Spool):
    put(spool, *"abcdefgh")
    size = spool.bytes
    spool.close()
    small = Spool(spool.folder, size + 10)
    small.adopt()
    assert small.bytes == size
    with pytest.raises(SpoolFull, match=f"holds {size} of at most {size + 10} bytes"):
        put(small, "i")
    assert small.is_full
    assert drained(small) == list("abcdefgh")
    put(small, "i")
    assert not small.is_full


def test_ids_that_were_made_are_kept_with_their_calls(spool: Spool):
    kept = [Bad(1, "missing_event", "", "{}", None, "made-2")]
    put_in = Parcel("s", [Row(0, b"made-1", b"track", b"{}")], kept, datetime.now(UTC), made_ids=2)
    spool.append(landing.new_token(), [put_in])
    assert [record.parcels for record in records(spool)] == [[put_in]]


def test_what_an_earlier_version_wrote_is_read(spool: Spool):
    # before calls for the quarantine had an id, and before ids that were made were counted
    parcel = {
        "source": "s", "rows": [[0, b"m", b"track", b"{}"]], "bad": [[1, "r", "d", "t", None]],
        "received_at": datetime.now(UTC), "origin": "client", "replayed": [],
    }  # fmt: skip
    put(spool, "later")
    body = msgspec.msgpack.encode({"token": landing.new_token(), "parcels": [parcel]})
    spool._segments[0].append(_HEAD.pack(len(body), zlib.crc32(body)) + body)
    found = records(spool)[1].parcels[0]
    assert (found.rows[0].message_id, found.made_ids) == (b"m", 0)
    assert found.bad == [Bad(1, "r", "d", "t", None)]
