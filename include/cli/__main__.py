"""Gathers the commands, and sees to it that a person reads one line instead of a traceback."""

import os
import sys
import traceback

import psycopg
import typer

from include.cli import (
    audit,
    bench,
    columns,
    compare,
    data,
    forget,
    identity,
    pipeline,
    privacy,
    project,
    reports,
    retention,
    services,
    sources,
    trying,
    why,
)
from include.cli.given import refuse_other_names
from include.errors import ProblemError, SettingError
from include.private_files import open_private
from include.settings import load_settings
from include.terminal import clean_output
from include.warehouse import problems

app = typer.Typer(
    name="python -m include.cli",
    help="The open Planhat and Segment integration. `make` alone lists the same commands.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (
    services, pipeline, trying, data, columns, compare, sources, identity, privacy, retention,
    why, forget, reports, project, audit, bench,
):  # fmt: skip
    group.register(app)


def main() -> None:
    """Run the command; exit as `include.errors` says, with one line on stderr."""
    clean_output()
    try:
        refuse_other_names(app, sys.argv[1:], os.environ)
        _refuse_other_bytes(sys.argv[1:])
        # Left to itself it says four lines of a wrong option, and ends with the code of *partial*.
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except typer.TyperException as wrong:
        print(_usage(wrong), file=sys.stderr)
        sys.exit(1)
    except ProblemError as problem:
        print(" ".join(str(problem).split()), file=sys.stderr)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
    except psycopg.Error as error:
        print(problems.line(error) or f"Unexpected: {_keep(error)}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:  # a defect of ours: say where its story is, not the story
        print(f"Unexpected: {_keep(error)}", file=sys.stderr)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse_other_bytes(arguments: list[str]) -> None:
    """Raise `SettingError` for what is not UTF-8: no database, and no file of ours, can hold it."""
    for each in arguments:
        if each.encode(errors="replace").decode() != each:
            raise SettingError(f"This is not UTF-8 and cannot be read: {each}")


def _usage(wrong: typer.TyperException) -> str:
    """A wrong option or value in a line, with where the right ones are."""
    said = " ".join(wrong.format_message().split())
    context = getattr(wrong, "ctx", None)
    return f"{said} See {context.command_path} --help." if context else said


def _keep(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0][:200]
    line = f"{type(error).__name__}: {first}"
    try:
        file = load_settings().data_dir / "logs" / "errors.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        with open_private(file, append=True) as log:  # a message may quote a value
            traceback.print_exc(file=log)
    except Exception:  # nowhere to write: better half a story than none
        return line
    return f"{line} (please report it with the end of {file})"


if __name__ == "__main__":
    main()
