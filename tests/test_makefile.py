"""`make` hands a value over as it is, whatever a stranger wrote into it: nothing of it is run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from include.settings import ROOT

pytestmark = pytest.mark.starts

MAKEFILE = (ROOT / "Makefile").read_text()
TOUCH = "touch pwned"

# Each runs a command, writes a file or stops make where a shell or make reads it.
HOSTILE = [
    # the shell's language
    f'";{TOUCH};"', f"';{TOUCH};'", f"$({TOUCH})", f"`{TOUCH}`", f'"$({TOUCH})"', f"'`{TOUCH}`'",
    f";{TOUCH}", f"|{TOUCH}", f"||{TOUCH}", f"&{TOUCH}&", f"&&{TOUCH}", "> pwned", ">>pwned",
    f"\n{TOUCH}\n", f"a\n\t{TOUCH}", f"a\r\n{TOUCH}\r\n", f"\\\n{TOUCH}", f"a #\n{TOUCH}",
    f"<({TOUCH})", f"${{x:=$({TOUCH})}}", f"$$({TOUCH})", "$HOME", "${HOME}", "$$", "$$$$", "$0",
    "~", "*", "?", "[a-z]*", "{a,b}", "!!", "a b  c", "a\tb", "'", '"', "\\", "\\\\", '\\"', "`",
    # make's
    f"$(shell {TOUCH})", f"${{shell {TOUCH}}}", f"$$(shell {TOUCH})", f"$$$(shell {TOUCH})",
    f"$(eval $(shell {TOUCH}))", "$(eval override CLI := touch pwned #)", "$(file >pwned,x)",
    "$(error stopped)", "$(info said)", "$(warning said)", "$(MAKE)", "$(CLI)", "$(1)", "$(ID)",
    "$(value ID)", "$(call option,ID,id)", "$(", "${", "$", "a$", ")", "}", "$(shell", "@echo",
    "a=b", ":=b", "::=b", "+=b", f"!={TOUCH}", f"a != {TOUCH}", "a:b", "%", "a%b", "#", "a#b",
    "define x", "endef", "include /etc/passwd", "override ID := x", "export", "\\#",
    # the command's own
    "-x", "--", "--help", "--full", "-", "@file", "0x", "null", "() { :; }; " + TOUCH,
    # what is no ASCII, or much
    "Zoë", "\u202e", "日本", "\x1b[2J", "\x7f", "a" * 60_000, "$" * 60_000, " \\" * 30_000,
]  # fmt: skip

# Each ASCII character there is; a value cannot hold NUL.
CHARACTERS = [f"a{chr(code)}b" for code in range(1, 128)]


def _targets() -> dict[str, dict[str, str]]:
    """Each command with the make variables that it takes a value from: `{"why": {"ID": "id"}}`."""
    found: dict[str, dict[str, str]] = {}
    for name, recipe in re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE):
        options = re.findall(r"\$\(call option,(\w+),([a-z-]+)\)", recipe)
        if options:
            found[name] = dict(options)
    return found


TARGETS = _targets()


def _groups() -> list[dict[str, dict[str, str]]]:
    """Commands that can be called at once: what one takes a value from is no other's yes or no."""
    recipes = dict(re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE))
    groups: list[dict[str, dict[str, str]]] = []
    for name, options in TARGETS.items():
        flags = set(re.findall(r"\$\(call flag,(\w+)", recipes[name]))
        for group in groups:
            taken = {each for others in group.values() for each in others}
            theirs = {
                each for other in group for each in re.findall(r"call flag,(\w+)", recipes[other])
            }
            if flags.isdisjoint(taken) and theirs.isdisjoint(options):
                group[name] = options
                break
        else:
            groups.append({name: options})
    return groups


