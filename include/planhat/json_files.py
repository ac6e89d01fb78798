"""JSON lines and JSON arrays, read object by object: a bad one never costs its neighbours."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

import msgspec

from include.planhat.check import LARGEST_EXPONENT, Found, Problem

# Planhat's objects are a few kilobytes; what is longer is not one of them.
LONGEST_OBJECT = 16 * 2**20
_CHUNK = 2**18

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BETWEEN = re.compile(rb"[^\s,]")
# A string ends at its line's end at the latest: JSON has no line breaks inside strings.
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*(?:["\n]|\\?\Z)|[{}\[\]]', re.DOTALL)
_BARE_END = re.compile(rb"[,\]\n]")
_CLOSES = {b"{": b"}", b"[": b"]"}
_BROKEN = -1
_NEXT_OBJECT = re.compile(rb"\n\s*\{")


def _exact(text: str) -> Decimal:
    # Digits are kept as they came; a float would turn 1.10 into something near it.
    number = Decimal(text)
    if number.adjusted() > LARGEST_EXPONENT or number.adjusted() < -LARGEST_EXPONENT * 2:
        raise ValueError(f"the number {text[:20]} is out of range")
    return number


_decoder = msgspec.json.Decoder(float_hook=_exact)


def objects_of(origin: str, stream: BinaryIO) -> Iterator[Found]:
    """Every object of a JSON file in either shape: the first character tells which it has."""
    head = stream.read(_CHUNK)
    content = head.removeprefix(BYTE_ORDER_MARK)
    if content.lstrip().startswith(b"["):
        yield from _array(origin, _Bytes(content, stream))
    else:
        yield from _lines(origin, _Bytes(content, stream))


def parsed(origin: str, line: int, raw: bytes) -> Found:
    """One object's text, read; a problem says what is wrong with it."""
    text = raw.decode("utf-8", "replace")
    try:
        value = _decoder.decode(raw)
    except RecursionError:
        return Found(origin, line, text, problem=Problem("malformed", "nested too deeply"))
    except UnicodeDecodeError:
        return Found(origin, line, text, problem=Problem("malformed", "not valid UTF-8"))
    except (msgspec.DecodeError, ValueError) as error:
        return Found(origin, line, text, problem=Problem("malformed", _said(error)))
    return as_found(origin, line, text, value)


def as_found(origin: str, line: int, text: str, value: Any) -> Found:
    """A decoded value in a place where an object is due."""
    if not isinstance(value, dict):
        return Found(origin, line, text, problem=Problem("malformed", "not a JSON object"))
    return Found(origin, line, text, fields=value)


def _said(error: Exception) -> str:
    message = str(error).removeprefix("JSON is malformed: ")
    if message == "Input data was truncated":
        message = "it ends in the middle, or holds half a character"
    return f"not valid JSON: {message}"


class _Bytes:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self.buffer = head
        self.stream = stream

    def more(self) -> bytes:
        """The next bytes; empty at the end."""
        head, self.buffer = self.buffer, b""
        return head or self.stream.read(_CHUNK)


def _lines(origin: str, source: _Bytes) -> Iterator[Found]:
    line = 0
    rest = b""
    skipping = False
    while chunk := source.more():
        *whole, rest = (rest + chunk).split(b"\n")
        for raw in whole:
            line += 1
            if skipping:
                skipping = False
                continue
            if raw.strip():
                yield parsed(origin, line, raw)
        if len(rest) > LONGEST_OBJECT:
            if not skipping:
                yield _too_long(origin, line + 1, rest)
            skipping, rest = True, b""
    if rest.strip() and not skipping:
        yield parsed(origin, line + 1, rest)


def _array(origin: str, source: _Bytes) -> Iterator[Found]:
    for raw, line, is_whole in _elements(source):
        if is_whole:
            yield parsed(origin, line, raw)
            continue
        problem = Problem("truncated", "the file ends before the array does")
        # One place without an id: what else the array held is not known.
        yield Found(origin, line, "", problem=problem)
        if raw.strip():
            yield Found(origin, line, raw.decode("utf-8", "replace"), problem=problem)


def _elements(source: _Bytes) -> Iterator[tuple[bytes, int, bool]]:
    """(an element's bytes, the line it begins on, whether it was there to its end).

    Only brackets and quotes tell where an element ends, so that a malformed one is one reject. One
    whose brackets never close is given up at the next line that begins an object.
    """
    buffer = source.more()
    at = buffer.index(b"[") + 1
    line = 1 + buffer.count(b"\n", 0, at)
    while True:
        start = _BETWEEN.search(buffer, at)
        if start is None:
            line += buffer.count(b"\n", at)
            buffer, at = source.more(), 0
            if not buffer:
                yield b"", line, False
                return
            continue
        line += buffer.count(b"\n", at, start.start())
        at = start.start()
        if start.group() == b"]":
            return
        end = _end_of_element(buffer, at)
        while end is None and len(buffer) - at < LONGEST_OBJECT and (chunk := source.more()):
            buffer, at = buffer[at:] + chunk, 0
            end = _end_of_element(buffer, at)
        if end is None or end == _BROKEN:
            next_one = _NEXT_OBJECT.search(buffer, at)
            end = next_one.start() if next_one else None
        yield buffer[at:end], line, end is not None
        if end is None:
            return
        line += buffer.count(b"\n", at, end)
        at = end


def _end_of_element(buffer: bytes, at: int) -> int | None:
    """Where the element that begins at `at` ends; None if that is not in the buffer, `_BROKEN` if
    its brackets do not match.
    """
    if buffer[at : at + 1] not in (b"{", b"["):
        bare = _BARE_END.search(buffer, at + 1)
        return bare.start() if bare else None
    closing: list[bytes] = []
    for token in _TOKEN.finditer(buffer, at):
        if token.group() in _CLOSES:
            closing.append(_CLOSES[token.group()])
        elif token.group() in (b"}", b"]"):
            if token.group() != closing.pop():
                return _BROKEN
            if not closing:
                return token.end()
        elif token.end() == len(buffer):
            return None
    return None


def _too_long(origin: str, line: int, raw: bytes) -> Found:
    limit = LONGEST_OBJECT // 2**20
    problem = Problem("malformed", f"longer than {limit} MiB: not one Planhat object")
    return Found(origin, line, raw[:10_000].decode("utf-8", "replace"), problem=problem)
