"""Random worlds, in any order and in any number of builds, come out as the rules say.

Many worlds share one warehouse, each with ids of its own. They land in rounds, in random order,
with a build after each, and must come out as the rules say (`reference.py`), and as one full
rebuild says. A world that does not is shrunk and printed.

LONG=1 takes more worlds; ANY_ORDER_WORLDS and ANY_ORDER_SEED as many as one likes, and others.
"""

import itertools
import json
import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Json

from include.build import build
from include.sample import accounts
from include.sample.calls import messages
from include.sample.cases import Case, Created, Outcome, all_cases
from include.sample.declared import (
    BLOCKED_IDENTITIES,
    COMPANY_ALIASES,
    COMPANY_METRICS,
    EXCLUDED,
    OBJECT_KEYS,
    USAGE_EVENTS,
)
from include.settings import Settings
from include.warehouse import embedded
from tests.dbt_project import worlds as making
from tests.dbt_project.reference import (
    Block,
    Decimal,
    FormerKey,
    LandedCall,
    PlanhatObject,
    Reference,
    Rules,
)
from tests.dbt_project.test_sample import DAYS
from tests.dbt_project.worlds import (
    AS_OF,
    ROUNDS,
    SETTINGS_ROUNDS,
    SHARED,
    START,
    SWITCHES,
    Rendered,
    World,
    draw_worlds,
)
from tests.parts import usually

WORLDS = int(os.environ.get("ANY_ORDER_WORLDS") or usually(250, 3_000))
SEED = int(os.environ.get("ANY_ORDER_SEED", "20260302"))


def render(worlds: Iterable[World]) -> list[Rendered]:
    return [Rendered(number, world) for number, world in enumerate(worlds, 1)]


# Into a warehouse

_LAND = """
    with load as (insert into raw_segment.loads default values returning load_id)
    insert into raw_segment.events (message_id, source, type, received_at, payload, load_id)
    select row.*, load.load_id
    from
        unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::jsonb[]) as row,
        load
    on conflict (message_key) do nothing
"""
_WRITE_OBJECT = """
    insert into raw_planhat.objects (model, planhat_id, payload, deleted_at)
    values (%s, %s, %s, null)
    on conflict (model, planhat_id) do update
    set payload = excluded.payload, deleted_at = null, changed_at = now()
"""
_DELETE_OBJECT = """
    update raw_planhat.objects set deleted_at = now(), changed_at = now()
    where model = %s and planhat_id = %s
"""
_WRITE_FORMER_KEY = """
    insert into raw_planhat.former_keys (model, company, planhat_id, external_id, last_read_id)
    values (%s, %s, %s, %s, %s)
    on conflict (model, md5(company), md5(external_id), planhat_id)
    do update set last_read_id = excluded.last_read_id
"""
_LOG_READ = """
    insert into raw_planhat.reads (
        model, origin, considered, added, changed, returned, unchanged, deleted, withheld, rejected
    )
    values (%s, 'any order', %s, 0, %s, 0, 0, %s, 0, 0)
"""


def deliver(connection: psycopg.Connection, worlds: list[Rendered], number: int) -> None:
    """Everything of one round: what operators set, what a read of Planhat finds, what lands."""
    if number == 0:
        for source, kind in making.SOURCES.items():
            connection.execute(
                "insert into raw_segment.sources (source, kind, original_timestamp_first)"
                " values (%s, %s, %s)",
                [source, kind, source in making.ORIGINAL_FIRST],
            )
    for round_, switch, is_on, minute in SWITCHES:
        if round_ == number:
            connection.execute(
                "insert into sync.switches (switch, is_on, valid_from) values (%s, %s, %s)",
                [switch, is_on, START + timedelta(minutes=minute)],
            )
    own = [each for world in worlds for each in world.own_settings()]
    for setting in (*SHARED, *own):
        if setting.round == number:
            _write_setting(connection, setting)
    _write_objects(connection, worlds, number)
    landed = [
        (row.message_id, source, row.type, row.received_at, json.dumps(row.payload))
        for world in worlds
        for round_, source, row in world.landed()
        if round_ == number
    ]
    # two transactions, as two requests would be
    middle = len(landed) // 2
    for rows in filter(None, (landed[:middle], landed[middle:])):
        with connection.transaction():
            connection.execute(_LAND, [list(column) for column in zip(*rows, strict=True)])


