"""suppress, field-rules: whose calls are never stored, and what is left out of the others."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from include.cli.pipeline import person
from include.counting import counted
from include.errors import SettingError
from include.settings import load_settings
from include.warehouse.migrate import migrated_warehouse

if TYPE_CHECKING:
    from include.collector.tried_rules import Tried
    from include.privacy.field_rules import Rule


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(suppress)
    app.command()(field_rules)


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


def field_rules(
    field: Annotated[
        str,
        typer.Option(
            help="What: a path in the call such as traits.phone or properties.* (a dot within a "
            "name is \\.), or ip, user_agent, card_numbers, secrets."
        ),
    ] = "",
    action: Annotated[
        str,
        typer.Option(
            help="drop, hash, truncate or allow what stands at a path; drop or truncate ip and "
            "user_agent; card_numbers and secrets are redacted wherever they stand."
        ),
    ] = "",
    length: Annotated[int | None, typer.Option(help="truncate: characters that stay.")] = None,
    allow: Annotated[str, typer.Option(help="allow: the members that stay.")] = "",
    source: Annotated[str, typer.Option(help="Of this source alone.")] = "",
    type: Annotated[str, typer.Option(help="Of this type of call alone.")] = "",
    lift: Annotated[int | None, typer.Option(help="End the rule of this number.")] = None,
    tried: Annotated[
        bool,
        typer.Option("--try", help="Only say what it would have changed on the last day."),
    ] = False,
) -> None:
    """What is left out of calls before they are stored; without options: the rules."""
    from include.collector.tried_rules import try_rules
    from include.privacy import field_rules as rules

    url = migrated_warehouse(load_settings())
    rule = _rule(field, action, length, allow, source, type)
    if lift is not None:
        if rule is not None or tried:
            raise SettingError("LIFT= ends a rule, and takes nothing beside it.")
        rules.lift(url, lift, by=person())
        print(f"Rule {lift} is lifted. Collectors know it within 5 seconds.")
    elif tried:
        _tell_tried(try_rules(url, rule), rule)
    elif rule is not None:
        number = rules.add(url, rule, by=person())
        print(f"Rule {number}: {rule.words}. Collectors know it within 5 seconds.")
    else:
        _tell_rules(url)


def _rule(
    field: str, action: str, length: int | None, allow: str, source: str, type: str
) -> "Rule | None":
    from include.cli.words import split
    from include.privacy.field_rules import ACTIONS, DETECTORS, PATH, Rule

    allowed = tuple(split(allow, "ALLOW"))
    if not field:
        if action or length or allowed or source or type:
            raise SettingError("Say what: FIELD=traits.phone, ip, user_agent, card_numbers …")
        return None
    what = field if field in ACTIONS and field != PATH else PATH
    if what in DETECTORS:
        action = action or "redact"
    return Rule(what, action, field if what == PATH else "", source, type, length, allowed)


def _tell_rules(url: str) -> None:
    from include.privacy.field_rules import listed, withheld
    from include.warehouse.reading import read_only

    with read_only(url) as connection:
        found, unread = listed(connection), withheld(connection)
    if not found:
        print("There are no field rules: calls are stored as they come.")
    for row in found:
        since = f"{row['changed_by']}, {row['valid_from']:%Y-%m-%d %H:%M} UTC"
        until = f" to {row['lifted_at']:%Y-%m-%d %H:%M}" if row["lifted_at"] else ""
        calls = counted(row["calls"], "call")
        print(f"{row['rule_id']:>4}  {row['words']}  ({since}{until}; {calls} in 30 days)")
    if unread:
        print(f"Of {counted(unread, 'call')} in 30 days no text was kept: they cannot be read.")


def _tell_tried(found: "Tried", rule: "Rule | None") -> None:
    cut = ", those that landed last" if found.was_cut else ", of the last day"
    print(f"{found.touched:,} of {counted(found.calls, 'call')}{cut}, would be changed.")
    for (number, path), calls in found.paths.most_common():
        of = f"rule {number}  " if rule is None else ""
        print(f"{calls:>9,}  {of}{path}")
    print("Nothing was changed or counted.")
