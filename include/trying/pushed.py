"""What a push would say otherwise: two plans by the push's own code, of the truth and of the try.

Each gives what a destination would have of an object after a push: what is planned of it, or else
what it has acknowledged. Both are made in one transaction that is rolled back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from include.connections import Kind
from include.push import destinations, switches
from include.push.alongside import dry_run
from include.push.catalogue import Column, PushedModel, kind_of_type, read_catalogue
from include.push.contract import ContractError, check
from include.push.plan import plan_model
from include.push.plan_settings import PlanSettings
from include.push.to_planhat import preparing as to_planhat
from include.settings import Settings
from include.trying.environment import Environment
from include.warehouse.connection import connect

# Of each field so many objects are shown, and of each model so many fields are named.
EXAMPLES = 3
FIELDS = 20
# Segment, as long as nothing was ever pushed.
NOWHERE = "segment, where nothing was pushed yet"


@dataclass(frozen=True)
class Example:
    """One object: what a destination would have of a field now, and with what is tried."""

    object_id: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Field:
    """A field of a pushed model, and of how many objects it would be another."""

    name: str
    objects: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class PushedModelDiffers:
    """What a push of one model would say otherwise. Objects are counted once, fields each."""

    to: str
    model: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    fields: tuple[Field, ...] = ()
    # of the objects that would be added, or removed
    ids: tuple[str, ...] = ()
    # what the push would say that it does not say now: a guard, a type, a contract
    problems: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.problems)


def compare_plans(
    url: str, settings: Settings, made: Environment, differing: Iterable[str], project: Path
) -> list[PushedModelDiffers]:
    """Each outbound model of which a push would say something else, by destination.

    `differing`: relations (`planhat.company`) that are others in the try. `project`: the dbt
    project that was tried, whose YAML says what is pushed.
    """
    differing = set(differing)
    found = []
    with (
        connect(url, application_name="plan of a try", autocommit=True) as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("set transaction isolation level repeatable read")
        for destination, kind, name in _destinations(connection):
            catalogue = read_catalogue(project / "models" / _folder(kind), kind)
            turned = switches.active if kind == "segment" else to_planhat.active
            active = turned(connection, catalogue, None)
            for model in _touched(active, differing):
                each = _compare(connection, settings, made, destination, name, model)
                if each:
                    found.append(each)
    return found


def _folder(kind: Kind) -> str:
    return "planhat" if kind == "segment" else "to_planhat"


def _destinations(connection: psycopg.Connection) -> list[tuple[str, Kind, str]]:
    known = [
        (name, destinations.kind_of(connection, name), destinations.name_of(connection, name))
        for (name,) in connection.execute(
            "select distinct destination from sync.objects order by 1"
        )
    ]
    if not any(kind == "segment" for _, kind, _ in known):
        known.insert(0, (NOWHERE, "segment", NOWHERE))
    return known


def _touched(models: dict[str, PushedModel], differing: set[str]) -> list[PushedModel]:
    """Those that differ, and those whose ids hang on one that does."""
    own = {name for name, each in models.items() if f"{each.schema}.{each.name}" in differing}
    return [
        each
        for name, each in models.items()
        if name in own or own & {each.about, each.before, *each.after}
    ]


def _compare(
    connection: psycopg.Connection,
    settings: Settings,
    made: Environment,
    destination: str,
    name: str,
    model: PushedModel,
) -> PushedModelDiffers:
    there = replace(model, schema=made.prefix + model.schema)
    try:
        check(connection, there, None)
    except ContractError as error:
        problem = str(error).replace(made.prefix, "")
        return PushedModelDiffers(name, model.name, problems=(problem,))
    before = _plan(connection, settings, destination, _as_it_was(connection, model))
    after = _plan(connection, settings, destination, there)
    values = {
        "before": before.run_id, "after": after.run_id, "model": model.name,
        "destination": destination,
    }  # fmt: skip
    connection.execute(_STATES, values)
    added, changed, removed = connection.execute(
        "select count(*) filter (where before is null), count(*) filter (where before is not null"
        " and after is not null), count(*) filter (where after is null) from pushed_otherwise"
    ).fetchone()  # type: ignore[misc]
    ids = connection.execute(
        "select object_id from pushed_otherwise where before is null or after is null"
        " order by object_id limit %s",
        [EXAMPLES],
    ).fetchall()
    found = PushedModelDiffers(
        name, model.name, added, changed, removed, _fields(connection),
        tuple(each for (each,) in ids), tuple(_problems(connection, values)),
    )  # fmt: skip
    connection.execute("drop table pushed_otherwise")
    return found


def _plan(
    connection: psycopg.Connection,
    settings: Settings,
    destination: str,
    model: PushedModel | None,
) -> PlanSettings:
    plan = dry_run(connection, settings, destination)
    if model is not None:
        connection.execute(
            "insert into sync.run_models (run_id, model) values (%s, %s)", [plan.run_id, model.name]
        )
        plan_model(connection, model, plan)
    return plan


def _as_it_was(connection: psycopg.Connection, model: PushedModel) -> PushedModel | None:
    """The model with the columns that the truth's table has; None where there is no such table.

    The YAML that it was pushed by may have been another.
    """
    rows: Sequence[tuple[str, str]] = connection.execute(
        "select attname::text, format_type(atttypid, null) from pg_attribute where attrelid ="
        " to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
        [f"{model.schema}.{model.name}"],
    ).fetchall()
    if not rows:
        return None
    known = {each.name: each for each in model.columns}
    kinds = [(column, data_type, kind_of_type(data_type)) for column, data_type in rows]
    columns = tuple(
        # its own, where it is one: the YAML says more of it than its type
        known[column]
        if column in known and known[column].kind == kind
        else Column(column, kind, data_type)
        for column, data_type, kind in kinds
        # of a type that cannot be pushed it never was
        if kind is not None and column not in ("object_id", "withheld")
    )
    return replace(
        model, columns=columns, withholds=any(column == "withheld" for column, _ in rows)
    )


# What a destination would have of each object that is not the same: null where nothing.
_STATES = """
    create temporary table pushed_otherwise on commit drop as
    with now as (
        select object_id, action, payload from sync.planned
        where run_id = %(before)s and model = %(model)s
    ),

    tried as (
        select object_id, action, payload from sync.planned
        where run_id = %(after)s and model = %(model)s
    ),

    ledger as (
        select object_id, payload from sync.objects
        where
            destination = %(destination)s and model = %(model)s
            and removed_at is null and payload is not null
    ),

    states as (
        select
            object_id,
            case
                when now.action = 'removed' then null
                when now.action is not null then now.payload
                else ledger.payload
            end as before,
            case
                when tried.action = 'removed' then null
                when tried.action is not null then tried.payload
                else ledger.payload
            end as after
        from now
        full join tried using (object_id)
        left join ledger using (object_id)
    )

    select * from states
    where before is distinct from after