def _write_setting(connection: psycopg.Connection, setting: making.Setting) -> None:
    columns: dict[str, list[str]] = {
        "blocked_identities": ["key", "kind", "value"],
        "excluded": ["kind", "value"],
        "company_aliases": ["alias", "planhat_id"],
        "thresholds": ["threshold", "value", "unit", "meaning"],
        "company_metrics": ["metric", "aggregation"],
        "usage_events": ["type", "event", "counted", "weight"],
        "object_keys": ["model", "property", "position"],
        "key_names": ["key", "path", "position"],
    }
    names = columns[setting.table]
    keys = names[: len(setting.key)]
    table = sql.Identifier("sync", setting.table)
    condition = sql.SQL(" and ").join(
        sql.SQL("{} = %s").format(sql.Identifier(name)) for name in keys
    )
    connection.execute(
        sql.SQL("delete from {} where {}").format(table, condition), list(setting.key)
    )
    if setting.value is None:
        return
    values = setting.value if isinstance(setting.value, tuple) else (setting.value,)
    row = [*setting.key, *values][: len(names)]
    connection.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            table,
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        ),
        row,
    )


def _write_objects(connection: psycopg.Connection, worlds: list[Rendered], number: int) -> None:
    there: dict[str, list[dict[str, Any]]] = defaultdict(list)
    gone: dict[str, list[str]] = defaultdict(list)
    for world in worlds:
        for change in world.world.changes:
            if change.round != number:
                continue
            if change.fields is None:
                gone[change.model].append(world.planhat_id(change.model, change.name))
            else:
                there[change.model].append(world.fields(change))
    former = [
        (row.model, row.company_id, row.id, row.external_id, row.last_read_id)
        for world in worlds
        for round_, row in world.former_keys()
        if round_ == number
    ]
    for model in {*there, *gone}:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(_WRITE_FORMER_KEY, [row for row in former if row[0] == model])
            cursor.executemany(
                _WRITE_OBJECT, [(model, each["_id"], Json(each)) for each in there[model]]
            )
            cursor.executemany(_DELETE_OBJECT, [(model, id_) for id_ in gone[model]])
            found = len(there[model])
            cursor.execute(_LOG_READ, [model, found, found, len(gone[model])])


# What the tables say, and what the rules say

Rows = dict[tuple, dict[str, Any]]
Tables = dict[str, Rows]

_READ: dict[str, tuple[str, tuple[str, ...]]] = {
    "event_resolution": ("select * from marts.event_resolution", ("message_id",)),
    "usage_daily": (
        "select * from marts.usage_daily",
        ("object_type", "object_id", "activity_date", "event"),
    ),
    "company_metrics": (
        "select * from marts.company_metrics",
        ("company_id", "metric", "metric_date"),
    ),
    "metric_rejections": ("select * from marts.metric_rejections", ("message_id", "metric")),
    "endusers": ("select * from marts.endusers where origin = 'segment'", ("enduser_id",)),
    "identity_conflicts": (
        "select * from marts.identity_conflicts",
        ("kind", "company_id", "user_id", "email", "previous_id"),
    ),
}


