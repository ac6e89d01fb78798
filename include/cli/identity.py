"""block, exclude, alias, links, switch: what operators say of identity, as on the page.

Each lists what is set when nothing is given. It counts from the next build on.
"""

from datetime import datetime
from typing import Annotated, Any

import typer

from include.cli.pipeline import person
from include.errors import SettingError
from include.settings import load_settings
from include.warehouse.migrate import migrated_warehouse

Remove = Annotated[bool, typer.Option("--remove", help="Take it back.")]
NEXT = "It counts from the next build on."


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (block, exclude, alias, links, switch):
        app.command()(command)


def block(
    value: Annotated[str, typer.Option(help="A key that is nobody's, as calls carry it.")] = "",
    pattern: Annotated[str, typer.Option(help="Or all that fit: * stands for anything.")] = "",
    domain: Annotated[str, typer.Option(help="Or all e-mails, and user ids, of a domain.")] = "",
    key: Annotated[
        str,
        typer.Option(help="For all keys, or user_id, email, anonymous_id, company or object."),
    ] = "all",
    remove: Remove = False,
) -> None:
    """Block what identifies nobody, such as a shared sign-in; without a value: what is blocked."""
    from include.page import identities

    given = _one_of(value=value, pattern=pattern, domain=domain)
    if given is None:
        _nothing_to(remove, key != "all", example="make block VALUE=kiosk KEY=user_id")
        _list("blocked", "Nothing is blocked beside what never identifies anyone.")
        return
    kind, text = given
    url = migrated_warehouse(load_settings())
    if remove:
        identities.unblock(url, text, key=key, kind=kind)
        print(f"The {kind} {text} is blocked no more ({_of(key)}). {NEXT}")
    else:
        identities.block(url, text, key=key, kind=kind, by=person())
        print(f"The {kind} {text} is blocked ({_of(key)}). {NEXT}")


def exclude(
    email: Annotated[str, typer.Option(help="The e-mail of somebody whose calls count not.")] = "",
    domain: Annotated[str, typer.Option(help="Or the domain of such people's e-mails.")] = "",
    remove: Remove = False,
) -> None:
    """Let calls of one's own staff count for nobody; without an e-mail: who is excluded."""
    from include.page import identities

    given = _one_of(email=email, domain=domain)
    if given is None:
        _nothing_to(remove, example="make exclude DOMAIN=example.com")
        _list("excluded", "Nobody is excluded.")
        return
    kind, text = given
    url = migrated_warehouse(load_settings())
    if remove:
        identities.readmit(url, text, kind=kind)
        print(f"Calls of the {kind} {text} count again. {NEXT}")
    else:
        identities.exclude(url, text, kind=kind, by=person())
        print(f"Calls of the {kind} {text} count for nobody. {NEXT}")


def alias(
    key: Annotated[
        str, typer.Option("--alias", help="The key that calls name the company by.")
    ] = "",
    company: Annotated[
        str, typer.Option(help="The company it leads to: its _id in Planhat, or its external id.")
    ] = "",
    remove: Remove = False,
) -> None:
    """Lead from a further key to a company, after a merge; without an alias: those that are set."""
    from include.page import identities

    if not key:
        _nothing_to(remove, bool(company), example="make alias ALIAS=acme-old COMPANY=acme")
        _list("aliases", "No alias is set.")
        return
    if remove == bool(company):
        raise SettingError("An alias needs COMPANY=, the company it leads to, or REMOVE=1.")
    url = migrated_warehouse(load_settings())
    if remove:
        identities.drop_alias(url, key)
        print(f"{key} is no alias any more. {NEXT}")
    else:
        name = identities.alias_company(url, key, company, by=person())
        print(f"{key} leads to {name}. {NEXT}")


def links(
    days: Annotated[
        str, typer.Option(help="How many days a link of an anonymous id holds, or never: for ever.")
    ] = "",
) -> None:
    """How long a sign-in says whose a device is; with DAYS another time."""
    from include.page import identities

    url = migrated_warehouse(load_settings())
    if days:
        identities.expire_links(url, _days(days), by=person())
        print("Links never expire." if days == "never" else f"Links hold {days} days.", NEXT)
        return
    found = _said()["links"]
    held = "Links never expire" if found["days"] is None else f"Links hold {found['days']:f} days"
    print(f"{held} ({_who(found)}).")


def switch(
    name: Annotated[str, typer.Option(help="Which; without one they are listed.")] = "",
    on: Annotated[bool, typer.Option("--on", help="From now on.")] = False,
    off: Annotated[bool, typer.Option("--off", help="From now on.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="A section: on from this past day (UTC) on."),
    ] = None,
) -> None:
    """Switch sections 1 and 2, auto-create … on or off, or whether a model is pushed to Segment
    (push_enduser_usage); without a name: how they stand.
    """
    from include.page.changes import set_switch

    url = migrated_warehouse(load_settings())
    if not name:
        _nothing_to(on or off, since is not None, example="make switch NAME=user_tracking ON=1")
        for each, found in _switches().items():
            print(f"{each:<26} {'on' if found['is_on'] else 'off':<4} {_who(found)}")
        return
    if on == off:
        raise SettingError("ON=1 or OFF=1, one of them.")
    set_switch(url, name, on, by=person(), since=since.date() if since else None)
    begins = f" from {since:%Y-%m-%d} on" if since else ""
    print(f"{name} is {'on' if on else 'off'}{begins}.")


def _one_of(**options: str) -> tuple[str, str] | None:
    """The option that was given, by name and value. Raises `SettingError` for more than one."""
    given = [(name, value) for name, value in options.items() if value]
    if len(given) > 1:
        raise SettingError(f"One of {' and '.join(name.upper() for name, _ in given)} at a time.")
    return given[0] if given else None


def _nothing_to(*said: bool, example: str) -> None:
    """Refuse options that say nothing by themselves."""
    if any(said):
        raise SettingError(f"Say what: {example}")


def _days(text: str) -> float | None:
    if text == "never":
        return None
    try:
        return float(text)
    except ValueError:
        raise SettingError(f"DAYS is a number of days, or never, not {text!r}.") from None


def _said() -> dict[str, Any]:
    from include.page.identities import said
    from include.warehouse.reading import read_only

    with read_only(migrated_warehouse(load_settings())) as connection:
        return said(connection)


def _switches() -> dict[str, Any]:
    from include.page.tracking import switches
    from include.push import switches as of_models
    from include.push.catalogue import read_catalogue
    from include.warehouse.reading import read_only

    with read_only(migrated_warehouse(load_settings())) as connection:
        return {**switches(connection), **of_models.state(connection, read_catalogue())}


def _list(what: str, none: str) -> None:
    lines = [f"{_line(row)}  {_who(row)}" for row in _said()[what]]
    print("\n".join(lines) or none)


def _line(row: dict[str, Any]) -> str:
    if "alias" in row:
        return f"{row['alias']:<32} {row['company'] or row['planhat_id'] + ' (not in Planhat)'}"
    of = f"{row['key']:<12} " if "key" in row else ""
    return f"{of}{row['kind']:<8} {row['value']:<32}"


def _who(row: dict[str, Any]) -> str:
    moment = row.get("valid_from") or row.get("since")
    if row["changed_by"] == "default":  # nobody's, and since the tables are there
        return "default"
    when = f", {moment:%Y-%m-%d %H:%M} UTC" if moment else ""
    return f"{row['changed_by']}{when}"


def _of(key: str) -> str:
    return "all keys" if key == "all" else key
