"""The names that make was given, held against what a command takes: `FULL=` is `--full`.

An unknown one is refused before anything is done. make itself takes any name without a word, and
`make push MODEL=company` would push every model.
"""

from collections.abc import MutableMapping
from dataclasses import fields

import typer

from include.errors import SettingError
from include.nearest import unknown
from include.settings import Settings

# Written by the Makefile; not for the processes that a command starts.
VARIABLE = "MAKE_GIVEN"

# What any command may be given besides: settings for this once.
SETTINGS = {each.name.upper() for each in fields(Settings)} | {"PYTHON"}
SETTINGS_BEGIN = ("AIRFLOW_", "PG")

# Options whose variable has another name.
OTHER_NAMES = {"ARGUMENTS": "ARGS"}


def refuse_other_names(
    app: typer.Typer, arguments: list[str], environ: MutableMapping[str, str]
) -> None:
    """Raise `SettingError` for a name that the command does not take, with the nearest it does."""
    given = environ.pop(VARIABLE, "").split()
    if not given or not arguments:
        return
    command = getattr(typer.main.get_command(app), "commands", {}).get(arguments[0])
    if command is None:
        return
    options = [
        option.removeprefix("--").replace("-", "_").upper()
        for parameter in command.params
        for option in parameter.opts
        if option != "--help"
    ]
    takes = [OTHER_NAMES.get(name, name) for name in options]
    for name in given:
        if name in SETTINGS or name.startswith(SETTINGS_BEGIN):
            continue
        if problem := unknown([name], takes, "variable"):
            setting = unknown([name], sorted(SETTINGS), "variable") or ""
            if "did you mean" in setting and "did you mean" not in problem:
                problem = setting
            raise SettingError(f"make {arguments[0]}: {problem} Nothing was done.")