def read_tables(url: str) -> Tables:
    """The rows by their keys; a created enduser is named as in the reference."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        found = {table: connection.execute(query) for table, (query, _) in _READ.items()}
        rows = {table: cursor.fetchall() for table, cursor in found.items()}
    names = {
        row["enduser_id"]: f"created:{row['company_id']}:"
        + (row["external_id"] or f"{row['email']} (e-mail)")
        for row in rows["endusers"]
    }
    tables: Tables = {}
    for table, (_, keys) in _READ.items():
        renamed = [
            {
                column: names.get(value, value) if isinstance(value, str) else value
                for column, value in row.items()
            }
            for row in rows[table]
        ]
        tables[table] = {tuple(row[key] for key in keys): row for row in renamed}
        assert len(tables[table]) == len(renamed), f"{table} has a key twice"
    return tables


def expected_tables(reference: Reference) -> Tables:
    return {
        "event_resolution": {(key,): row for key, row in reference.event_resolution().items()},
        "usage_daily": dict(reference.usage_daily()),
        "company_metrics": dict(reference.company_metrics()),
        "metric_rejections": dict(reference.metric_rejections()),
        "endusers": {(key,): row for key, row in reference.endusers_created().items()},
        "identity_conflicts": dict(reference.identity_conflicts()),
    }


def owner(key: tuple) -> int:
    """The number of the world that a row with this key belongs to."""
    text = " ".join(str(part) for part in key)
    found = re.search(r"\bw(\d{6})|(?:planhat-)w(\d{6})|\b(\d{6})[0-9a-f]{18}\b", text)
    assert found, f"a row that belongs to no world: {key}"
    return int(next(number for number in found.groups() if number))


Differences = dict[int, dict[str, list[str]]]


def differences(tables: Tables, worlds: list[Rendered]) -> Differences:
    """Per number of a world and table, where it says something else than the rules."""
    said: dict[int, Tables] = defaultdict(lambda: {table: {} for table in _READ})
    for table, rows in tables.items():
        for key, row in rows.items():
            said[owner(key)][table][key] = row
    found: Differences = defaultdict(dict)
    for world in worlds:
        for table, rows in expected_tables(world.reference()).items():
            if lines := list(_compare(said[world.number][table], rows)):
                found[world.number][table] = lines
    return found


def _compare(said: Rows, meant: Rows) -> Iterator[str]:
    for key, row in meant.items():
        there = said.get(key)
        if there is None:
            yield f"{key} is not there, the rules say {row}"
            continue
        for column, value in row.items():
            if there[column] != value:
                yield f"{key}: {column} is {there[column]!r}, the rules say {value!r}"
    for key in said.keys() - meant.keys():
        yield f"{key} is there, the rules say nothing of it"


# A world that fails, made small


@dataclass
class Laboratory:
    """Tries worlds in warehouses of their own, many at a time; fails are those of one table."""

    server: Settings
    table: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def warehouse(self) -> Iterator[tuple[str, Settings]]:
        name = f"any_order_{next(self.numbers)}"
        with psycopg.connect(
            embedded.server_url(self.server, "postgres"), autocommit=True
        ) as admin:
            admin.execute(f"create database {name} template warehouse strategy file_copy")
            url = embedded.server_url(self.server, name)
            try:
                yield url, replace(self.server, airflow_conn_warehouse=url)
            finally:
                admin.execute(f"drop database if exists {name} with (force)")

    def try_out(self, worlds: list[World], *, builds: int) -> dict[int, list[str]]:
        """Positions of the worlds that fail, with their differences; `builds` is 1 or ROUNDS."""
        rendered = render(worlds)
        with self.warehouse() as (url, settings):
            for number in range(ROUNDS):
                with psycopg.connect(url, autocommit=True) as connection:
                    deliver(connection, rendered, number)
                if builds == ROUNDS or number == ROUNDS - 1:
                    make_build(url, settings)
            found = differences(read_tables(url), rendered)
        return {
            number - 1: tables[self.table]
            for number, tables in found.items()
            if self.table in tables
        }

    def shrink(self, failing: list[World]) -> tuple[World, list[str]]:
        """A small world that fails still, from several that do; at most six warehouses."""
        builds = 1
        found = self.try_out(failing, builds=builds)
        if not found:
            builds = ROUNDS
            found = self.try_out(failing, builds=builds)
        if not found:
            return failing[0], ["fails among others, but not without them"]
        world, lines = _smallest(failing, found)
        for seed in range(4):
            candidates = list(_smaller(world, random.Random(seed)))
            found = self.try_out(candidates, builds=builds) if candidates else {}
            if not found:
                break
            world, lines = _smallest(candidates, found)
        return world, [f"after {builds} build{'s' if builds > 1 else ''}:", *lines]


def _smallest(worlds: list[World], found: dict[int, list[str]]) -> tuple[World, list[str]]:
    position = min(found, key=lambda each: (worlds[each].size, each))
    return worlds[position], found[position]


def _smaller(world: World, chance: random.Random) -> Iterator[World]:
    """Every world with one or two elements less, and many with a random part only."""
    positions = range(world.size)
    for dropped in itertools.chain(
        itertools.combinations(positions, 1), itertools.combinations(positions, 2)
    ):
        yield world.without(set(dropped))
    for _ in range(600 if world.size > 3 else 0):
        kept = chance.sample(positions, chance.randint(1, world.size - 3))
        yield world.without(set(positions) - set(kept))


# The proof


def make_build(url: str, settings: Settings, *, full: bool = False) -> None:
    build(
        url, settings, requested_by="test", as_of=AS_OF, full=full, say=lambda line: None
    )  # fmt: skip


@dataclass
class Delivered:
    worlds: list[Rendered]
    # after the last of several builds
    differences: Differences
    everything: dict[str, Counter]
    # and after one full rebuild
    everything_rebuilt: dict[str, Counter]
    # what each incremental table looked at, build by build
    modes: list[dict[str, str]]
    # which builds saw nothing but new rows, and left out what those do not reach
    saw_rows_only: list[bool]
    # shrinking builds several times: for the first table that fails only
    was_shrunk: bool = False


@pytest.fixture(scope="module")
def delivered(module_warehouse: str, module_settings: Settings) -> Delivered:
    """All worlds in one warehouse, after a build for each round, and after a full rebuild."""
    rendered = render(draw_worlds(WORLDS, SEED))
    modes = []
    for number in range(ROUNDS):
        with psycopg.connect(module_warehouse, autocommit=True) as connection:
            deliver(connection, rendered, number)
        make_build(module_warehouse, module_settings)
        with psycopg.connect(module_warehouse) as connection:
            marks = connection.execute(
                "select model, mode from sync.model_marks where mode <> 'whole'"
            )
            modes.append(dict(marks))
    with psycopg.connect(module_warehouse) as connection:
        builds = connection.execute("select sees_rows_only from sync.builds order by build_id")
        saw_rows_only = [only for (only,) in builds]
    found = differences(read_tables(module_warehouse), rendered)
    everything = read_everything(module_warehouse)
    make_build(module_warehouse, module_settings, full=True)
    rebuilt = read_everything(module_warehouse)
    return Delivered(rendered, found, everything, rebuilt, modes, saw_rows_only)


def read_everything(url: str) -> dict[str, Counter]:
    """Every row of every table that a build makes, as text: without what tells builds apart."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('staging', 'intermediate', 'marts', 'planhat')"
            " and table_name not like '%\\_\\_journal'"
            # what changed in a build, not what is
            " and table_name not in ('int_identity__call_changes',"
            " 'int_usage__object_call_changes', 'closed_day_changes')"
        ).fetchall()
        return {
            f"{schema}.{name}": Counter(
                text
                for (text,) in connection.execute(
                    sql.SQL("select (to_jsonb(each) - 'build_id')::text from {} as each").format(
                        sql.Identifier(schema, name)
                    )
                )
            )
            for schema, name in names
        }


