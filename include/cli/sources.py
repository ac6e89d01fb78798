"""source: who may send to the collector, and with which key."""

from typing import Annotated

import typer

from include.errors import SettingError
from include.settings import load_settings
from include.warehouse.connection import warehouse_url


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
) -> None:
    """List the sources, or make one and show its write key once; rotate it; switch it off or on."""
    from include.collector import sources

    url = warehouse_url(load_settings())
    if not name:
        for each in sources.list_sources(url):
            state = "on" if each.is_enabled else "off"
            print(f"{each.source:<24} {each.kind:<8} {state:<4} {each.keys} valid keys")
        return
    if rotate + off + on > 1:
        raise SettingError("One of rotate, off and on at a time.")
    if off or on:
        sources.set_enabled(url, name, on)
        print(f"{name} is {'on' if on else 'off'}.")
    elif rotate:
        print(f"The new write key of {name}, shown only now: {sources.rotate_key(url, name)}")
    else:
        sources.add_source(url, name, kind=kind)
        print(f"A write key of {name}, shown only now: {sources.add_key(url, name)}")