GROUPS = _groups()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile beside a Python that writes down what it was called with."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "include").mkdir()
    for name in ("Makefile", ".env.example", "requirements.txt", "include/bootstrap.py"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf \'%s\\0\' "$@" "$PYTEST_ADDOPTS"\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / "ready").touch()
    return tmp_path


def make(folder: Path, *arguments: str | bytes, **given: str) -> list[str]:
    """What `.venv/bin/python` was called with, and its PYTEST_ADDOPTS; nothing else is done."""
    before = sorted(each.name for each in folder.iterdir())
    kept = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["make", "-s", *arguments], cwd=folder, env=kept | given, stdin=subprocess.DEVNULL,
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert sorted(each.name for each in folder.iterdir()) == before, arguments
    assert (done.returncode, done.stderr) == (0, b""), arguments
    return [os.fsdecode(each) for each in done.stdout.split(b"\0")[:-1]]


def handed_over(folder: Path, *arguments: str | bytes, **given: str) -> list[str]:
    """The arguments alone."""
    return [each for each in make(folder, *arguments, **given) if each]


def test_every_command_that_takes_a_value_is_tried() -> None:
    assert {"why", "plan", "push", "load", "planhat", "source", "replay", "dbt"} <= set(TARGETS)
    assert TARGETS["why"] == {"ID": "id", "EXPORT": "export"}


def test_no_recipe_reads_a_value_in_another_way() -> None:
    recipes = "".join(re.findall(r"^\t.*\n", MAKEFILE, re.MULTILINE))
    ours = {"PY", "CLI", "NO_SETTINGS", "MAKEFILE_LIST", "MEANS_YES"}
    assert set(re.findall(r"(?<!\$)\$[({]([A-Z_]+)", recipes)) <= ours


def test_a_hostile_value_arrives_as_it_was_given(checkout: Path) -> None:
    for value in HOSTILE:
        # all of the environment's texts together may not be as long as one of them may
        short = len(value) < 1_000
        for targets in GROUPS if short else [{"why": TARGETS["why"]}]:
            names = {name for options in targets.values() for name in options}
            said = handed_over(checkout, *targets, *(f"{name}={value}" for name in names))
            # make itself drops blanks at the beginning
            wanted = [
                each
                for target, options in targets.items()
                for each in (
                    target,
                    *(f"--{option}={value.lstrip()}" for option in options.values()),
                )
            ]
            assert [each for each in said if each not in ("-m", "include.cli")] == wanted


def test_any_character_arrives(checkout: Path) -> None:
    for value in CHARACTERS:
        assert handed_over(checkout, "why", f"ID={value}")[-1] == f"--id={value}"
    odd = handed_over(checkout, "why", b"ID=a\xff\xc3(b")
    assert os.fsencode(odd[-1]) == b"--id=a\xff\xc3(b"


def test_a_value_of_the_environment_arrives_as_well(checkout: Path) -> None:
    for value in HOSTILE:
        assert handed_over(checkout, "why", ID=value)[-1] == f"--id={value}"


def test_what_no_command_asks_for_is_not_run_either(checkout: Path) -> None:
    for value in HOSTILE:
        assert handed_over(checkout, "why", f"OTHER={value}", f"DATA_DIR={value}", "ID=x")


def test_what_is_for_pytest_reaches_it_as_text(checkout: Path) -> None:
    for value in HOSTILE:
        *arguments, options = make(checkout, "test", f"ARGS={value}")
        assert arguments == ["-m", "pytest"]
        assert options.endswith(f" {value.lstrip()}")


def test_the_python_to_begin_with_is_a_path_and_no_command(checkout: Path) -> None:
    (checkout / "include" / "bootstrap.py").write_text("print('made')")
    for value in HOSTILE:
        if TOUCH in value:
            (checkout / ".venv" / "ready").unlink(missing_ok=True)
            assert make(checkout, "setup", f"PYTHON={value}") == []


def test_a_flag_is_on_unless_it_says_no(checkout: Path) -> None:
    for value in ("1", "yes", "true"):
        assert handed_over(checkout, "build", f"FULL={value}")[-1] == "--full"
    for value in ("", "0", "no", "false"):
        assert handed_over(checkout, "build", f"FULL={value}")[-1] == "build"


def test_a_flag_that_is_neither_is_refused_and_runs_nothing(checkout: Path) -> None:
    before = sorted(each.name for each in checkout.iterdir())
    for value in (f"$(shell {TOUCH})", f"`{TOUCH}`", f"1; {TOUCH}", f"1 $(shell {TOUCH})"):
        refused = subprocess.run(
            ["make", "-s", "build", f"FULL={value}"], cwd=checkout, stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert refused.returncode != 0
        assert b"FULL is 1 or 0" in refused.stderr
        assert sorted(each.name for each in checkout.iterdir()) == before
