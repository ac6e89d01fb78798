"""suppress: whose calls are answered and never stored."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from include.cli.pipeline import person
from include.errors import SettingError
from include.settings import load_settings
from include.warehouse.migrate import migrated_warehouse


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(suppress)


def suppress(
    id: Annotated[str, typer.Option(help="A user id, e-mail or anonymous id.")] = "",
    file: Annotated[Path | None, typer.Option(help="Or a file of them, one a line.")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept, because the list names nobody.")] = "",
    kind: Annotated[
        str, typer.Option(help="user_id, email or anonymous_id; without it, all that it may be.")
    ] = "",
    off: Annotated[bool, typer.Option("--off", help="Let their calls land again.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="With OFF=1: calls of this day and later."),
    ] = None,
) -> None:
    """Turn somebody's calls away: answered as ever, stored nowhere; without an id: how many."""
    from include.privacy import suppression
    from include.privacy.id_lists import ids_of

    ids = [id] if id else ids_of(file) if file else []
    if not id and file is None:
        if reason or kind or off or since:
            raise SettingError("Name whom: ID=, or FILE= with one a line.")
        return _tell()
    if id and file is not None:
        raise SettingError("Either ID= or FILE=.")
    if since is not None and not off:
        raise SettingError("SINCE= belongs to OFF=1: calls are turned away from now on.")
    url = migrated_warehouse(load_settings())
    if off:
        day = since.date() if since else None
        done = suppression.lift(url, ids, by=person(), since=day, kind=kind or None)
        print(suppression.said(done, "suppressed no more"))
    else:
        done = suppression.suppress(url, ids, by=person(), reason=reason, kind=kind or None)
        print(suppression.said(done, "suppressed"), "Collectors know it within 5 seconds.")
    return None


def _tell() -> None:
    from include.privacy import suppression
    from include.warehouse.reading import read_only

    with read_only(migrated_warehouse(load_settings())) as connection:
        found = suppression.listed(connection)
    if not found.suppressed + found.lifted:
        print("Nobody is suppressed.")
        return
    at = f"{found.last_at:%Y-%m-%d %H:%M}" if found.last_at else ""
    print(
        f"{found.suppressed:,} keys are suppressed, {found.lifted:,} no more; "
        f"the last change by {found.last_by}, {at} UTC. The list holds hashes and names nobody."
    )
