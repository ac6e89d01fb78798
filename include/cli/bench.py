"""bench: how fast it is on this machine, each figure beside its ceiling in the same run."""

import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Annotated, Any

import typer

from include.errors import ProblemError, SettingError
from include.settings import Settings, load_settings

# In the order in which they are measured; `include.bench.<part>.run(url, size=…, say=…)` each.
PARTS = ("push", "page", "planhat", "collector", "build")
SIZES = ("small", "full")

# Free disk that a size needs, in GB.
NEEDS = {"small": 5, "full": 40}

# No part of the small size begins later, so that all of it ends within ten minutes.
LAST_START_SECONDS = {"small": 5.5 * 60, "full": float("inf")}


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(bench)


def bench(
    size: Annotated[str, typer.Option(help="small: at most ten minutes; full: hours.")] = "small",
    parts: Annotated[str, typer.Option(help=f"Some of: {' '.join(PARTS)}.")] = "",
) -> None:
    """The performance table, on an embedded server of its own that is gone afterwards."""
    chosen = parts.split() or list(PARTS)
    if unknown := sorted(set(chosen) - set(PARTS)):
        raise SettingError(f"There is no part {', '.join(unknown)}: there are {', '.join(PARTS)}.")
    if size not in SIZES:
        raise SettingError(f"SIZE is one of {', '.join(SIZES)}, not {size!r}.")
    folder = load_settings().data_dir
    folder.mkdir(parents=True, exist_ok=True)
    refuse_without_disk(folder, size, shutil.disk_usage(folder).free / 1e9)

    from include.bench.rows import print_rows
    from include.bench.server import own_server

    print(f"Load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
    rows = []
    started = time.monotonic()
    with own_server(folder) as settings:
        for part in chosen:
            if not is_made(part):
                print(f"{part}: not made yet")
            elif time.monotonic() - started > LAST_START_SECONDS[size]:
                print(
                    f"{part}: left out, the ten minutes are over (PARTS={part} measures it alone)"
                )
            else:
                rows += _measure(part, _new_warehouse(settings, part), size)
    print_rows(rows)
    print(f"Load after: {os.getloadavg()[0]:.1f}; {time.monotonic() - started:.0f} s in all.")


def refuse_without_disk(folder: Path, size: str, free: float) -> None:
    """Raise `ProblemError` where fewer GB are free than the size needs."""
    if free < NEEDS[size]:
        raise ProblemError(
            f"make bench SIZE={size} needs {NEEDS[size]} GB of disk, and {free:.0f} GB are free in "
            f"{folder}: free some, or set DATA_DIR to a larger disk."
        )


def is_made(part: str) -> bool:
    """Whether there is anything to run of a part."""
    name = f"include.bench.{part}"
    return find_spec(name) is not None and hasattr(import_module(name), "run")


def _measure(part: str, url: str, size: str) -> list[Any]:
    from include.bench.server import leave_on_sigterm

    # Each in a process of its own: what one keeps in memory is not the next one's.
    with ProcessPoolExecutor(1, get_context("spawn"), leave_on_sigterm) as process:
        try:
            return process.submit(_run, part, url, size).result()
        except (SystemExit, KeyboardInterrupt):
            for child in active_children():
                child.terminate()
            raise


def _run(part: str, url: str, size: str) -> list[Any]:
    return [tuple(row) for row in import_module(f"include.bench.{part}").run(url, size=size)]


def _new_warehouse(settings: Settings, part: str) -> str:
    """Make a migrated database for a part; return its URL."""
    import psycopg
    from psycopg import sql

    from include.warehouse import embedded

    name = f"bench_{part}"
    admin = embedded.server_url(settings, "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template warehouse").format(sql.Identifier(name))
        )
    return embedded.server_url(settings, name)
