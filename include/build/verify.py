"""One model made whole beside the truth, and compared: incremental equals full, on any data."""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from include.build import project
from include.build.dbt import run_dbt
from include.build.inputs import read_inputs
from include.build.lock import take_lock
from include.build.records import BuildError, still_good
from include.counting import counted
from include.errors import ProblemError
from include.nearest import refuse_unknown
from include.rules import ALONGSIDE, drop_alongside
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.migrate import check_migrated


@dataclass(frozen=True)
class Verified:
    """A model's rows: how many there are, and how many stand in one of the two alone."""

    relation: str
    rows: int
    only_there: int
    only_whole: int

    @property
    def is_same(self) -> bool:
        """Whether a full build would make the rows that are there."""
        return not (self.only_there or self.only_whole)

    def __str__(self) -> str:
        if self.is_same:
            return f"{self.relation}: {counted(self.rows, 'row')}, as a full build would make them"
        return (
            f"{self.relation}: {counted(self.only_there, 'row', ('stands', 'stand'))} there alone,"
            f" {self.only_whole:,} only in what a full build would make; of {self.rows:,}"
        )


def verify(
    url: str, settings: Settings, model: str, *, say: Callable[[str], None] = print
) -> Verified:
    """Make `model` and what it comes from whole, in schemas of its own, and compare.

    They see what the last build saw, and are gone when this returns. Raises `SettingError` for a
    model that there is none of, `ProblemError` while something is new, `BuildError` when it cannot
    be made, `BusyError` when another build holds the lock for more than half an hour.
    """
    relations = {name.split(".")[1]: name for name in project.relations()}
    refuse_unknown([model], relations, "model")
    check_migrated(url)
    with connect(url, application_name=f"verify {model}", autocommit=True) as holder:
        take_lock(holder, say)
        last = holder.execute(
            "select as_of_date, is_as_of_set, window_to::text from sync.builds"
            " order by build_id desc limit 1"
        ).fetchone()
        if last is None or not still_good(
            holder, read_inputs(holder, last[0], is_set=last[1]), None
        ):
            raise ProblemError("The last build has not seen all that there is: `make build` first.")
        drop_alongside(holder)
        try:
            _, error = run_dbt(
                url, settings, as_of=last[0], full=True, say=say, select=f"+{model}",
                alongside={"alongside": ALONGSIDE, "alongside_window": last[2]},
            )  # fmt: skip
            if error is not None:
                raise BuildError(f"{model} cannot be made beside the truth: {error}")
            return _compare(holder, relations[model])
        finally:
            drop_alongside(holder)


def _compare(holder: psycopg.Connection, relation: str) -> Verified:
    schema, table = relation.split(".")
    counted_rows = sql.SQL(
        # which build added a row is no part of what it says
        "select (to_jsonb(each) - 'build_id')::text as said, count(*) as rows from {} as each"
        " group by 1"
    )
    row = holder.execute(
        sql.SQL(
            """
            with there as ({there}), whole as ({whole})

            select
                coalesce(sum(there.rows), 0)::bigint,
                coalesce(sum(greatest(there.rows - coalesce(whole.rows, 0), 0)), 0)::bigint,
                coalesce(sum(greatest(whole.rows - coalesce(there.rows, 0), 0)), 0)::bigint
            from there
            full join whole on there.said = whole.said
            """
        ).format(
            there=counted_rows.format(sql.Identifier(schema, table)),
            whole=counted_rows.format(sql.Identifier(ALONGSIDE + schema, table)),
        )
    ).fetchone()
    return Verified(relation, *row)  # type: ignore[misc]
