"""Tables for people, made with pandas: pushes side by side, unresolved calls week by week."""

from pathlib import Path
from typing import Any

import pandas as pd
import psycopg

from include.errors import ProblemError
from include.private_files import open_private
from include.warehouse.connection import connect

_PUSHES = """
    with latest as (
        select run_id, started_at from sync.runs
        where
            status not in ('queued', 'running')
            and not is_dry
            and not exists (
                select from sync.destinations
                where destinations.destination = runs.destination and kind <> 'segment'
            )
            and exists (select from sync.run_models where run_models.run_id = runs.run_id)
        order by run_id desc limit %(runs)s
    )
    select
        run_models.model,
        latest.run_id || ' · ' || to_char(latest.started_at at time zone 'UTC', 'MM-DD HH24:MI')
            as run,
        latest.run_id,
        run_models.synced,
        run_models.errors
    from latest
    inner join sync.run_models on latest.run_id = run_models.run_id
"""

_UNRESOLVED = """
    select reason, date_trunc('week', day)::date as week, sum(events)::bigint as events
    from marts.resolution_daily
    where reason is not null and reason <> 'receipt'
    group by 1, 2
"""


def pushes(url: str, *, runs: int = 10) -> pd.DataFrame:
    """The last ended runs to Segment that sent, or tried to, side by side.

    A row a model, a column a run (`7 · 11-23 06:00`, UTC). A cell is the objects synced; with
    errors `synced (errors!)`; empty where the run had no such model. The newest run is the
    first column.
    """
    rows = _ask(url, _PUSHES, {"runs": runs})
    if rows.empty:
        return rows
    newest_first = rows.sort_values("run_id", ascending=False)["run"].unique()
    rows["cell"] = rows["synced"].map("{:,}".format)
    has_errors = rows["errors"] > 0
    rows.loc[has_errors, "cell"] += rows["errors"].map(" ({:,}!)".format)
    return (
        rows.pivot_table(index="model", columns="run", values="cell", aggfunc="first")
        .reindex(columns=newest_first)
        .fillna("")
    )


def unresolved(url: str, *, weeks: int = 8) -> pd.DataFrame:
    """Calls without an enduser: a row a reason, a column a week (its Monday, UTC), and the total.

    Weeks are those of the calls' own time; the last `weeks` with any are shown, newest first.
    """
    rows = _ask(url, _UNRESOLVED)
    if rows.empty:
        return rows
    table = rows.pivot_table(
        index="reason", columns="week", values="events", aggfunc="sum", fill_value=0
    )
    table = table[sorted(table.columns, reverse=True)[:weeks]].astype("int64")
    table["total"] = table.sum(axis="columns")
    return table.sort_values("total", ascending=False)


def write(table: pd.DataFrame, file: Path) -> None:
    """Write a table as CSV, for its owner alone. Raises `ProblemError` when that cannot be."""
    try:
        with open_private(file) as output:
            table.to_csv(output)
    except OSError as error:
        raise ProblemError(f"{file} cannot be written: {error.strerror or error}.") from None


def _ask(url: str, query: str, parameters: dict[str, Any] | None = None) -> pd.DataFrame:
    with connect(url, application_name="reports") as connection:
        try:
            cursor = connection.execute(query, parameters)
        except psycopg.errors.UndefinedTable:
            raise ProblemError("Nothing was built yet: run `make build` first.") from None
        names = [column.name for column in cursor.description or ()]
        return pd.DataFrame(cursor.fetchall(), columns=names)
