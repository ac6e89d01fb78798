"""try: an edited model or a changed setting, beside the truth."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from include.cli.pipeline import person
from include.cli.words import split
from include.errors import SettingError
from include.private_files import open_private
from include.settings import load_settings
from include.terminal import as_line
from include.warehouse.connection import warehouse_url


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("try")(try_it)


def try_it(
    model: Annotated[str, typer.Option(help="Models to try, by spaces; all that differ.")] = "",
    since: Annotated[str, typer.Option(help="What differs from this revision of git: main.")] = "",
    setting: Annotated[
        str,
        typer.Option(help="'sync.blocked_identities + kiosk@x', several parted by semicolons."),
    ] = "",
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write all of it there, people's data too.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write Markdown for a pull request there.")
    ] = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="Show people's data in examples.")
    ] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Drop what killed tries left.")] = False,
) -> None:
    """An edit, or a setting, beside the truth: what it would change. Nothing of it is kept.

    Exit 0: nothing outside differs, 2: something does, 1: it cannot be made.
    """
    from include.trying import report as words
    from include.trying.trying import Asked, drop_leftovers, try_it

    settings = load_settings()
    url = warehouse_url(settings)
    if clean:
        drop_leftovers(url)
        return
    _refuse_blank(MODEL=model, SINCE=since, SETTING=setting)
    if model and since:
        raise SettingError("MODEL names what is tried already: leave SINCE out.")
    for file in (as_json, report):
        if file is not None and not file.resolve().parent.is_dir():
            raise SettingError(f"There is no folder to write {file} into.")
    found = try_it(
        url,
        settings,
        Asked(tuple(split(model, "MODEL")), since, (setting,) if setting else ()),
        by=person(),
        say=lambda line: print(as_line(line), file=sys.stderr),
    )
    if as_json is not None:
        with open_private(as_json) as written:
            json.dump(words.as_dict(found), written, ensure_ascii=False, indent=2)
    if report is not None:
        with open_private(report) as written:
            written.write(words.markdown(found, personal=personal))
    for line in words.lines(found, personal=personal):
        print(as_line(line))
    raise typer.Exit(found.exit_code)


def _refuse_blank(**given: str) -> None:
    for name, value in given.items():
        if value and not value.strip():
            raise SettingError(f"{name} is blank: say what, or leave it out.")