"""


def _fields(connection: psycopg.Connection) -> tuple[Field, ...]:
    """Which fields of objects that would be changed differ, the most frequent first."""
    rows = connection.execute(
        """
        with columns as (
            select
                object_id, key, before -> key as before, after -> key as after,
                jsonb_typeof(before -> key) = 'object' and jsonb_typeof(after -> key) = 'object'
                    as is_flat
            from pushed_otherwise
            cross join lateral jsonb_object_keys(before || after) as key
            where
                before is not null and after is not null
                and (before -> key is distinct from after -> key)
        ),

        fields as (
            select object_id, key as field, before, after from columns
            where is_flat is not true
            union all
            select
                object_id, columns.key || '.' || inner_key, before -> inner_key, after -> inner_key
            from columns
            cross join lateral jsonb_object_keys(before || after) as inner_key
            where is_flat and before -> inner_key is distinct from after -> inner_key
        ),

        numbered as (
            select
                *, count(*) over (partition by field) as objects,
                row_number() over (partition by field order by object_id) as number
            from fields
        )

        select field, objects, object_id, before, after from numbered
        where number <= %s
        order by objects desc, field, number
        """,
        [EXAMPLES],
    ).fetchall()
    found: dict[str, tuple[int, list[Example]]] = {}
    for field, objects, object_id, before, after in rows:
        found.setdefault(field, (objects, []))[1].append(Example(object_id, before, after))
    return tuple(
        Field(name, objects, tuple(examples)) for name, (objects, examples) in found.items()
    )


def _problems(connection: psycopg.Connection, values: dict[str, Any]) -> list[str]:
    """What the plan of the try says that that of the truth does not."""
    rows = connection.execute(
        """
        select 'a guard would hold it: ' || substr(after.reason, length('held: ') + 1)
        from sync.run_models as after
        left join sync.run_models as before
            on before.run_id = %(before)s and before.model = %(model)s
        where
            after.run_id = %(after)s and after.model = %(model)s and after.held > 0
            and coalesce(before.held, 0) = 0
        union all
        select warning from (
            select warning, position from sync.plan_warnings
            where run_id = %(after)s and model = %(model)s
            and warning not in (
                select warning from sync.plan_warnings
                where run_id = %(before)s and model = %(model)s
            )
            order by position
        ) as new
        union all
        select
            count(*) || case when count(*) = 1 then ' object' else ' objects' end
            || ' would not be sent (' || code || '): ' || min(message)
        from sync.run_errors as after
        where
            run_id = %(after)s and model = %(model)s
            and not exists (
                select from sync.run_errors as before
                where
                    before.run_id = %(before)s and before.model = %(model)s
                    and before.code = after.code
                    and before.object_id is not distinct from after.object_id
            )
        group by code
        """,
        values,
    ).fetchall()
    return [said for (said,) in rows]
