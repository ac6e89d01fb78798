"""What a measurement returns, and how its rows are shown."""

from collections.abc import Iterable
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

# A pipe has no width of its own.
WIDTH = 150


class Row(NamedTuple):
    """A line of the table; `ratio` is figure by beside, None where there is nothing beside."""

    name: str
    figure: str
    beside: str
    ratio: float | None


def print_rows(rows: Iterable[tuple[str, str, str, float | None]]) -> None:
    """Name, figure, what it was measured beside in the same run, and their ratio."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("What")
    table.add_column("Figure", justify="right")
    table.add_column("Beside it, in the same run")
    table.add_column("Ratio", justify="right")
    for name, figure, beside, ratio in rows:
        table.add_row(name, figure, beside, "" if ratio is None else f"{ratio:.2f}")
    is_terminal = Console().is_terminal
    # without colours: what is printed passes `include.terminal`, which writes escapes out
    Console(width=None if is_terminal else WIDTH, color_system=None).print(table)
