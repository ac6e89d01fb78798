"""forget: people, with a receipt."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from include.cli.pipeline import person
from include.errors import ProblemError, SettingError
from include.settings import Settings, load_settings, segment_api_connection
from include.terminal import as_line
from include.warehouse.migrate import migrated_warehouse

if TYPE_CHECKING:
    import psycopg

    from include.connections import PlanhatConnection, SegmentApiConnection
    from include.privacy.forgetting import Person


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(forget)


def forget(  # noqa: PLR0913, PLR0917
    identifier: Annotated[
        str, typer.Option("--id", help="A user id, e-mail, anonymous id or enduser id.")
    ] = "",
    file: Annotated[Path | None, typer.Option(help="Many of them, a line each.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Without asking.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the receipt; it should name nobody.")] = "",
    suppress: Annotated[
        bool, typer.Option("--suppress", help="And store nothing of what still comes of them.")
    ] = False,
    segment: Annotated[
        bool, typer.Option("--segment", help="And ask Segment to delete them (SUPPRESS: for good).")
    ] = False,
    planhat: Annotated[
        bool, typer.Option("--planhat", help="And delete their endusers in Planhat.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="How far Segment and Planhat are, and forget nobody.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Whoever the receipts mean: after a restore.")
    ] = False,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Whoever `delete` calls ask for, and who waits.")
    ] = False,
    receipts: Annotated[
        Path | None, typer.Option(help="Write all receipts into this file, and forget nobody.")
    ] = None,
) -> None:
    """Forget people: first what would go, then a question, then a receipt.

    Interrupted, the same command goes on. Exit 1: an id that is not one person's, or nobody said
    yes; then nothing was done.
    """
    from include.build.for_forgetting import builds_of
    from include.privacy import forgetting
    from include.privacy.forgetting.outward import Elsewhere, ask_others
    from include.privacy.forgetting.requests import work_off
    from include.warehouse.connection import connect

    settings = load_settings()
    others = _others(settings, segment=segment, planhat=planhat)
    url = migrated_warehouse(settings)
    if receipts is not None:
        _export(url, receipts)
        return
    if status:
        _say_how_far(url, settings, others)
        return
    ids = _ids(identifier, file, again=again, waiting=waiting)
    builds = builds_of(url, settings, requested_by="make forget", say=print)
    # what has landed until now is looked for in tables
    builds.make()
    with connect(url, application_name="forget", autocommit=True) as connection:
        people = _people(connection, settings, ids, again=again)
        if not people:
            print("Nobody of the receipts is here." if again else "Nobody waits who can be found.")
            return
        for line in forgetting.plan_for(connection, settings.data_dir, people).lines():
            print(as_line(line))
        for line in _elsewhere_lines(segment=segment, planhat=planhat, suppress=suppress):
            print(line)
    if not yes and not _asked(len(people)):
        raise ProblemError("Nothing was done. YES=1 says yes beforehand.")
    by = f"{person()} at the command line"
    if suppress:
        # before anything goes: what comes meanwhile is theirs as well
        forgetting.keep_away(url, people, by=by, reason=reason)
    elsewhere = Elsewhere(segment, suppress, planhat)
    if waiting:
        done = work_off(
            url, settings.data_dir, builds=builds, by=by, every=True, also=elsewhere,
            say=lambda line: print(as_line(line)),
        )  # fmt: skip
    else:
        done = forgetting.forget(
            url, settings.data_dir, people,
            by=by, reason=reason,
            occasion="again" if again else "forget", builds=builds, elsewhere=elsewhere,
            say=lambda line: print(as_line(line)),
        )  # fmt: skip
    for written in done.files:
        print(f"receipt: {written}")
    if segment or planhat:
        ask_others(url, settings.data_dir, segment=others[0], planhat=others[1])


def _others(
    settings: Settings, *, segment: bool, planhat: bool
) -> "tuple[SegmentApiConnection | None, PlanhatConnection | None]":
    """Where removals are asked for. Raises `SettingError` for one that is wanted and not set."""
    from include.played_planhat.place import planhat_of

    found = segment_api_connection(settings), planhat_of(settings)
    if segment and found[0] is None:
        raise SettingError(
            "AIRFLOW_CONN_SEGMENT_API is not set: name a Public API token of the workspace, "
            "https://:<token>@api.segmentapis.com"
        )
    if planhat and found[1] is None:
        raise SettingError(
            "AIRFLOW_CONN_PLANHAT is not set: name the tenant to delete in, "
            "https://:<token>@api.planhat.com"
        )
    return found


def _elsewhere_lines(*, segment: bool, planhat: bool, suppress: bool) -> list[str]:
    said = []
    if segment:
        more = " and to turn away what still comes of them" if suppress else ""
        said.append(f"and Segment is asked to delete them by their user ids{more}")
    if planhat:
        said.append("and their endusers are deleted in Planhat")
    return said


def _say_how_far(
    url: str,
    settings: Settings,
    others: "tuple[SegmentApiConnection | None, PlanhatConnection | None]",
) -> None:
    from include.privacy.forgetting import outward
    from include.warehouse.connection import connect

    outward.ask_others(url, settings.data_dir, segment=others[0], planhat=others[1])
    with connect(url, application_name="forget", autocommit=True) as connection:
        said = outward.lines(connection)
    for line in said or ["Nothing was asked of Segment or Planhat."]:
        print(as_line(line))


def _people(
    connection: "psycopg.Connection", settings: Settings, ids: list[str], *, again: bool
) -> "list[Person]":
    """Whom the ids mean; without any those of the receipts, or whoever `delete` calls ask for.

    Of those who are asked for, the refused are said, and stay.
    """
    from include.privacy import forgetting
    from include.privacy.forgetting import requests
    from include.privacy.forgetting.again import people_of_receipts

    if ids:
        return forgetting.find_all(connection, ids)
    if again:
        return people_of_receipts(connection, settings.data_dir)
    requests.note_delete_calls(connection)
    found = []
    for each in requests.those_of_calls(connection):
        try:
            found.append(requests.find_user(connection, each))
        except forgetting.RefusedError as refused:
            print(as_line(f"stays: {refused}"))
    return found


def _ids(identifier: str, file: Path | None, *, again: bool, waiting: bool) -> list[str]:
    from include.privacy.id_lists import ids_of

    if sum((bool(identifier), file is not None, again, waiting)) != 1:
        raise SettingError(
            "One of ID=<user id, e-mail or enduser id>, FILE=<ids, a line each>, WAITING=1 or "
            "AGAIN=1."
        )
    if file is None:
        return [identifier] if identifier else []
    ids = list(dict.fromkeys(ids_of(file)))
    if not ids:
        raise SettingError(f"{file} holds no id.")
    return ids


def _asked(people: int) -> bool:
    if not sys.stdin.isatty():
        return False
    whom = "this person" if people == 1 else f"these {people:,} people"
    return typer.confirm(f"Forget {whom}? This cannot be taken back")


def _export(url: str, file: Path) -> None:
    import json

    from include.privacy.receipts import receipts
    from include.private_files import open_private
    from include.warehouse.connection import connect

    with connect(url, application_name="receipts", autocommit=True) as connection:
        said = receipts(connection)
    with open_private(file) as opened:
        json.dump(said, opened, indent=2)
        opened.write("\n")
    print(f"{len(said):,} receipts: {file}")
