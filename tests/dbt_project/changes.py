"""Small worlds for the incremental models: what was there, what is new, what must come out.

The worlds are `dbt_project/changes/<model>.yml`. Each is run through the model's own file and
materialization in all three modes, in a copy of the project where `ref` leads to the world's rows:

    a   made from what was there, then built on: mode changes
    b   made from what was there, then compared: mode compare, as if a setting had changed
    c   made from what is there now: mode create

All worlds are built together, in two runs of dbt in this process.
"""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import psycopg
import yaml
from psycopg import sql

from include.build import PROJECT, dbt_options, warehouse_environment
from include.settings import Settings
from tests.dbt_project.changes_mutations import Mutation

FOLDER = PROJECT / "changes"
AS_OF = "2026-03-10"
MODES = {"a": "changes", "b": "compare", "c": "create"}

# A model of a world asks for the world's rows, where it has any.
_REF = """
{% macro ref(name) %}
    {%- set found = modules.re.search('__case([0-9]+)[abc]?$', model.name) -%}
    {%- if found and name in var('cases')[found.group(1)] -%}
        {{ return(builtins.ref(name ~ '__case' ~ found.group(1))) }}
    {%- endif -%}
    {{ return(builtins.ref(name)) }}
{% endmacro %}
"""


# What stands for a table of a world: it comes of calls, as far as anybody asks.
_NOBODY_RUNS_THIS = "select 1 as it from {{ source('raw_segment', 'events') }}"


@dataclass(frozen=True)
class Input:
    """Rows of a table or view that the model is made from; `came` and `went` since it was."""

    name: str
    was: list[dict[str, Any]]
    came: list[dict[str, Any]]
    went: list[dict[str, Any]]

    @property
    def is_source(self) -> bool:
        return "." in self.name


@dataclass(frozen=True)
class World:
    number: int
    name: str
    model: str
    given: list[Input]
    expect: list[dict[str, Any]]
    description: str = ""

    def node(self, name: str, mode: str = "") -> str:
        return f"{name}__case{self.number}{mode}"


def read_worlds() -> list[World]:
    """All worlds, by file; what a file says that nobody reads is an error."""
    worlds: list[World] = []
    for file in sorted(FOLDER.glob("*.yml")):
        for said in yaml.safe_load(file.read_text())["changes"]:
            given = [_input(each) for each in said.pop("given")]
            worlds.append(World(number=len(worlds), model=file.stem, given=given, **said))
    return worlds


def _input(said: dict[str, Any]) -> Input:
    names = re.findall(r"'(\w+)'", said.pop("input"))
    rows = {key: said.pop(key, []) for key in ("was", "came", "went")}
    assert not said, f"of an input only was, came and went are known, not {sorted(said)}"
    return Input(".".join(names), **rows)


