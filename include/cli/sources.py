"""source: who may send to the collector, with which key, how much and how signed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from include.errors import SettingError
from include.settings import load_settings
from include.warehouse.connection import warehouse_url

if TYPE_CHECKING:
    from include.collector.sources import Source


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(source)


def source(
    name: Annotated[str, typer.Option(help="Its name; without one the sources are listed.")] = "",
    kind: Annotated[
        str, typer.Option(help="product, or planhat: what we push, coming back.")
    ] = "product",
    rotate: Annotated[
        bool, typer.Option("--rotate", help="A new key; the old work 7 days.")
    ] = False,
    off: Annotated[bool, typer.Option("--off", help="Its keys answer 401 from now on.")] = False,
    on: Annotated[bool, typer.Option("--on", help="Its keys work again.")] = False,
    secret: Annotated[
        str,
        typer.Option(
            help="new: a secret that signs Segment's webhook, shown once; "
            "none: deliveries need no signature."
        ),
    ] = "",
    rate: Annotated[
        str, typer.Option(help="Calls a second that it may send, or none: any number.")
    ] = "",
) -> None:
    """List the sources, or make one and show its write key once; rotate it, switch it off or on,
    sign its webhook, bound its rate."""
    from include.collector import sources

    url = warehouse_url(load_settings())
    changes: list[Callable[[], str]] = []
    if off or on:
        changes.append(lambda: _switch(url, name, on))
    if rotate:
        changes.append(
            lambda: f"The new write key of {name}, shown only now: {sources.rotate_key(url, name)}"
        )
    if secret:
        changes.append(lambda: _sign(url, name, secret))
    if rate:
        changes.append(lambda: _bound(url, name, rate))
    if len(changes) > 1 or (off and on):
        raise SettingError("One of rotate, off, on, secret and rate at a time.")
    if changes and not name:
        raise SettingError("Name the source that is to be changed: NAME=web-app.")
    if changes:
        print(changes[0]())
    elif name:
        sources.add_source(url, name, kind=kind)
        print(f"A write key of {name}, shown only now: {sources.add_key(url, name)}")
    else:
        for each in sources.list_sources(url):
            print(_line(each))


def _switch(url: str, name: str, is_on: bool) -> str:
    from include.collector.sources import set_enabled

    set_enabled(url, name, is_on)
    return f"{name} is {'on' if is_on else 'off'}."


def _sign(url: str, name: str, secret: str) -> str:
    from include.collector.sources import make_webhook_secret, set_webhook_secret

    if secret == "none":  # noqa: S105  a word, not a secret
        set_webhook_secret(url, name, None)
        return f"Deliveries to the webhook with a key of {name} need no signature."
    if secret != "new":  # noqa: S105
        # One that is typed stands in the shell's history and in the list of processes.
        raise SettingError("SECRET is new or none; a new one is made here and shown once.")
    made = make_webhook_secret(url, name)
    return f"The webhook secret of {name}, shown only now, to type into Segment: {made}"


def _bound(url: str, name: str, rate: str) -> str:
    from include.collector.sources import set_rate

    if rate == "none":
        set_rate(url, name, None)
        return f"{name} may send any number of calls."
    if not (rate.isascii() and rate.isdigit()):
        raise SettingError(f"RATE is a whole number of calls a second, or none, not {rate!r}.")
    set_rate(url, name, int(rate))
    return f"{name} may send {int(rate):,} calls a second."


def _line(each: "Source") -> str:
    state = "on" if each.is_enabled else "off"
    keys = "1 valid key" if each.keys == 1 else f"{each.keys} valid keys"
    more = ", signed webhook" if each.has_webhook_secret else ""
    if each.calls_per_second is not None:
        more += f", at most {each.calls_per_second:,} calls a second"
    return f"{each.source:<24} {each.kind:<8} {state:<4} {keys}{more}"
