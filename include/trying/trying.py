"""A try from its beginning to what it found; nothing of the truth is written."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg

from include.build import project
from include.build.dbt import Dbt
from include.build.inputs import read_settings
from include.build.lock import share_lock
from include.errors import ProblemError
from include.nearest import refuse_unknown
from include.settings import Settings
from include.trying import setting
from include.trying.choosing import (
    ALL,
    Edits,
    edits_between,
    files_of_build,
    files_of_git,
    readers_of,
)
from include.trying.environment import Beside, clean, environment
from include.trying.making import FailedTest, Made, make, read_manifest, run_tests
from include.trying.moved import Moved, compare_owners
from include.trying.numbers import NumbersDiffer, compare_numbers
from include.trying.pushed import PushedModelDiffers, compare_plans
from include.trying.rows import TableDiffers, compare_rows
from include.warehouse.connection import connect
from include.warehouse.migrate import check_migrated

Say = Callable[[str], None]


@dataclass(frozen=True)
class Asked:
    """What is to be tried. Nothing named: what differs from the last build."""

    models: tuple[str, ...] = ()
    # a revision of git
    since: str = ""
    # as `include.trying.setting` reads them
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tried:
    """What a try found, from the outside in."""

    what: tuple[str, ...]
    build_id: int
    as_of: date
    pushed: tuple[PushedModelDiffers, ...] = ()
    moved: Moved = field(default_factory=Moved)
    numbers: tuple[NumbersDiffer, ...] = ()
    tables: tuple[TableDiffers, ...] = ()
    failed_tests: tuple[FailedTest, ...] = ()
    # columns with people in them, and the relations that have any
    personal: frozenset[str] = frozenset()
    of_people: frozenset[str] = frozenset()
    seconds: float = 0.0

    @property
    def differs_outside(self) -> bool:
        """Whether anybody who is no model would see it."""
        return bool(
            self.pushed or self.moved or self.numbers or self.failed_tests
            or any(each.is_outside for each in self.tables)
        )  # fmt: skip

    @property
    def exit_code(self) -> int:
        """0: nothing outside differs; 2: look at it."""
        return 2 if self.differs_outside else 0


def try_it(url: str, settings: Settings, asked: Asked, *, by: str, say: Say = print) -> Tried:
    """Make what differs beside the truth, and compare. A build waits meanwhile.

    Raises `SettingError` for what cannot be meant, `ProblemError` where the truth is not what
    there is to compare with, `BuildError` where what is tried cannot be made, `BusyError` after
    half an hour of others' builds.
    """
    began = time.monotonic()
    check_migrated(url)
    with ExitStack() as stack:
        holder = stack.enter_context(
            connect(url, application_name=f"try for {by}", autocommit=True)
        )
        if cleaned := clean(holder):
            say(f"dropped what killed tries left: {len(cleaned)}")
        changes = setting.read(asked.settings)
        git = files_of_git(asked.since) if asked.since else None
        share_lock(holder, say)
        beside, as_of = _truth(holder)
        rows = setting.rows_with(holder, changes, by=by)
        edits = _edits(holder, asked, git)
        dbt = stack.enter_context(Dbt(url, settings, as_of=as_of, say=say))
        manifest = read_manifest(dbt)
        tried = _tried(manifest, asked, edits, list(rows))
        what = (*(str(change) for change in changes), *edits.remarks)
        for line in what:
            say(line)
        if not tried and not edits.tested:
            say("Nothing differs from what the last build was made of: there is nothing to try")
            return Tried(what, beside.build_id, as_of, seconds=time.monotonic() - began)
        made = stack.enter_context(environment(holder))
        personal, of_people = _personal(manifest)
        found: list[Made] = []
        if tried:
            found = make(dbt, manifest, holder, made, beside, tried=tried, settings=rows)
        say("  comparing")
        differing = [each for each in found if each.differs]
        outbound = {
            each.relation for each in found
            if each.schema in ("planhat", "to_planhat") and (each.differs or each.model in tried)
        }  # fmt: skip
        return Tried(
            what, beside.build_id, as_of,
            pushed=tuple(compare_plans(url, settings, made, outbound, project.PROJECT)),
            moved=compare_owners(holder, made, found, tried),
            numbers=tuple(compare_numbers(holder, made, found)),
            tables=tuple(compare_rows(holder, made, found)),
            failed_tests=tuple(
                run_tests(dbt, sorted({*(each.model for each in differing), *edits.tested}))
            ),
            personal=personal, of_people=of_people, seconds=time.monotonic() - began,
        )  # fmt: skip


def drop_leftovers(url: str, *, say: Say = print) -> None:
    """Drop what killed tries left; those that run go on."""
    with connect(url, application_name="clean tries", autocommit=True) as holder:
        cleaned = clean(holder)
    say(f"{len(cleaned)} left" if cleaned else "Nothing was left by any try.")


def _truth(holder: psycopg.Connection) -> tuple[Beside, date]:
    """The last build. Raises `ProblemError` where its tables are not what there is."""
    last = holder.execute(
        "select build_id, status, window_to::text, as_of_date, settings, reason from sync.builds"
        " order by build_id desc limit 1"
    ).fetchone()
    if last is None:
        raise ProblemError("Nothing was built yet: `make build` first.")
    build_id, status, window, as_of, used, reason = last
    if status != "success":
        raise ProblemError(
            f"The last build ({build_id}) did not succeed, so there is no truth to compare with"
            + (f": {reason}" if reason else ".")
        )
    if read_settings(holder)[0] != used:
        raise ProblemError(
            "A setting was changed, or a table made by hand, since the last build: try again after"
            " the next one."
        )
    (is_read,) = holder.execute(
        "select exists (select from raw_planhat.reads where"
        " not pg_visible_in_snapshot(transaction_id, %s::pg_snapshot)"
        " and considered - unchanged + deleted + rejected > 0)",
        [window],
    ).fetchone()  # type: ignore[misc]
    if is_read:
        raise ProblemError("Planhat was read since the last build: try again after the next one.")
    return Beside(build_id, window), as_of


def _edits(holder: psycopg.Connection, asked: Asked, git: dict[str, str] | None) -> Edits:
    now = project.files()
    if git is not None:
        return edits_between(git, now, asked.since)
    if asked.models:
        return Edits((), (), (f"{', '.join(asked.models)} as the working tree has it",))
    return edits_between(files_of_build(holder), now, "what the last build was made of")


def _tried(manifest: Any, asked: Asked, edits: Edits, tables: Sequence[str]) -> list[str]:
    """The models that are tried themselves."""
    known = {node.name for node in manifest.nodes.values() if node.resource_type == "model"}
    refuse_unknown(asked.models, sorted(known), "model")
    if ALL in edits.models:
        return [ALL]
    named = {*asked.models, *edits.models, *readers_of(manifest, tables)}
    return sorted(named & known)


def _personal(manifest: Any) -> tuple[frozenset[str], frozenset[str]]:
    """Columns that hold people's data, by name; and the relations that have any."""
    columns, relations = {"user_id", "anonymous_id"}, set()
    for node in manifest.nodes.values():
        if node.resource_type != "model":
            continue
        tagged = {name for name, each in node.columns.items() if each.config.meta.get("pii")}
        columns |= tagged
        if tagged:
            relations.add(f"{node.schema}.{node.alias}")
    return frozenset(columns), frozenset(relations)
