"""Texts that strangers chose, on a terminal: shown, never obeyed.

A terminal does what it reads: an escape sequence in a message id moves the cursor over what was
said before, renames the window or types for its owner; a bidi override shows `gpj.exe` as
`exe.jpg`. What the commands say passes here, whoever says it and wherever it comes from.
"""

import io
import re
import sys
import unicodedata
from typing import TextIO

# Emoji and Persian are written with the joiners; they change nothing but the letters beside them.
_JOINERS = "\u200c\u200d"
# Control, format and surrogate characters, separators of lines and paragraphs.
_OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
_LINES = re.compile(r"[\n\t]")


def shown(text: str) -> str:
    r"""The text with what a terminal would obey written out, as `\x1b`; of any number of lines."""
    if text.isprintable():
        return text
    return "".join(each if each in "\n\t" else _written_out(each) for each in text)


def as_line(text: str) -> str:
    r"""The same in one line, whatever is in it: a value cannot begin a line of its own."""
    return _LINES.sub(lambda found: _written_out(found[0]), shown(text))


def clean_output() -> None:
    """Let all that this process says from now on, on standard output and error, pass `shown`."""
    sys.stdout = _clean(sys.stdout)
    sys.stderr = _clean(sys.stderr)


class _Clean(io.TextIOWrapper):
    def write(self, text: str) -> int:
        super().write(shown(text))
        return len(text)


def _clean(stream: TextIO) -> TextIO:
    if isinstance(stream, _Clean) or not isinstance(stream, io.TextIOWrapper):
        return stream  # one that was closed from the start, or that a test reads
    return _Clean(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace",  # a terminal without our letters: a mark instead of a fault
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _written_out(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _OBEYED:
        return character
    return character.encode("unicode_escape").decode()
