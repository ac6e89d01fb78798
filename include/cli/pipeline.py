"""build, verify, plan, push, answer, cancel: from what landed to what a destination acknowledged.

Without Airflow.
"""

import getpass
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from include.connections import Destination
from include.counting import counted
from include.errors import SettingError
from include.nearest import unknown
from include.played_planhat.place import address, played_connection
from include.settings import Settings, load_settings, planhat_connection, segment_connection
from include.terminal import as_line
from include.warehouse.connection import warehouse_url
from include.warehouse.migrate import migrated_warehouse

Models = Annotated[str, typer.Option(help="Names, separated by spaces; all when left out.")]
To = Annotated[str, typer.Option(help="planhat, or segment where it is left out.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many objects of each model.")]
Resync = Annotated[bool, typer.Option("--full", help="Every object again, unchanged ones too.")]
Retire = Annotated[
    str, typer.Option(help="A model whose file is gone: what Segment has of it is removed.")
]

# Of objects of unknown outcome, so many are listed.
SHOWN_UNKNOWN = 20


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (build, verify, plan, push, answer, cancel):
        app.command()(command)


def build(
    full: Annotated[bool, typer.Option("--full", help="From scratch: all of history.")] = False,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day that trends look back from: yesterday."),
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Follow new rules, whatever of history they move.")
    ] = False,
) -> None:
    """One dbt build against the warehouse. Exit 3: new rules wait to be accepted."""
    from include.build import build as run_build

    settings = load_settings()
    report = run_build(
        warehouse_url(settings),
        settings,
        requested_by=f"{person()} at the command line",
        as_of=as_of.date() if as_of else None,
        full=full,
        accept=accept,
    )
    if report.waits_for_rules:
        raise typer.Exit(3)
    if not report.is_reused:  # it said so itself
        print(report)


def verify(
    model: Annotated[str, typer.Option(help="The name of a model: usage_trends.")],
) -> None:
    """One model made whole beside the truth, and compared. Exit 2: they differ."""
    from include.build.verify import verify as run_verify

    settings = load_settings()
    found = run_verify(warehouse_url(settings), settings, model)
    print(found)
    if not found.is_same:
        raise typer.Exit(2)


def plan(
    to: To = "segment",
    models: Models = "",
    limit: Limit = None,
    full: Resync = False,
    retire: Retire = "",
    file: Annotated[
        Path | None,
        typer.Option("--plan", help="Write the whole plan there, as JSON lines (personal data)."),
    ] = None,
) -> None:
    """What a push would send: counts and a few objects per model. Nothing is sent."""
    from include.push.push import push as run_push

    _alone("RETIRE", retire, models=models)
    names = _names(models)
    settings = load_settings()
    report = run_push(
        migrated_warehouse(settings),
        _destination(settings, to),
        settings,
        models=names,
        limit=limit,
        full=full,
        dry_run=True,
        plan_file=file,
        retire=retire or None,
        requested_by=person(),
    )
    for line in report.sample_lines():
        print(as_line(line))
    raise typer.Exit(report.exit_code)


def push(
    to: To = "segment",
    models: Models = "",
    limit: Limit = None,
    full: Resync = False,
    retire: Retire = "",
    file: Annotated[
        Path | None,
        typer.Option("--plan", help="Send this plan, made by `plan`, if it still holds."),
    ] = None,
    build_first: Annotated[bool, typer.Option("--build", help="Build first.")] = False,
) -> None:
    """Push what is outbound. Exit 0 success, 1 failed, 2 partial, 3 held, 4 another runs."""
    from include.push.push import push as run_push

    _alone("RETIRE", retire, models=models)
    _alone("PLAN", file, models=models, limit=limit, full=full)
    names = _names(models)
    settings = load_settings()
    url, destination = migrated_warehouse(settings), _destination(settings, to)
    if build_first:
        # new rules that wait for somebody keep no push from what is there
        with suppress(typer.Exit):
            build()
    report = run_push(
        url,
        destination,
        settings,
        models=names,
        limit=limit,
        full=full,
        plan_file=file,
        retire=retire or None,
        requested_by=person(),
    )
    raise typer.Exit(report.exit_code)


