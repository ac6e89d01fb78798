"""lint-sql, docs: the dbt project's own files."""

import typer


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