@pytest.mark.parametrize("table", _READ)
def test_every_world_comes_out_as_the_rules_say(delivered: Delivered, server: Settings, table: str):
    assert len(delivered.worlds) >= WORLDS
    found = [number for number, tables in delivered.differences.items() if table in tables]
    if not found:
        return
    found.sort(key=lambda number: delivered.worlds[number - 1].world.size)
    failing = [delivered.worlds[number - 1].world for number in found]
    world, lines = failing[0], delivered.differences[found[0]][table]
    if delivered.was_shrunk:
        lines = ["not shrunk: only the first table that fails is.", *lines]
    else:
        delivered.was_shrunk = True
        world, lines = Laboratory(server, table).shrink(failing[:60])
    pytest.fail(
        f"In {len(found)} of {len(delivered.worlds)} worlds marts.{table} says something else than"
        f" the rules. One of them:\n{world}\n" + "\n".join(lines),
        pytrace=False,
    )


def test_many_builds_say_what_one_full_rebuild_says(delivered: Delivered):
    lines = []
    for table, rebuilt in delivered.everything_rebuilt.items():
        rows = delivered.everything[table]
        lines += [f"{table}: only after many builds: {row}" for row in (rows - rebuilt)]
        lines += [f"{table}: only after a full rebuild: {row}" for row in (rebuilt - rows)]
    assert not lines, f"{len(lines)} rows differ\n" + "\n".join(sorted(lines)[:20])