def answer(
    model: Annotated[
        str, typer.Option(help="Whose plan is held, or of which nobody knows the outcome.")
    ] = "",
    said: Annotated[
        str,
        typer.Option(
            "--answer",
            help="Of a held plan all, safe (what the guard does not object to), or none; of an "
            "unknown outcome arrived, or again.",
        ),
    ] = "",
    to: To = "segment",
    fingerprint: Annotated[
        str, typer.Option("--fingerprint", help="Only if it is still this plan (its beginning).")
    ] = "",
) -> None:
    """Answer for a held plan, or an unknown outcome, for the next push; without a model: both."""
    from include.push import guards
    from include.push.to_planhat.unknown import ANSWERS, answer_unknown, unknown_objects

    settings = load_settings()
    url, destination = warehouse_url(settings), _destination(settings, to)
    if not (model or said or fingerprint):
        held = guards.held_plans(url, destination)
        print("\n".join(map(as_line, map(str, held))) or "No plan is held.")
        waiting = unknown_objects(url, destination)
        for each in waiting[:SHOWN_UNKNOWN]:
            print(as_line(str(each)))
        if (more := len(waiting) - SHOWN_UNKNOWN) > 0:
            print(f"and {more:,} more of unknown outcome")
        return
    if not (model and said):
        missing = "ANSWER" if model else "MODEL"
        raise SettingError(f"{missing} is missing: make answer MODEL=company ANSWER=all|safe|none")
    if said in ANSWERS:
        count = answer_unknown(url, destination, model, said, answered_by=person())
        print(f"{model}: answered {said} for {counted(count, 'object')}. The next push acts on it.")
        return
    plan = guards.answer_plan(
        url, destination, model, said, answered_by=person(), fingerprint=fingerprint or None
    )
    print(
        f"{model}: answered {said} for the plan {plan.plan_fingerprint[:12]} of run {plan.run_id} "
        f"({plan.counts}). The next push whose plan is the same acts on it."
    )


def cancel(
    to: To = "segment",
    of_resync: Annotated[
        bool, typer.Option("--resync", help="Take back a full resync that was stopped.")
    ] = False,
) -> None:
    """Stop the active push within seconds; what it sent stays in the ledger."""
    from include.push.cancel import cancel_run
    from include.push.resync import take_back
    from include.push.runs import active_run

    settings = load_settings()
    url, destination = warehouse_url(settings), _destination(settings, to)
    if of_resync:
        taken = take_back(url, destination, person())
        left = ", ".join(f"{each.left:,} of {each.model}" for each in taken)
        print(
            f"Taken back: {left} are sent when they change, and not before."
            if taken
            else "No full resync waits to go on: there is nothing to take back."
        )
        return
    active = active_run(url, destination)
    if active is None:
        print("No push is active: there is nothing to cancel.")
    elif cancel_run(url, active.run_id, person()):
        print(f"Asked to stop, which takes a few seconds: {active}.")
    else:
        print(f"It was asked to stop before, or has just ended: {active}.")


def _destination(settings: Settings, to: str) -> Destination:
    """What `to` names. Raises `SettingError` for another word, and where it is not set."""
    if problem := unknown([to], ("segment", "planhat"), "destination"):
        raise SettingError(problem)
    if to == "segment":
        return segment_connection(settings)
    named = planhat_connection(settings)
    if named is None and settings.plays_planhat:
        named = played_connection(address(settings))
    if named is None:
        raise SettingError(
            "AIRFLOW_CONN_PLANHAT is not set: name the tenant to push to, "
            "https://:<token>@api.planhat.com?tenant_token=<tenant token>"
        )
    return named


def _names(models: str) -> list[str] | None:
    """The models that were named; None, which means all, only where nothing was given."""
    if models and not models.strip():
        raise SettingError("MODELS is blank: name models, or leave it out for all.")
    return models.split() or None


def _alone(name: str, given: object, **others: object) -> None:
    """Refuse options beside one that leaves them nothing to say. By their names for make."""
    if given and (beside := [other.upper() for other, value in others.items() if value]):
        raise SettingError(f"{name} says that already: leave {' and '.join(beside)} out.")


def person() -> str:
    """Who sits at the command line, for what is kept with a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody"