class Copy:
    """A copy of the project with the worlds in it, in a warehouse that was built before."""

    def __init__(self, folder: Path, url: str, settings: Settings, worlds: Iterable[World]) -> None:
        self.url, self.worlds = url, list(worlds)
        # nodes as dbt has them, with their text
        self.built: dict[str, Any] = {}
        self.root = folder / "project"
        shutil.copytree(
            PROJECT, self.root,
            ignore=lambda _, names: [
                name for name in names
                if name in ("target", "logs", "tests", "changes")
                or (name.endswith(".yml") and name not in ("sources.yml", *_KEPT))
            ],
        )  # fmt: skip
        options = dbt_options(replace(settings, data_dir=folder, dbt_threads=4))
        self.options = [str(self.root) if each == str(PROJECT) else each for each in options]
        self.options += ["--no-static-parser"]
        os.environ.update(warehouse_environment(url))
        (self.root / "macros" / "ref.sql").write_text(_REF)
        self._know_worlds_by_name()
        self._leave_out_what_nobody_reads()
        self.write()

    def _know_worlds_by_name(self) -> None:
        # what a table is made from is checked by name
        file = self.root / "materializations" / "contract.sql"
        text = file.read_text()
        named = "{graph.nodes[parent].name:"
        assert named in text
        known = "{graph.nodes[parent].name.split('__case')[0]:"
        file.write_text(text.replace(named, known))

    def _leave_out_what_nobody_reads(self) -> None:
        # half of the models: dbt parses the others twice as fast
        macros = " ".join(file.read_text() for file in (self.root / "macros").glob("*.sql"))
        read = [world.model for world in self.worlds]
        read += [name for name in self._files if f"'{name}'" in macros]
        for name in read:
            read += self._names_in(name) - set(read)
        for name in set(self._files) - set(read):
            self._files.pop(name).unlink()

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {
            file.stem: file
            for file in (self.root / "models").rglob("*.sql")
            if "__case" not in file.stem and not file.stem.startswith("refused_")
        }

    def write(self) -> None:
        """The files of all worlds, from the copy's models as they are now."""
        cases = {}
        for world in self.worlds:
            tables = {each.name for each in self.inputs(world) if not each.is_source}
            views = self._views_between(world.model, tables)
            cases[str(world.number)] = sorted(tables | views)
            for name in tables:
                self._write(world.node(name), name, _NOBODY_RUNS_THIS)
            for name in views:
                self._write(world.node(name), name)
            for mode in MODES:
                self._write(world.node(world.model, mode), world.model)
        file = self.root / "dbt_project.yml"
        project = yaml.safe_load(file.read_text())
        project["vars"]["cases"] = cases
        file.write_text(yaml.safe_dump(project))

    def _write(self, node: str, name: str, text: str = "") -> None:
        file = self._files[name]
        (file.parent / f"{node}.sql").write_text(text or file.read_text())

    def _names_in(self, name: str) -> set[str]:
        return set(re.findall(r"'(\w+)'", self._files[name].read_text())) & set(self._files)

    def _views_between(self, name: str, tables: set[str]) -> set[str]:
        """The views, made in the world too, through which a model reads one of the tables."""
        views: set[str] = set()
        for parent in self._names_in(name) - tables:
            text = self._files[parent].read_text()
            is_staging = "staging" in self._files[parent].parts and "materialized=" not in text
            if is_staging or "materialized='view'" in text:
                between = self._views_between(parent, tables)
                if between or self._names_in(parent) & tables:
                    views |= {parent, *between}
        return views

    def inputs(self, world: World) -> list[Input]:
        """Those given; and where another model tells what is new of one, that it does."""
        names = {each.name for each in world.given}
        telling = re.findall(
            r"new_or_all\('(\w+)', told_by='(\w+)'", self._files[world.model].read_text()
        )
        told = [
            replace(each, name=teller, was=[])
            for name, teller in telling
            for each in world.given
            if each.name == name and teller not in names
        ]
        return [*world.given, *told]

    @contextmanager
    def spoilt(self, mutations: Iterable[Mutation]) -> Iterator[None]:
        """With these mutations in the copy's own files, and in what is made from them."""
        earlier = {}
        for mutation in mutations:
            file = self.root / mutation.file
            earlier[file] = file.read_text()
            assert earlier[file].count(mutation.old) == 1, mutation
            file.write_text(earlier[file].replace(mutation.old, mutation.new))
        self.write()
        try:
            yield
        finally:
            for file, text in earlier.items():
                file.write_text(text)
            self.write()

    # Running them

    def problems(self, worlds: Iterable[World] | None = None) -> dict[str, list[str]]:
        """By world what is not as it must be: an empty list where all is well."""
        worlds = list(self.worlds if worlds is None else worlds)
        with psycopg.connect(self.url, autocommit=True) as connection:
            self._clear(connection)
            for world in worlds:
                for given in self.inputs(world):
                    self._put(connection, world, given)
            first = self._build(
                connection, [world.node(world.model, mode) for world in worlds for mode in "ab"],
                [
                    world.node(view)
                    for world in worlds
                    for view in self._views_between(
                        world.model, {each.name for each in self.inputs(world)}
                    )
                ],
            )  # fmt: skip
            before = {world.number: self._rows(connection, world, "a") for world in worlds}
            connection.execute(
                "update sync.model_marks set inputs = 'other' where model ~ '__case[0-9]+b$'"
            )
            for world in worlds:
                for given in self.inputs(world):
                    self._change(connection, world, given)
            second = self._build(
                connection, [world.node(world.model, mode) for world in worlds for mode in MODES]
            )
            failed = {**first, **second}
            return {
                world.name: [
                    f"{node}: {message}" for node, message in failed.items()
                    if re.fullmatch(rf".*__case{world.number}[abc]?", node)
                ] or list(self._differences(connection, world, before[world.number]))
                for world in worlds
            }  # fmt: skip

    def failures(self, models: dict[str, tuple[str, str]]) -> dict[str, str]:
        """By name what is said of models that fail: each stands beside another, with this text."""
        for name, (origin, text) in models.items():
            self._write(name, origin, text)
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                return self._build(connection, list(models))
        finally:
            for name, (origin, _) in models.items():
                (self._files[origin].parent / f"{name}.sql").unlink()

    def read(self, model: str) -> str:
        """The text of a model's file."""
        return self._files[model].read_text()

    def _clear(self, connection: psycopg.Connection) -> None:
        connection.execute("delete from sync.model_marks where model like '%\\_\\_case%'")
        connection.execute("delete from sync.builds where requested_by = 'changes'")
        for kind, name in connection.execute(
            "select case relkind when 'v' then 'view' else 'table' end, oid::regclass::text"
            " from pg_class where relname ~ '__case[0-9]+' and relkind in ('v', 'r')"
            " order by relkind desc"
        ).fetchall():
            connection.execute(f"drop {kind} if exists {name} cascade")

        for world in self.worlds:
            for given in world.given:
                if given.is_source:
                    for row in [*given.was, *given.came]:
                        _delete(connection, self._table(connection, world, given.name), row)

    def _table(self, connection: psycopg.Connection, world: World, name: str) -> sql.Identifier:
        """The world's own table of that name."""
        if "." in name:
            return sql.Identifier(*name.split("."))
        return sql.Identifier(_schema_of(connection, name), world.node(name))

    def _put(self, connection: psycopg.Connection, world: World, given: Input) -> None:
        table = self._table(connection, world, given.name)
        if not given.is_source:
            schema = _schema_of(connection, given.name)
            connection.execute(
                sql.SQL("create table {} (like {})").format(
                    table, sql.Identifier(schema, given.name)
                )
            )
            if journal := self._journal(connection, world, given):
                connection.execute(
                    sql.SQL("create table {} (like {})").format(
                        journal, sql.Identifier(schema, f"{given.name}__journal")
                    )
                )
        _insert(connection, table, given.was, build_id=self._next_build(connection))

    def _journal(
        self, connection: psycopg.Connection, world: World, given: Input
    ) -> sql.Identifier | None:
        """The world's own journal of an input, if that has one."""
        if given.is_source:
            return None
        schema = _schema_of(connection, given.name)
        if not _one(
            connection, "select to_regclass(%s) is not null", f"{schema}.{given.name}__journal"
        ):
            return None
        return sql.Identifier(schema, f"{world.node(given.name)}__journal")

    def _change(self, connection: psycopg.Connection, world: World, given: Input) -> None:
        table, build = self._table(connection, world, given.name), self._next_build(connection)
        signed = [(1, given.came), (-1, given.went)]
        if _has_column(connection, table, "journal_sign"):
            for sign, rows in signed:
                _insert(connection, table, rows, build_id=build, journal_sign=sign)
            return
        for row in given.went:
            deleted = _delete(connection, table, row)
            assert deleted == 1, f"of what went, one row must have been there as said: {row}"
        _insert(connection, table, given.came, build_id=build)
        if journal := self._journal(connection, world, given):
            for sign, rows in signed:
                _insert(connection, journal, rows, journal_build=build, journal_sign=sign)

    def _next_build(self, connection: psycopg.Connection) -> int:
        return _one(connection, "select max(build_id) + 1 from sync.builds")

    def _build(
        self, connection: psycopg.Connection, nodes: list[str], views: Iterable[str] = ()
    ) -> dict[str, str]:
        """Those that failed, with the reason. As in a build of its own, with the next number."""
        from dbt.cli.main import dbtRunner

        connection.execute(
            "insert into sync.builds overriding system value"
            " select (build).* from (select jsonb_populate_record(builds, jsonb_build_object("
            "  'build_id', (select max(build_id) + 1 from sync.builds), 'status', 'running',"
            "  'requested_by', 'changes', 'window_to', pg_current_snapshot()"
            " )) as build from sync.builds order by build_id limit 1)"
        )
        outcome = dbtRunner().invoke(
            [
                "run", "--log-level", "none",
                "--vars", json.dumps({"as_of": AS_OF, "in_build": True}),
                "--select", *nodes, *views, *self.options,
            ]
        )  # fmt: skip
        connection.execute(
            "update sync.builds set status = 'success', finished_at = clock_timestamp()"
            " where status = 'running'"
        )
        results = getattr(outcome.result, "results", None)
        assert results, outcome.exception
        assert len(results) == len({*nodes, *views})
        self.built.update({result.node.name: result.node for result in results})
        return {
            result.node.name: str(result.message)
            for result in results
            if str(result.status) != "success"
        }

    def _rows(
        self, connection: psycopg.Connection, world: World, mode: str, suffix: str = ""
    ) -> Counter[str]:
        table = sql.Identifier(
            _schema_of(connection, world.model), f"{world.node(world.model, mode)}{suffix}"
        )
        if not _one(connection, "select to_regclass(%s) is not null", table.as_string(None)):
            return Counter()
        condition = "where build_id = (select max(build_id) from sync.builds)"
        query = sql.SQL("select (to_jsonb(each) - %s::text[])::text from {} as each {}").format(
            table, sql.SQL(condition if self._tells_of_builds(world) else "")
        )
        return Counter(row[0] for row in connection.execute(query, [_OF_A_BUILD]))

    def _tells_of_builds(self, world: World) -> bool:
        """Whether the model has what changed in a build, not what is."""
        text = self._files[world.model].read_text()
        return "'is_signed': true" in text or "'keeps_rows': true" in text

    def _differences(
        self, connection: psycopg.Connection, world: World, before: Counter[str]
    ) -> Iterable[str]:
        modes = dict(connection.execute("select model, mode from sync.model_marks").fetchall())
        for letter, mode in MODES.items():
            if (found := modes.get(world.node(world.model, letter))) != mode:
                yield f"{letter} was made in mode {found}, not in {mode}"
        rows = {letter: self._rows(connection, world, letter) for letter in MODES}
        if not self._tells_of_builds(world):
            yield from _compare("compare", rows["b"], rows["c"], "create")
            yield from _compare("changes", rows["a"], rows["c"], "create")
        yield from self._against_expected(connection, world)
        yield from self._late_conditions(connection, world)
        schema, node = _schema_of(connection, world.model), world.node(world.model, "a")
        if _one(connection, "select to_regclass(%s) is not null", f"{schema}.{node}__journal"):
            journal = sql.Identifier(schema, f"{node}__journal")
            carried = before.copy()
            for row, sign in connection.execute(
                sql.SQL(
                    "select (to_jsonb(each) - %s::text[])::text, journal_sign from {} as each"
                ).format(journal),
                [[*_OF_A_BUILD, "journal_build", "journal_sign"]],
            ):
                carried[row] += sign
            yield from _compare("carried on by the journal", +carried, rows["a"], "changes")

    def _late_conditions(self, connection: psycopg.Connection, world: World) -> Iterable[str]:
        """Where a key that is looked up in a SELECT does not go down to what is read of tables.

        Then whatever changes costs a look at everything.
        """
        node = self.built[world.node(world.model, "c")]
        touched_by = node.config.meta.get("touched_by")
        if not touched_by:
            return
        key = node.config.unique_key[: len(next(iter(touched_by.values())))]
        same = " and ".join(f"found.{name} = touched.{name}" for name in key)
        (plan,) = _one(
            connection,
            f"explain (format json) select found.* from {node.relation_name} as touched"
            f" cross join lateral (select * from ({node.compiled_code}) as found"
            f" where {same} offset bigint '0') as found",
        )
        for step in _steps(plan["Plan"]):
            if "touched." in step.get("Filter", "") and "Relation Name" not in step:
                yield f"only in a {step['Node Type']} the key is asked for: {step['Filter']}"

    def _against_expected(self, connection: psycopg.Connection, world: World) -> Iterable[str]:
        names = sorted({name for row in world.expect for name in row})
        table = sql.Identifier(_schema_of(connection, world.model), world.node(world.model, "a"))
        # in the table's own types
        meant = connection.execute(
            sql.SQL(
                "select to_jsonb(each)::text from jsonb_populate_recordset(null::{}, %s) as each"
            ).format(table),
            [json.dumps(world.expect, default=str)],
        ).fetchall()
        there = self._rows(connection, world, "a")
        yield from _compare(
            "changes",
            _project((row for row in there.elements()), names),
            _project((row for (row,) in meant), names),
            "the world",
        )


