"""retention: for how many months calls are kept as they came."""

from typing import Annotated

import typer

from include.cli.pipeline import person
from include.errors import SettingError
from include.settings import load_settings
from include.warehouse.migrate import migrated_warehouse


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(retention)


def retention(
    payloads: Annotated[
        int | None, typer.Option(help="Months that whole payloads are kept.")
    ] = None,
    calls: Annotated[int | None, typer.Option(help="Months that single calls are kept.")] = None,
    source: Annotated[str, typer.Option(help="Of this source alone.")] = "",
    type: Annotated[str, typer.Option(help="Of this type alone: track, page …")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the rule back.")] = False,
    count: Annotated[bool, typer.Option("--count", help="How much is due; reads all calls.")] = (
        False
    ),
    now: Annotated[bool, typer.Option("--now", help="Do now what is due; reads all calls.")] = (
        False
    ),
) -> None:
    """For how long calls are kept as they came; without anything: the rules, and the last run."""
    from include.privacy.retention.rules import ALL, Rule, remove_rule, set_rule

    says_months = payloads is not None or calls is not None
    if sum((says_months, remove, count, now)) > 1:
        raise SettingError("One of PAYLOADS= and CALLS=, REMOVE=1, COUNT=1 or NOW=1.")
    if (source or type) and not (says_months or remove):
        raise SettingError("SOURCE= and TYPE= belong to PAYLOADS=, CALLS= or REMOVE=1.")
    url = migrated_warehouse(load_settings())
    if says_months:
        rule = Rule(source or ALL, type or ALL, payloads, calls)
        set_rule(url, rule, by=person())
        print(f"{rule}. What is due goes with the next run of the DAG keep_retention, or NOW=1.")
    elif remove:
        gone = Rule(source or ALL, type or ALL, None, None)
        remove_rule(url, gone)
        print(f"No rule of its own for {gone.of} any more.")
    elif count:
        _count(url)
    elif now:
        _keep(url)
    else:
        _tell(url)


def _tell(url: str) -> None:
    from include.privacy.retention.rules import read_rules
    from include.warehouse.reading import one, read_only

    with read_only(url) as connection:
        rules = read_rules(connection)
        last = one(
            connection,
            "select started_at, finished_at, payloads, calls, quarantined from sync.retention_runs"
            " order by retention_run_id desc limit 1",
        )
    for rule in rules:
        print(f"{rule} (by {rule.changed_by}, {rule.valid_from:%Y-%m-%d})")
    if not rules:
        print("Everything is kept for good: no rule says otherwise (PAYLOADS=13, CALLS=25).")
    if last is not None:
        state = "" if last["finished_at"] else ", interrupted: the next one goes on"
        print(
            f"last run: {last['started_at']:%Y-%m-%d %H:%M} UTC, {last['payloads']:,} payloads,"
            f" {last['calls']:,} calls, {last['quarantined']:,} quarantined{state}"
        )


def _count(url: str) -> None:
    from include.privacy.retention.keeping import count_due

    found = count_due(url)
    print(
        f"{found.payloads:,} payloads would go, {found.calls:,} calls would be looked at for others"
        f" that are alike, {found.quarantined:,} quarantined calls would go."
    )


def _keep(url: str) -> None:
    from include.build.lock import take_lock
    from include.privacy.retention.keeping import keep

    done = keep(
        url, by=f"{person()} at the command line", always=True,
        lock=lambda holder: take_lock(holder, print),
    )  # fmt: skip
    print(f"{done}." if done and done.due else "No rule says that anything goes.")