# Made anew in every build, from keys and not from calls; only what differs is written.
COMPARED = {
    "int_identity__keyset_endusers", "int_identity__placed_calls", "int_identity__objects",
    "int_identity__call_settings",
}  # fmt: skip


def test_a_build_looks_at_changes_unless_a_setting_has_changed(delivered: Delivered):
    assert set(delivered.modes[0].values()) == {"create"}
    for number, modes in enumerate(delivered.modes):
        if number not in SETTINGS_ROUNDS:
            looked = {model: mode for model, mode in modes.items() if model not in COMPARED}
            assert set(looked.values()) == {"changes"}, number
            assert delivered.saw_rows_only[number], number
    # a setting costs only what depends on it: what was landed is not read again for a weight
    assert delivered.modes[5]["stg_segment__group_traits"] == "changes"


def test_the_worlds_leave_no_outcome_out(delivered: Delivered):
    """A proof over worlds in which something never happens would not be one."""
    references = [world.reference() for world in delivered.worlds]
    resolved = [each for reference in references for each in reference.resolutions.values()]
    times = {
        column: Counter(getattr(each, column) for each in resolved)
        for column in ("reason", "matched_by", "company_matched_by")
    }
    assert set(times["reason"]) == {
        None, "receipt", "suppressed", "unsupported_type", "section_off", "blocked_identity",
        "no_identity", "unknown_company", "ambiguous_enduser", "no_company", "deleted_enduser",
        "unknown_enduser",
    }  # fmt: skip
    assert set(times["matched_by"]) == {
        None, "external_id", "user_email", "created_user", "email", "created_user_email",
        "email_of_user", "created_email", "group",
    }  # fmt: skip
    assert set(times["company_matched_by"]) == {
        None, "company_key", "user_id", "user_nearest_call", "email", "email_primary",
    }  # fmt: skip
    kinds = Counter(kind for each in references for kind, *_ in each.identity_conflicts())
    assert set(kinds) == {"user_id_and_email", "external_id_of_email", "alias_of_two_users"}
    clocks = Counter(call.event_at_source for each in references for call in each.calls)
    assert set(clocks) == {"segment", "sent_at", "original_timestamp", "timestamp", "received_at"}
    reasons = Counter(
        row["reason"] for each in references for row in each.metric_rejections().values()
    )
    assert set(reasons) == {"not_a_number", "null_value"}
    types = Counter(type_ for each in references for type_, *_ in each.usage_daily())
    usual = {"enduser", "company", "asset", "project"}
    # few calls name a license, and fewer one that there is
    assert usual <= set(types) <= usual | {"license"}
    assert WORLDS < 400 or "license" in types
    seldom = [count for each in (*times.values(), kinds, clocks) for count in each.values()]
    assert min(seldom) >= WORLDS // 200, times | {"kinds": kinds, "clocks": clocks}


