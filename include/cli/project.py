"""dbt, docs: the dbt project against the warehouse of the settings."""

import os
import shutil
from typing import Annotated, Any

import typer

from include.cli.words import split
from include.errors import ProblemError
from include.settings import Settings, load_settings
from include.warehouse.connection import connect, warehouse_url


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (dbt, docs):
        app.command()(command)


def dbt(
    arguments: Annotated[str, typer.Option(help="What dbt is to do: 'ls', 'show --select x'.")],
) -> None:
    """Any dbt command against the warehouse; `build` is better made with `make build`."""
    _run_dbt(load_settings(), split(arguments, "ARGS"))


def docs() -> None:
    """The warehouse's tables and columns, with their descriptions, as one HTML file."""
    settings = load_settings()
    _run_dbt(settings, ["docs", "generate", "--static", "--quiet"])
    page = settings.data_dir / "docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(settings.data_dir / "dbt" / "target" / "static_index.html", page)
    print(f"file://{page}")


def _run_dbt(settings: Settings, arguments: list[str]) -> Any:
    from dbt.cli.main import dbtRunner

    from include.build import dbt_options, warehouse_environment

    url = warehouse_url(settings)
    connect(url, application_name="dbt").close()  # one clear line if it does not answer
    os.environ.update(warehouse_environment(url))
    # What it shows of rows passes `include.terminal`, which would write its colours out.
    os.environ["DBT_USE_COLORS"] = "false"
    options = dbt_options(settings)
    at = options.index("--threads")  # not every command of dbt knows it; the profile has it too
    outcome = dbtRunner().invoke([*arguments, *options[:at], *options[at + 2 :]])
    if not outcome.success:
        reason = outcome.exception or "what it said is above"
        raise ProblemError(f"dbt {arguments[0] if arguments else ''} failed: {reason}")
    return outcome.result
