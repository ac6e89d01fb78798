"""An object whose group id changes is a new group in Segment; its old one is said as removed.

The old group is an object of its own in the ledger from the plan on: `<object> was <group id>`. No
outbound table has it, so that it is removed like any other object that is gone, with its version
and its guard, however often the run is interrupted. A group that somebody has again (the id was
changed back, or another company took it over) is not.
"""

from typing import LiteralString

import psycopg
from psycopg import sql

from include.counting import counted
from include.push import outbound
from include.push.catalogue import KEY_COLUMNS, PushedModel
from include.push.plan_settings import PlanSettings
from include.push.to_segment import removals

# Whether old groups are said as removed: `sync.thresholds`.
SETTING = "push_removes_former_groups"

# Its id in the ledger, whose key holds no text of any length.
_FORMER_ID = sql.SQL(
    "known.object_id || ' was ' || case when char_length(known.group_id) <= 200"
    " then known.group_id else left(known.group_id, 160) || '… ' || md5(known.group_id) end"
)


def find(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Groups that this plan leaves, into `former (object_id, former_of, group_id, payload)`.

    And those of the ledger that are nobody's former group any more, into `returned (object_id)`.
    Both are empty for other calls. What is left is also a warning of the plan.
    """
    connection.execute(
        """
        create temporary table former (object_id text, former_of text, moved_to text, payload jsonb)
        on commit drop;
        create temporary table returned (object_id text) on commit drop
        """
    )
    if model.call != "group":
        return
    is_said = _is_on(connection)
    _find_left(connection, model, plan)
    _warn(connection, model, plan, is_said=is_said)
    if not is_said:
        connection.execute("delete from former")
    _find_returned(connection, model, plan, is_said=is_said)


def remember(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, generation: int
) -> None:
    """Keep the former groups in the ledger, so that each is said as removed in the end."""
    known = {"destination": plan.destination, "model": model.name, "generation": generation}
    # One that was, or may have been, said as removed keeps its version: message ids are used once.
    connection.execute(
        """
        delete from sync.objects as ledger
        using returned
        where
            ledger.destination = %(destination)s and ledger.model = %(model)s
            and ledger.object_id = returned.object_id
            and ledger.version = 0 and ledger.sent_version is null
        """,
        known,
    )
    removals.close(connection, model, plan, "returned")
    connection.execute(
        """
        insert into sync.objects as ledger (
            destination, model, object_id, former_of, payload, generation,
            first_acknowledged_at, acknowledged_at
        )
        select
            %(destination)s, %(model)s, object_id, former_of, payload, %(generation)s,
            clock_timestamp(), clock_timestamp()
        from former
        on conflict (destination, model, object_id) do update
        set
            payload = excluded.payload,
            generation = excluded.generation,
            acknowledged_at = excluded.acknowledged_at,
            removed_at = null
        """,
        known,
    )


def _is_on(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "select value > 0 from sync.thresholds where threshold = %s", [SETTING]
    ).fetchone()
    return row is None or row[0]


def _group_id(payload: LiteralString, object_id: LiteralString) -> sql.Composable:
    """The group that a payload went to, as `changes` decides it."""
    return sql.SQL(
        "coalesce(nullif(btrim({payload} ->> 'external_id'), ''), 'planhat-' || {object_id})"
    ).format(payload=sql.SQL(payload), object_id=sql.SQL(object_id))


def _current(model: PushedModel) -> sql.Composable:
    """The groups that the outbound table has."""
    return sql.SQL(
        "select coalesce({external_id}, 'planhat-' || source.object_id) as group_id"
        " from {table} as source"
    ).format(external_id=outbound.key(model, "external_id"), table=outbound.table(model))


def _find_left(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Of what is sent under another group id than Segment has it, or may have it, under."""
    connection.execute(
        sql.SQL(
            """
            insert into former
            with known as materialized (
                select
                    change.object_id,
                    change.group_id as moved_to,
                    said.payload,
                    said.at,
                    {group_id} as group_id
                from change
                inner join sync.objects as ledger
                    on
                        ledger.destination = {destination}
                        and ledger.model = {model}
                        and change.object_id = ledger.object_id
                cross join lateral (
                    values
                    (
                        case when ledger.removed_at is null then ledger.payload end,
                        ledger.acknowledged_at
                    ),
                    (
                        case when ledger.sent_is_removal is not true then ledger.sent_payload end,
                        ledger.sent_at
                    )
                ) as said (payload, at)
                where change.code is null and {group_id} <> change.group_id
            )

            select distinct on (object_id, group_id)
                {former_id},
                object_id,
                moved_to,
                (
                    select jsonb_object_agg(key, value)
                    from jsonb_each(payload || jsonb_build_object('planhat_id', object_id))
                    where key = any({keys})
                ) || jsonb_build_object(
                    'former_group_id', group_id, 'moved_to_group_id', moved_to
                )
            from known
            where
                payload is not null
                and not exists (
                    select from ({current}) as now where now.group_id = known.group_id
                )
                -- said already, while the new group was refused or without an answer
                and not exists (
                    select from sync.objects as gone
                    where
                        gone.destination = {destination} and gone.model = {model}
                        and gone.object_id = {former_id}
                        and gone.removed_at > known.at
                )
            """
        ).format(
            group_id=_group_id("said.payload", "change.object_id"),
            destination=plan.destination,
            model=model.name,
            keys=list(KEY_COLUMNS),
            current=_current(model),
            former_id=_FORMER_ID,
        )
    )


def _find_returned(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, *, is_said: bool
) -> None:
    """Former groups of the ledger that somebody has again, or whose object never left after all."""
    connection.execute(
        sql.SQL(
            """
            insert into returned
            select ledger.object_id
            from sync.objects as ledger
            left join sync.objects as owner
                on
                    ledger.destination = owner.destination
                    and ledger.model = owner.model
                    and ledger.former_of = owner.object_id
                    and owner.removed_at is null
            where
                ledger.destination = {destination} and ledger.model = {model}
                and ledger.former_of is not null
                and (ledger.removed_at is null or ledger.sent_version is not null)
                and not exists (select from former where former.object_id = ledger.object_id)
                and (
                    not {is_said}
                    or ledger.payload ->> 'former_group_id' in ({current})
                    or ledger.payload ->> 'former_group_id' = {owner_group}
                )
            """
        ).format(
            destination=plan.destination,
            model=model.name,
            is_said=is_said,
            current=_current(model),
            owner_group=_group_id("owner.payload", "owner.object_id"),
        )
    )


def _warn(
    connection: psycopg.Connection, model: PushedModel, plan: PlanSettings, *, is_said: bool
) -> None:
    count, example = connection.execute(
        """
        select
            count(*),
            (array_agg(
                left(former_of, 100) || ': ' || left(payload ->> 'former_group_id', 100)
                || ' is now ' || left(moved_to, 100)
                order by object_id
            ))[1]
        from former
        """
    ).fetchone()  # type: ignore[misc]
    if not count:
        return
    moved = counted(count, "object", ("has", "have"))
    old = "the old group" if count == 1 else "the old groups"
    fate = "said as removed" if is_said else "left there"
    connection.execute(
        "insert into sync.plan_warnings (run_id, model, position, warning) values (%s, %s, 0, %s)"
        " on conflict do nothing",
        [
            plan.run_id,
            model.name,
            f"{moved} another external id, which is a new group in Segment ({example}); {old} "
            f"{'is' if count == 1 else 'are'} {fate} ({SETTING} in sync.thresholds decides)",
        ],
    )