# The reference itself


def _reference_of(case: Case) -> Reference:
    """The sample's settings and companies, and the objects and calls of one case."""
    companies = [PlanhatObject("company", each["_id"], each) for each in accounts.companies(DAYS)]
    objects = [PlanhatObject(model, each["_id"], each) for model, each in case.objects]
    gone = [PlanhatObject(model, each["_id"], each, True) for model, each in case.gone]
    built = messages([step.call for step in case.steps])
    landed = [
        LandedCall(
            body["messageId"],
            body["type"],
            step.received_at or DAYS.at(0, "12:00"),
            # as it goes over the wire
            json.loads(json.dumps(body, default=str)),
        )
        for step, body in zip(case.steps, built, strict=True)
    ]
    now = {each.id: each for each in objects + companies}
    former = [
        FormerKey(
            model, now[each["_id"]].fields.get("companyId", ""), each["_id"], each["externalId"], 1
        )
        for model, each in case.earlier
    ]
    names: dict[str, tuple[str, ...]] = {}
    for model, name in OBJECT_KEYS:
        names[model] = (*names.get(model, ()), name)
    rules = Rules(
        switches=tuple((each.switch, each.is_on, each.valid_from) for each in case.switches),
        metrics=COMPANY_METRICS,
        blocked=frozenset(Block(*row) for row in BLOCKED_IDENTITIES),
        excluded=frozenset(value for _, value in EXCLUDED),
        aliases=COMPANY_ALIASES,
        link_expires_days=dict(case.thresholds).get("link_expires_days"),
        usage_events={
            key: (is_counted, Decimal(weight)) for key, (is_counted, weight) in USAGE_EVENTS.items()
        },
        object_names=names,
    )
    return Reference(landed, [*companies, *objects, *gone], rules, former)


@pytest.mark.parametrize("case", all_cases(DAYS), ids=lambda case: case.name)
def test_the_reference_says_what_the_examples_say(case: Case):
    reference = _reference_of(case)
    rows = reference.event_resolution()
    calls = {call.message_id: call for call in reference.calls}
    for step in case.steps:
        if step.outcome is None:
            continue
        row, call = rows[step.call.message_id], calls[step.call.message_id]
        meant = _meant(step.outcome)
        said = {**row, "objects": {}, "is_usage": None}
        said["enduser_id"] = row["enduser_id"] and row["enduser_id"].removesuffix(" (e-mail)")
        if call.out_of_scope is None:
            named = reference.named_objects(call)
            said["objects"] = {model: id_ for model, id_ in named.items() if id_}
            said["is_usage"] = call.weight is not None and row["enduser_id"] is not None
        if step.outcome.weight is not None:
            assert call.weight == Decimal(str(step.outcome.weight))
        assert {name: said.get(name) for name in meant} == meant, step.call


def _meant(outcome: Outcome) -> dict[str, Any]:
    enduser = outcome.enduser
    if isinstance(enduser, Created):
        enduser = f"created:{enduser.company_id}:{enduser.key}"
    meant = {
        "company_id": outcome.company_id,
        "company_matched_by": outcome.company_matched_by,
        "enduser_id": enduser,
        "matched_by": outcome.matched_by,
        "reason": outcome.reason,
        "object_reason": outcome.object_reason,
        "company_reason": outcome.company_reason,
        "objects": dict(outcome.objects),
    }
    if outcome.counted:
        meant["is_usage"] = True
    if outcome.event_at and outcome.event_at != "received_at":
        meant["event_at"] = outcome.event_at
    return {name: value for name, value in meant.items() if name not in outcome.unsaid}
