"""Builds in `sync.builds`: whether the last one still stands, and one's row from first to last."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from include import rules
from include.build.inputs import Inputs, read_settings
from include.build.project import changed_for_all, changed_models, relations
from include.errors import ProblemError

KEPT_BUILDS = 10_000


class BuildError(ProblemError):
    """A model or a test failed; the message names them."""


@dataclass(frozen=True)
class BuildReport:
    """A finished build. `is_reused`: an earlier one that already saw everything there is to see;
    `waits_for_rules`: or all that there is until somebody accepts the new rules.
    """

    build_id: int
    started_at: datetime
    seconds: float
    models: int
    tests: int
    is_reused: bool = False
    waits_for_rules: bool = False

    def __str__(self) -> str:
        if self.is_reused:
            return f"build {self.build_id} of {self.started_at:%H:%M:%S} UTC is up to date"
        return (
            f"build {self.build_id}: {self.models} models, {self.tests} tests, {self.seconds:.1f} s"
        )


# Of a build's row: whether all but rows is as now.
_SAME_BUT_ROWS = """
    as_of_date = %(as_of)s
    and is_as_of_set = %(is_set)s
    and settings = %(settings)s
    and code_fingerprint = %(code)s
    and cluster_id = (select system_identifier from pg_control_system())
"""


def still_good(
    holder: psycopg.Connection, inputs: Inputs, since: datetime | None
) -> BuildReport | None:
    """The last build, if it began after `since` or if nothing that it would see has changed."""
    last = holder.execute(
        f"""
        select
            build_id, started_at, extract(epoch from finished_at - started_at)::float8, nodes,
            coalesce(started_at >= %(since)s, false)
            or (
                {_SAME_BUT_ROWS}
                and not exists (
                    select 1 from raw_segment.loads
                    where
                        loads.transaction_id >= pg_snapshot_xmin(builds.window_to)
                        and not pg_visible_in_snapshot(loads.transaction_id, builds.window_to)
                )
                and not exists (
                    select 1 from raw_planhat.reads
                    where
                        not pg_visible_in_snapshot(reads.transaction_id, builds.window_to)
                        and reads.considered - reads.unchanged + reads.deleted + reads.rejected > 0
                )
            )
        from sync.builds
        where status = 'success' and build_id = (select max(build_id) from sync.builds)
        """,  # noqa: S608
        {**_asked(inputs), "since": since},
    ).fetchone()
    if last is None or not last[4]:
        return None
    return report_of(last[0], last[1], last[2], last[3], is_reused=True)


def sees_rows_only(holder: psycopg.Connection, inputs: Inputs) -> bool:
    """Whether nothing but rows can be new since the last build.

    No setting was written, not even back and forth; it is the same day, the files are the same, and
    every table is where that build left it.
    """
    row = holder.execute(
        f"""
        select
            setting_changes = (select last_value from sync.setting_changes)
            and {_SAME_BUT_ROWS}
            and (
                select bool_and(to_regclass(relation) is not null)
                from unnest(%(relations)s::text[]) as relation
            )
        from sync.builds
        where status = 'success' and build_id = (select max(build_id) from sync.builds)
        """,  # noqa: S608
        {**_asked(inputs), "relations": relations()},
    ).fetchone()
    return row is not None and bool(row[0])


def new_rows(holder: psycopg.Connection, build_id: int) -> list[str]:
    """The sources of which a build's window holds what that of the last success did not.

    Asked of the window itself: what is committed after it belongs to the next build.
    """
    calls, objects = holder.execute(
        """
        select
            exists (
                select 1 from raw_segment.loads
                where
                    loads.transaction_id >= pg_snapshot_xmin(builds.window_from)
                    and not pg_visible_in_snapshot(loads.transaction_id, builds.window_from)
                    and pg_visible_in_snapshot(loads.transaction_id, builds.window_to)
            ),
            exists (
                select 1 from raw_planhat.reads
                where
                    not pg_visible_in_snapshot(reads.transaction_id, builds.window_from)
                    and pg_visible_in_snapshot(reads.transaction_id, builds.window_to)
            )
        from sync.builds
        where build_id = %s
        """,
        [build_id],
    ).fetchone()  # type: ignore[misc]
    return [
        *(("raw_segment.events", "raw_segment.loads") if calls else ()),
        *(("raw_planhat",) if objects else ()),
    ]


def same_but_rows(inputs: Inputs) -> tuple[str, dict[str, Any]]:
    """A condition on rows of `sync.builds`, and its values: all but rows is as now."""
    return _SAME_BUT_ROWS, _asked(inputs)


def _asked(inputs: Inputs) -> dict[str, Any]:
    return {
        "as_of": inputs.as_of,
        "is_set": inputs.is_as_of_set,
        "settings": Jsonb(inputs.settings),
        "code": inputs.code_fingerprint,
    }


def full_because(holder: psycopg.Connection, inputs: Inputs) -> str | None:
    """Why the tables must be made from scratch: None when what they hold can be built on."""
    last = holder.execute(
        """
        select code_fingerprint, cluster_id, (select system_identifier from pg_control_system())
        from sync.builds
        where status = 'success'
        order by build_id desc
        limit 1
        """
    ).fetchone()
    if last is None:
        return "the first build"
    code, cluster, this_cluster = last
    if cluster != this_cluster:
        # Another cluster counts its transactions anew: what was committed elsewhere is committed.
        for table in ("raw_segment.loads", "raw_planhat.reads"):
            holder.execute(
                sql.SQL("update {} set transaction_id = pg_current_xact_id()").format(
                    sql.SQL(table)
                )
            )
        # what the books' check saw there says nothing of numbers here: it counts everything once
        for table in ("raw_segment.books_checked", "raw_segment.books_check"):
            holder.execute(sql.SQL("delete from {}").format(sql.SQL(table)))
        return "the warehouse was restored into another cluster"
    if code == inputs.code_fingerprint:
        return None
    files = _files_of_last_success(holder)
    # a build before files were noted
    return "the dbt project has changed" if files is None else changed_for_all(files, inputs.files)


def changed_since(holder: psycopg.Connection, inputs: Inputs) -> str | None:
    """Which files of models have changed since the last success, in words; None: none has."""
    files = _files_of_last_success(holder)
    return changed_models(files, inputs.files) if files else None


def _files_of_last_success(holder: psycopg.Connection) -> dict[str, str] | None:
    row = holder.execute(
        """
        select files from sync.project_files
        where code_fingerprint = (
            select code_fingerprint from sync.builds where status = 'success'
            order by build_id desc limit 1
        )
        limit 1
        """
    ).fetchone()
    return row[0] if row else None


def what_it_did(holder: psycopg.Connection, build_id: int) -> list[str]:
    """A line for each table that keeps a mark and that the build wrote to, in words."""
    rows = holder.execute(
        """
        select model, mode, rows_added, rows_changed, rows_gone from sync.model_marks
        where build_id = %s and (rows_added + rows_changed + rows_gone > 0 or mode = 'create')
        order by marked_at
        """,
        [build_id],
    ).fetchall()
    return [f"{model} ({mode}): {_rows_in_words(*counts)}" for model, mode, *counts in rows]


def _rows_in_words(added: int, changed: int, gone: int) -> str:
    counts = {"added": added, "changed": changed, "gone": gone}
    said = [f"{count:,} {what}" for what, count in counts.items() if count]
    return "rows " + ", ".join(said) if said else "no rows"


def note_interrupted(holder: psycopg.Connection) -> None:
    """Close the builds whose process ended before they did; the caller holds the lock."""
    interrupted = holder.execute(
        "update sync.builds set status = 'interrupted', finished_at = clock_timestamp(),"
        " reason = 'its process ended before it did' where status = 'running'"
        " returning build_id, settings, setting_changes"
    ).fetchall()
    for build_id, *settings in interrupted:
        distrust_marks(holder, build_id, *settings)


def distrust_marks(
    holder: psycopg.Connection, build_id: int, settings: dict[str, Any], setting_changes: int | None
) -> None:
    """If a setting was written while a build ran: let the next one compare what this one made.

    A model is compiled a moment before its mark is written, which might hold what came between.
    """
    if read_settings(holder) != (settings, setting_changes):
        holder.execute("update sync.model_marks set inputs = '' where build_id = %s", [build_id])


def open_build(
    holder: psycopg.Connection,
    inputs: Inputs,
    *,
    requested_by: str,
    because: str | None,
    rows_only: bool,
) -> tuple[int, datetime]:
    row = holder.execute(
        """
        insert into sync.builds (
            requested_by, as_of_date, is_as_of_set, is_full, full_because, window_from, window_to,
            settings, setting_changes, code_fingerprint, rules_version, cluster_id, sees_rows_only
        )
        select
            %(requested_by)s, %(as_of)s, %(is_set)s, %(because)s::text is not null, %(because)s,
            (select window_to from sync.builds where status = 'success'
             order by build_id desc limit 1),
            pg_current_snapshot(), %(settings)s, %(setting_changes)s, %(code)s, %(rules)s,
            (select system_identifier from pg_control_system()), %(rows_only)s
        returning build_id, started_at
        """,
        {
            **_asked(inputs),
            "requested_by": requested_by,
            "because": because,
            "setting_changes": inputs.setting_changes,
            "rules": rules.current_version(),
            "rows_only": rows_only,
        },
    ).fetchone()
    return row[0], row[1]  # type: ignore[index]


def close_build(
    holder: psycopg.Connection,
    build_id: int,
    started_at: datetime,
    nodes: list[dict[str, Any]],
    error: str | None,
) -> BuildReport:
    seconds = holder.execute(
        """
        update sync.builds
        set status = %s, reason = %s, nodes = %s, finished_at = clock_timestamp()
        where build_id = %s
        returning extract(epoch from finished_at - started_at)::float8
        """,
        ["failed" if error else "success", error, Jsonb(nodes), build_id],
    ).fetchone()[0]  # type: ignore[index]
    # what became of each model is kept for a week of builds, one a minute
    holder.execute(
        "update sync.builds set nodes = null where build_id = %s and nodes is not null",
        [build_id - KEPT_BUILDS],
    )
    if error:
        raise BuildError(f"Build {build_id} failed: {error}")
    return report_of(build_id, started_at, seconds, nodes)


def report_of(
    build_id: int,
    started_at: datetime,
    seconds: float,
    nodes: list[dict[str, Any]],
    is_reused: bool = False,
) -> BuildReport:
    kinds = [node["kind"] for node in nodes]
    return BuildReport(
        build_id=build_id,
        started_at=started_at.astimezone(UTC),
        seconds=seconds,
        models=kinds.count("model"),
        tests=kinds.count("test"),
        is_reused=is_reused,
    )
