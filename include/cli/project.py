"""dbt, docs, profile: the dbt project against the warehouse of the settings."""

import os
from typing import Annotated, Any

import typer

from include.cli.words import split
from include.errors import ProblemError
from include.settings import Settings, load_settings
from include.warehouse.connection import connect, warehouse_url


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (dbt, docs, profile):
        app.command()(command)


def dbt(
    arguments: Annotated[str, typer.Option(help="What dbt is to do: 'ls', 'show --select x'.")],
) -> None:
    """Any dbt command against the warehouse; `build` is better made with `make build`."""
    _run_dbt(load_settings(), split(arguments, "ARGS"))


def docs() -> None:
    """The warehouse's tables and columns, described, and which column comes of which: two pages."""
    from include.build.docs_site import write_pages

    settings = load_settings()
    _run_dbt(settings, ["docs", "generate", "--static", "--quiet"])
    target = settings.data_dir / "dbt" / "target"
    for page in write_pages(target, settings.data_dir / "docs"):
        print(f"file://{page}")


def profile() -> None:
    """Write dbt_project/profiles.yml, with which dbt by hand and an IDE find the warehouse."""
    from include.build.profile import write_profile

    settings = load_settings()
    url = warehouse_url(settings)
    connect(url, application_name="profile").close()  # one clear line if it does not answer
    print(write_profile(url))


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
