"""What a terminal obeys is shown to it, written out."""

import subprocess
import sys
import unicodedata

import pytest

from include.settings import ROOT
from include.terminal import as_line, shown
from tests.include.running import environment

# By Unicode's own names for them, apart from the module's.
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
BIDI = [
    chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
]
LINES = ["\u2028", "\u2029"]
INVISIBLE = ["\u200b", "\u2060", "\ufeff", "\u00ad", "\U000e0041", "\ud800", "\udfff"]
OBEYED = CONTROLS + BIDI + LINES + INVISIBLE


@pytest.mark.parametrize("character", OBEYED, ids=lambda each: f"U+{ord(each):04X}")
def test_what_a_terminal_obeys_is_written_out(character: str) -> None:
    text = shown(f"a{character}b")
    assert character not in text
    assert text.isascii()
    assert text.startswith("a\\")
    assert f"{ord(character):x}" in text or text in ("a\\rb",)


def test_no_character_of_unicode_that_is_obeyed_passes() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    passed = {unicodedata.category(each) for each in shown(every).replace("\u200c", "")
              .replace("\u200d", "").replace("\n", "").replace("\t", "")}  # fmt: skip
    assert not passed & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert {"Lo", "So", "Mn", "Zs"} <= passed


@pytest.mark.parametrize(
    "text", ["Zoë Müller", "日本 ✓ ✗ …", "👩\u200d💻", "\u0645\u06cc\u200c\u062e", "a\tb\nc", ""]
)
def test_what_people_write_is_left_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_a_value_cannot_begin_a_line_of_its_own() -> None:
    assert as_line("a\nRun 7: success\r\n\tb\u2028c") == r"a\nRun 7: success\r\n\tb\u2028c"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_whatever_says_it_passes_through_it(stream: str, encoding: str) -> None:
    script = (
        "import logging, sys, typer\n"
        "from include.terminal import clean_output\n"
        "clean_output(); clean_output()\n"
        f"out = sys.{stream}\n"
        "print('1 \\x1b[2J', file=out)\n"
        "out.writelines(['2 \\x9b1m', '\\n'])\n"
        f"typer.echo('3 \\x1b]0;x\\x07', err={stream == 'stderr'})\n"
        "logging.StreamHandler(out).emit(logging.makeLogRecord({'msg': '4 \\u202e'}))\n"
        "print('5 \\ud800 é →', file=out, end='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True,
        env=environment(PYTHONIOENCODING=encoding),
    )  # fmt: skip
    letters = "é →" if encoding == "utf-8" else r"é \u2192"
    said = getattr(done, stream).decode(encoding)
    assert said.splitlines() == [
        r"1 \x1b[2J", r"2 \x9b1m", r"3 \x1b]0;x\x07", r"4 \u202e", rf"5 \ud800 {letters}",
    ]  # fmt: skip
