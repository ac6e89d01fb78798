"""Compressed bodies are read to their end, or refused; and never make more than a body may have."""

import gzip
import zlib
from pathlib import Path

import pytest

from include.collector import protocol
from include.collector.errors import Refused
from include.collector.options import Limits
from tests.include.collector.conftest import Running

LIMITS = Limits()
BODY = b'{"batch":[{"type":"track","event":"E","messageId":"m-1","userId":"u"}]}'


def read(body: bytes, encoding: bytes = b"gzip") -> bytes:
    return protocol.decompressed(body, encoding, LIMITS)


def refused(body: bytes, encoding: bytes = b"gzip") -> int:
    with pytest.raises(Refused) as refusal:
        read(body, encoding)
    return refusal.value.status


def members(body: bytes, size: int) -> bytes:
    return b"".join(gzip.compress(body[n : n + size]) for n in range(0, len(body), size))


@pytest.mark.parametrize("size", [1, 7, 30, 1_000])
def test_a_body_may_have_any_number_of_members(size: int):
    assert read(members(BODY, size)) == BODY
    assert read(members(BODY, size), b"x-gzip") == BODY
    assert read(gzip.compress(b"") + members(BODY, size) + gzip.compress(b"")) == BODY


@pytest.mark.parametrize("zeros", [1, 511, 200_000])
def test_zeros_that_fill_a_block_are_no_member(zeros: int):
    assert read(gzip.compress(BODY) + b"\0" * zeros) == BODY
    assert read(gzip.compress(BODY[:9]) + b"\0" * zeros + gzip.compress(BODY[9:])) == BODY


def test_large_members_are_read_whatever_their_size():
    # noise, so that a member is larger than a window of what is looked at
    noise = zlib.compress(b"".join(b"%d" % (n * n) for n in range(60_000)), 9)
    assert len(noise) > 3 * protocol._WINDOW // 2
    assert read(members(noise, len(noise) // 2)) == noise
    assert read(gzip.compress(b"") + gzip.compress(noise)) == noise


AFTER = {
    "garbage": b"garbage", "half of a member": gzip.compress(BODY)[:-3],
    "the beginning of one": b"\x1f\x8b", "another encoding": zlib.compress(BODY),
    "a damaged member": gzip.compress(BODY)[:-8] + b"\1" * 8, "zeros and garbage": b"\0\0x",
}  # fmt: skip


@pytest.mark.parametrize("after", AFTER)
def test_what_comes_after_a_member_is_read_or_the_body_is_refused(after: str):
    assert refused(gzip.compress(BODY) + AFTER[after]) == 400
    assert refused(members(BODY, 20) + AFTER[after]) == 400
    assert refused(zlib.compress(BODY) + AFTER[after], b"deflate") == 400


def test_several_members_together_make_no_more_than_the_limit():
    half = gzip.compress(b" " * (LIMITS.body_bytes // 2))
    assert len(read(half * 2)) == LIMITS.body_bytes
    assert refused(half * 2 + gzip.compress(b" ")) == 413
    assert refused(gzip.compress(b"{}") + gzip.compress(b" " * 300_000_000)) == 413


def test_members_of_nothing_have_an_end():
    nothing = gzip.compress(b"")
    assert read(gzip.compress(BODY) + nothing * 999) == BODY
    assert refused(gzip.compress(BODY) + nothing * 1_001) == 400


@pytest.mark.parametrize("encoding", [b"", b"identity", b"gzip", b"deflate"])
def test_a_byte_order_mark_is_passed_over_once(encoding: bytes):
    pack = {b"gzip": gzip.compress, b"deflate": zlib.compress}.get(encoding, bytes)
    mark = protocol.BYTE_ORDER_MARK
    assert read(pack(mark + BODY), encoding) == BODY
    assert read(pack(mark + mark + BODY), encoding) == mark + BODY


def test_through_http(collector: Running):
    gz = {"Content-Encoding": "gzip"}
    other = BODY.replace(b"m-1", b"m-2")
    for body, headers, status in (
        (members(BODY, 40), gz, 200),
        (protocol.BYTE_ORDER_MARK + other, {}, 200),
        # two bodies in one are none
        (gzip.compress(BODY) + gzip.compress(other), gz, 400),
    ):
        assert collector.post("/v1/batch", body, headers=headers).status_code == status
    assert {each["message_id"] for each in collector.events()} == {"m-1", "m-2"}


def test_a_bomb_of_two_members_costs_no_memory(collector: Running):
    bomb = gzip.compress(b"{}") + gzip.compress(b" " * 300_000_000)
    answer = collector.post("/v1/batch", bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    status = Path(f"/proc/{collector.process.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < 200_000, "kB"
