"""The calls in a file, in whichever of the usual forms it has.

JSON lines, each a call, a list of calls or a `{"batch": […]}` as a client posts it; or JSON that is
spread over the lines: a list, or objects one after the other. Packed by gzip or not, with a byte
order mark or not. A file is read as a stream, however large it is.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from include.collector import protocol, scan
from include.collector.errors import Refused
from include.collector.event import Envelope
from include.collector.options import WEBHOOK_LIMITS
from include.errors import ProblemError

# What one line, or one member of a list, may have: far more than a batch may.
LONGEST_PIECE = 64 * 1024 * 1024

_CHUNK = 1024 * 1024
_GZIP = b"\x1f\x8b"
_NAMES_BATCH = re.compile(rb'"batch"')
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class BrokenOff(ProblemError):
    """A file that cannot be read to its end; what was before is as good as any."""

    def __init__(self, path: Path, why: str):
        super().__init__(f"{path} cannot be read on: {why}. What was before it landed.")


class Call(NamedTuple):
    """A call as it stands in a file: the line that it begins in, and what its batch says for it.

    `size` is that of both in bytes.
    """

    line: int
    raw: bytes
    envelope: Envelope
    size: int


# A line's number and what is in it.
_Piece = tuple[int, bytes]


def calls_of(path: Path) -> Iterator[Call]:
    """The calls of a file, in their order. Raises `BrokenOff` where it cannot be read on."""
    nothing = Envelope()
    for line, raw in _pieces(path):
        found = _batch(raw) if raw[:1] == b"[" or _NAMES_BATCH.search(raw) else None
        if found is None or (said := found.envelope.size) > WEBHOOK_LIMITS.event_bytes:
            yield Call(line, raw, nothing, len(raw))
        else:
            for each in found.items:
                yield Call(line, each, found.envelope, len(each) + said)


def must_hold_calls(path: Path) -> None:
    """Raises `ProblemError` for a file in which nothing looks like a call; an empty one may be."""
    is_empty = True
    try:
        for _, raw in _pieces(path):
            is_empty = False
            if raw[:1] in (b"{", b"[") and (b'"type"' in raw or b'"batch"' in raw):
                return
    except BrokenOff:
        return  # said when it is landed
    if not is_empty:
        raise ProblemError(
            f'{path} is no file of calls: those are JSON with a "type" each, a call a line, in a '
            'list, or in {"batch": […]}; .gz is unpacked.'
        )


def _batch(raw: bytes) -> protocol.Calls | None:
    """The calls of a list or a batch; None for what cannot be taken apart, such as one call."""
    try:
        return protocol.webhook(raw) if raw[:1] == b"[" else protocol.batch(raw)
    except Refused:
        return None


def _pieces(path: Path) -> Iterator[_Piece]:
    try:
        is_spread = _is_spread(path)
        with _opened(path) as file:
            yield from _Spread(path).pieces(file) if is_spread else _lines(path, file)
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenOff(path, str(error)) from None


def _opened(path: Path) -> BinaryIO:
    """The file, unpacked, behind its byte order mark."""
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP
    opened = cast(BinaryIO, (gzip.open if is_packed else open)(path, "rb"))
    head = opened.read(3)
    if head[:2] in _UTF_16:
        opened.close()
        raise ProblemError(f"{path} is UTF-16: save it as UTF-8.")
    if head != protocol.BYTE_ORDER_MARK:
        opened.seek(0)
    return opened


# A piece a line


def _lines(path: Path, file: BinaryIO) -> Iterator[_Piece]:
    number = 0
    while line := file.readline(LONGEST_PIECE):
        number += 1
        if len(line) == LONGEST_PIECE:
            raise _too_long(path, number)
        # files that were put together have a mark wherever one of them began
        raw = line.strip()
        if raw.startswith(protocol.BYTE_ORDER_MARK):
            raw = raw.removeprefix(protocol.BYTE_ORDER_MARK).strip()
        if raw:
            yield number, raw


def _is_spread(path: Path) -> bool:
    """Whether its JSON goes over line ends: a list, or an object that goes on in the next line."""
    with _opened(path) as file:
        # the beginning of a line is enough: it may be a list that is the whole of a large file
        beginnings = (line.strip() for line in iter(lambda: file.readline(_CHUNK), b""))
        first, following = (next(filter(None, beginnings), b"") for _ in range(2))
    if first[:1] == b"[":
        return True
    is_whole = len(first) > _CHUNK // 2 or scan.pieces(first) is not None
    return first[:1] == b"{" and not is_whole and following[:1] not in (b"", b"{", b"[")


# Pieces between brackets


class _Spread:
    """The members of the lists, and the objects beside them, as they stand in the lines."""

    def __init__(self, path: Path):
        self._path = path
        self._text = b""  # what is not done with
        self._start = self._place = 0  # in it: where a piece begins, how far it has been looked at
        self._line = 1  # at the start
        self._depth = 0
        self._is_list = False

    def pieces(self, file: BinaryIO) -> Iterator[_Piece]:
        while chunk := file.read(max(_CHUNK, len(self._text))):
            self._text += chunk
            yield from self._found()
            self._text = self._text[self._start :]
            self._place -= self._start
            self._start = 0
            if len(self._text) > LONGEST_PIECE:
                raise _too_long(self._path, self._line)
        if self._depth or self._text.strip():
            raise BrokenOff(self._path, f"what begins in line {self._line} does not end")

    def _found(self) -> Iterator[_Piece]:
        for mark, begin, end in scan.marks(self._text, self._place):
            if mark == b'"':  # a text that goes on in the next chunk
                return
            self._place = end
            if mark in b"[{":
                if self._depth == 0:
                    self._open(mark, begin, end)
                self._depth += 1
            elif self._depth == 0:
                raise _no_json(self._path, self._line_of(begin))
            elif mark in b"]}":
                self._depth -= 1
                if self._depth == 0:
                    yield from self._piece(begin if self._is_list else end, end)
            elif mark == b"," and self._depth == 1 and self._is_list:
                yield from self._piece(begin, end)

    def _open(self, mark: bytes, begin: int, end: int) -> None:
        if self._text[self._start : begin].strip():
            raise _no_json(self._path, self._line_of(begin))
        self._is_list = mark == b"["
        self._go_to(end if self._is_list else begin)

    def _piece(self, piece_end: int, end: int) -> Iterator[_Piece]:
        if raw := self._text[self._start : piece_end].strip():
            yield self._line_of(piece_end), raw
        self._go_to(end)

    def _line_of(self, end: int) -> int:
        """The line in which begins what is between the start and there, behind white space."""
        between = self._text[self._start : end]
        return self._line + between.count(b"\n", 0, len(between) - len(between.lstrip()))

    def _go_to(self, place: int) -> None:
        self._line += self._text.count(b"\n", self._start, place)
        self._start = place


def _no_json(path: Path, line: int) -> BrokenOff:
    return BrokenOff(path, f"line {line} is no JSON")


def _too_long(path: Path, line: int) -> BrokenOff:
    size = LONGEST_PIECE // 1024 // 1024
    return BrokenOff(path, f"what begins in line {line} has more than {size} MB")