_KEPT = ("dbt_project.yml",)
# Columns that tell when, not what.
_OF_A_BUILD = ["build_id", "changed_at"]


def _steps(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(step for each in plan.get("Plans", []) for step in _steps(each))]


def _project(rows: Iterable[str], names: list[str]) -> Counter[str]:
    loaded = (json.loads(row) for row in rows)
    return Counter(json.dumps({name: row[name] for name in names}) for row in loaded)


def _compare(one: str, rows: Counter[str], meant: Counter[str], other: str) -> Iterable[str]:
    for row in (rows - meant).elements():
        yield f"only {one} says {row}"
    for row in (meant - rows).elements():
        yield f"only {other} says {row}"


def _one(connection: psycopg.Connection, query: str, *parameters: object) -> Any:
    row = connection.execute(cast(Any, query), parameters or None).fetchone()
    assert row
    return row[0]


def _schema_of(connection: psycopg.Connection, name: str) -> str:
    return _one(
        connection,
        "select table_schema from information_schema.tables where table_name = %s",
        name,
    )


def _has_column(connection: psycopg.Connection, table: sql.Identifier, name: str) -> bool:
    return _one(
        connection,
        "select exists (select 1 from pg_attribute where attrelid = %s::regclass and attname = %s)",
        table.as_string(None),
        name,
    )


def _insert(
    connection: psycopg.Connection, table: sql.Identifier, rows: list[dict], **more: int
) -> None:
    """What a row does not say is null; `more` where the table has such a column."""
    if rows:
        names = sorted({name for row in rows for name in (*more, *row)})
        names = [name for name in names if _has_column(connection, table, name)]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        connection.execute(
            sql.SQL(
                "insert into {0} ({1}) select {1} from jsonb_populate_recordset(null::{0}, %s)"
            ).format(table, columns),
            [json.dumps([{**more, **row} for row in rows], default=str)],
        )


def _delete(connection: psycopg.Connection, table: sql.Identifier, row: dict) -> int:
    same = sql.SQL(" and ").join(
        sql.SQL("each.{0} is not distinct from gone.{0}").format(sql.Identifier(name))
        for name in row
    )
    return connection.execute(
        sql.SQL(
            "delete from {0} as each using jsonb_populate_record(null::{0}, %s) as gone where {1}"
        ).format(table, same),
        [json.dumps(row, default=str)],
    ).rowcount
