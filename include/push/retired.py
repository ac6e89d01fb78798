"""Models that were pushed once and whose file is gone: nothing of them is sent until asked for."""

from pathlib import Path

import psycopg

from include.connections import Destination
from include.errors import ProblemError
from include.push.catalogue import FOLDERS, Column, PushedModel, read_catalogue
from include.push.plainly import plainly
from include.push.plan import planned_parts
from include.push.steps import Say, plan_models
from include.settings import Settings
from include.warehouse.connection import connect


@plainly
def retired_models(url: str, to: Destination, *, folder: Path | None = None) -> dict[str, int]:
    """Retired models of the destination and how many objects Segment still has of each."""
    with connect(url, application_name="push retired", autocommit=True) as connection:
        rows = connection.execute(
            """
            select model, count(*) from sync.objects
            where
                destination = %s and model <> all(%s)
                and (acknowledged_at is not null and removed_at is null or sent_version is not null)
            group by model order by model
            """,
            [to.destination, list(read_catalogue(folder, to.kind))],
        ).fetchall()
    return dict(rows)


@plainly
def plan_retired(
    url: str,
    settings: Settings,
    run_id: int,
    model: str,
    *,
    say: Say = lambda line: None,
    folder: Path | None = None,
) -> list[dict]:
    """Plan the removal of everything that Segment has of a retired model.

    Raises `ProblemError` when the model is still described, or was never pushed there.
    """
    if model in read_catalogue(folder):
        where = (folder or FOLDERS["segment"]).name
        raise ProblemError(f"{model} is not retired: its file is in {where}.")
    with connect(url, application_name="push plan", autocommit=True) as connection:
        row = connection.execute(
            """
            select removed_event from sync.pushed_models
            inner join sync.runs on pushed_models.destination = runs.destination
            where runs.run_id = %s and pushed_models.model = %s
            """,
            [run_id, model],
        ).fetchone()
        if row is None:
            raise ProblemError(f"No model {model} was ever pushed there.")
        # An empty table of its name stands in for the one that is gone.
        connection.execute(
            psycopg.sql.SQL("create temporary table {} (object_id text, planhat_id text)").format(
                psycopg.sql.Identifier(model)
            )
        )
        columns = (Column("planhat_id", "text", "text"),)
        stand_in = PushedModel(
            model, "track", row[0], row[0], columns, schema="pg_temp", is_retired=True
        )
        plan_models(connection, settings, run_id, {model: stand_in}, say)
        return planned_parts(connection, run_id)
