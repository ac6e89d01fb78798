"""What Segment, or a warehouse behind it, would drop without a word."""

import msgspec
import psycopg
from psycopg import sql

from include.push import outbound
from include.push.catalogue import PushedModel
from include.push.to_segment.messages import (
    MESSAGE_BYTES,
    Planned,
    build_message,
    message_bytes,
)

# A message this much below the limit, its ids left out, is not measured.
DOUBT_BYTES = 4_096


def mark_invalid(
    connection: psycopg.Connection, model: PushedModel, destination: str, *, remember: bool
) -> None:
    """Set `code` and `problem` on the rows of `change` that Segment must not get.

    `remember`: keep the types of columns that are seen for the first time.
    """
    _mark_types(connection, model, destination, remember=remember)
    _mark_shared_identities(connection, model, destination)
    _mark_too_large(connection, model)


def _mark_types(
    connection: psycopg.Connection, model: PushedModel, destination: str, *, remember: bool
) -> None:
    """Values of another type than the column's first: a customer's warehouse would drop them."""
    _find_kinds(connection, model, destination)
    if remember:
        connection.execute(
            """
            insert into sync.column_types (destination, model, path, kind)
            select %s, %s, path, first_kind from kind where is_new and kind = first_kind
            on conflict do nothing
            """,
            [destination, model.name],
        )
    wrong = connection.execute(
        "select top, inner_key, kind, first_kind from kind where kind <> first_kind"
    ).fetchall()
    for top, inner_key, kind, first_kind in wrong:
        path = top if inner_key is None else f"{top}.{inner_key}"
        has_value = (
            sql.SQL("payload -> {} <> 'null'").format(top)
            if inner_key is None
            else sql.SQL("jsonb_typeof(payload -> {} -> {}) = {}").format(top, inner_key, kind)
        )
        connection.execute(
            sql.SQL(
                "update change set code = 'type_changed', problem = {} where code is null and {}"
            ).format(f"{path} is {kind}, and was {first_kind} when it was first sent", has_value)
        )
    connection.execute("drop table kind")


def _find_kinds(connection: psycopg.Connection, model: PushedModel, destination: str) -> None:
    """The types in `change`, into `kind`, beside the first type of each column.

    A column has its declared type. A key within a json column has its value's; where the first
    plan to see a key finds several, the most frequent stands.
    """
    nested = [
        sql.SQL(
            """
            select {0}::text as top, key as inner_key, jsonb_typeof(value) as kind, count(*) as n
            from change
            cross join lateral jsonb_each(
                case jsonb_typeof(payload -> {0}) when 'object' then payload -> {0} else '{{}}' end
            )
            where value <> 'null'
            group by key, jsonb_typeof(value)
            """
        ).format(each.name)
        for each in model.columns
        if each.kind == "json"
    ]
    declared = sql.SQL(
        """
        select column_name as top, null::text as inner_key, column_kind as kind, 1::bigint as n
        from unnest({}::text[], {}::text[]) as declared (column_name, column_kind)
        """
    ).format([each.name for each in model.columns], [each.kind for each in model.columns])
    connection.execute(
        sql.SQL(
            """
            create temporary table kind on commit drop as
            with seen as (
                {seen}
            )
            select
                seen.top,
                seen.inner_key,
                path.path,
                seen.kind,
                known.kind is null as is_new,
                coalesce(
                    known.kind,
                    first_value(seen.kind) over (partition by path.path order by n desc, seen.kind)
                ) as first_kind
            from seen
            cross join lateral (select concat_ws('.', seen.top, seen.inner_key) as path) as path
            left join sync.column_types as known
                on
                    known.destination = {destination}
                    and known.model = {model}
                    and path.path = known.path
            """
        ).format(
            seen=sql.SQL(" union all ").join([declared, *nested]),
            destination=destination,
            model=model.name,
        )
    )


def _mark_shared_identities(
    connection: psycopg.Connection, model: PushedModel, destination: str
) -> None:
    """Two objects that would become one group or one user at Segment."""
    if model.call == "track":
        return
    name = "group_id" if model.call == "group" else "user_id"
    key = sql.Identifier(name)
    taken = sql.SQL(
        "select {key} from change where {key} is not null group by {key} having count(*) > 1"
    ).format(key=key)
    if model.call == "group":
        # An unchanged company may have the id as well.
        taken += sql.SQL(
            " union all select external_id from {} where btrim(external_id) <> ''"
            " group by external_id having count(*) > 1"
        ).format(outbound.table(model))
    else:
        taken += sql.SQL(
            """
            union all
            select change.user_id
            from change
            inner join sync.objects as other
                on
                    other.destination = {destination}
                    and other.model = {model}
                    and other.user_id = change.user_id
                    and other.object_id <> change.object_id
            inner join {table} as source on other.object_id = source.object_id
            """
        ).format(destination=destination, model=model.name, table=outbound.table(model))
    connection.execute(
        sql.SQL(
            """
            update change
            set
                code = 'identity_shared',
                problem = {label} || ' ' || {key} || ' belongs to another object as well'
            where code is null and {key} in ({taken})
            """
        ).format(label="group id" if model.call == "group" else "user id", key=key, taken=taken)
    )


def _mark_too_large(connection: psycopg.Connection, model: PushedModel) -> None:
    """Messages over Segment's 32 KB, measured exactly where the JSON's length leaves a doubt."""
    too_large = []
    with connection.cursor(name="doubtful") as doubtful:
        doubtful.execute(
            """
            select object_id, user_id, anonymous_id, group_id, payload::text
            from change
            where code is null and payload_bytes + %s > %s
            """,
            [DOUBT_BYTES, MESSAGE_BYTES],
        )
        for object_id, user_id, anonymous_id, group_id, payload in doubtful:
            row = Planned(
                model.call, model.event, user_id, anonymous_id, group_id, "x" * 100,
                msgspec.json.decode(payload),
            )  # fmt: skip
            size = message_bytes(build_message(row, model.number_columns, "x" * 29))
            if size > MESSAGE_BYTES:
                too_large.append((object_id, f"its message has {size} bytes; Segment takes 32 KB"))
    if too_large:
        object_ids, problems = map(list, zip(*too_large, strict=True))
        connection.execute(
            """
            update change
            set code = 'too_large', problem = marked.problem
            from unnest(%s::text[], %s::text[]) as marked (object_id, problem)
            where change.object_id = marked.object_id
            """,
            [object_ids, problems],
        )
