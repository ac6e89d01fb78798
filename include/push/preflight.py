"""What cannot be sent, found before anything is: each an error row with a code, never a lost batch.

Segment answers 200 to nearly everything, also to what it then drops, so the checks are ours.
"""

import msgspec
import psycopg
from psycopg import sql

from include.push import outbound
from include.push.catalogue import PushedModel
from include.push.failures import record_failures
from include.push.messages import (
    MESSAGE_BYTES,
    Planned,
    build_message,
    message_bytes,
)

# A message this much below the limit, its ids left out, is not measured.
DOUBT_BYTES = 4_096

# A row of the ledger's index has at most some 2,700, destination and model included.
LONGEST_ID_BYTES = 1_000

# The largest double; `numeric` goes further, and JSON readers do not.
LARGEST = sql.SQL("'1.7976931348623157e308'::jsonb")
SMALLEST = sql.SQL("'-1.7976931348623157e308'::jsonb")


def count_rows(
    connection: psycopg.Connection, model: PushedModel, destination: str
) -> tuple[int, bool]:
    """The outbound table's rows, and whether some of them may lack a key of their own.

    Told from counts: rows that have a partner in the ledger are as many as the ledger's rows that
    have one, unless a key repeats. Looking at every key would take as long as the comparison.
    """
    return connection.execute(
        sql.SQL(
            """
            with counted as (
                select
                    (select count(*) from {table}) as rows,
                    (
                        select count(*) from sync.objects
                        where destination = {destination} and model = {model}
                    ) as ledger_rows,
                    count(*) filter (where row_hash is not null and ledger_id is null) as new_rows,
                    count(distinct object_id)
                        filter (where ledger_id is null and btrim(object_id) <> '') as new_keys,
                    count(*) filter (where row_hash is null) as gone_rows
                from compared
            )

            select
                rows, new_rows <> new_keys or rows - new_rows <> ledger_rows - gone_rows
            from counted
            """
        ).format(table=outbound.table(model), destination=destination, model=model.name)
    ).fetchone()  # type: ignore[return-value]


def find_bad_keys(
    connection: psycopg.Connection, model: PushedModel, *, are_there_any: bool
) -> None:
    """Missing and repeated object ids, into `bad_key (object_id, copies, code, problem)`."""
    connection.execute(
        sql.SQL(
            """
            create temporary table bad_key on commit drop as
            with counted as (
                select object_id, count(*) as copies, btrim(object_id) <> '' as has_key
                from {} where {} group by object_id
            )
            select
                object_id,
                copies,
                case when has_key then 'key_duplicated' else 'key_missing' end as code,
                case
                    when has_key then 'its object_id stands in ' || copies || ' rows'
                    else 'it has no object_id'
                end as problem
            from counted
            where copies > 1 or has_key is not true
            """
        ).format(outbound.table(model), are_there_any)
    )


def mark_invalid(
    connection: psycopg.Connection, model: PushedModel, destination: str, *, remember: bool
) -> None:
    """Set `code` and `problem` on the rows of `change` that must not be sent.

    `remember`: keep the types of columns that are seen for the first time.
    """
    connection.execute("analyze change")
    _mark_long_ids(connection)
    _mark_numbers(connection, model)
    _mark_nested_numbers(connection, model)
    _mark_types(connection, model, destination, remember=remember)
    _mark_shared_identities(connection, model, destination)
    _mark_too_large(connection, model)


def store_errors(
    connection: psycopg.Connection, model: PushedModel, run_id: int, destination: str
) -> None:
    """One row of `sync.run_errors` for each row that cannot be sent."""
    failed = sql.SQL(
        """
        select object_id, code, problem as message, payload from change where code is not null
        union all
        select source.object_id, bad_key.code, bad_key.problem, {payload}
        from {table} as source
        inner join bad_key on source.object_id is not distinct from bad_key.object_id
        where exists (select from bad_key)
        """
    ).format(payload=outbound.payload(model), table=outbound.table(model))
    record_failures(connection, run_id, destination, model.name, failed)


def _mark_long_ids(connection: psycopg.Connection) -> None:
    """Ids that the ledger's key cannot hold: of Planhat and of ours none is so long."""
    connection.execute(
        """
        update change
        set
            code = 'id_too_long',
            problem = 'its object_id has ' || octet_length(object_id) || ' bytes; at most '
                || %(longest)s || ' are kept'
        where octet_length(object_id) > %(longest)s
        """,
        {"longest": LONGEST_ID_BYTES},
    )


def _mark_numbers(connection: psycopg.Connection, model: PushedModel) -> None:
    """`NaN`, infinities (jsonb holds them as strings) and what a double cannot hold."""
    names = sorted(model.number_columns)
    if not names:
        return
    cases = [
        sql.SQL(
            "when payload -> {0} <> 'null' and payload -> {0} not between {1} and {2} then {0}"
        ).format(name, SMALLEST, LARGEST)
        for name in names
    ]
    culprit = sql.SQL("case {} end").format(sql.SQL(" ").join(cases))
    connection.execute(
        sql.SQL(
            """
            update change
            set
                code = 'not_a_number',
                problem = {culprit} || ' is ' || left(payload ->> {culprit}, 20)
                    || ', which is no JSON number'
            where {culprit} is not null
            """
        ).format(culprit=culprit)
    )


def _mark_nested_numbers(connection: psycopg.Connection, model: PushedModel) -> None:
    """Numbers within a json column that no double holds: they have 309 digits or more."""
    for name in sorted(each.name for each in model.columns if each.kind == "json"):
        connection.execute(
            """
            update change
            set
                code = 'not_a_number',
                problem = %(name)s || ' holds a number of 309 digits or more'
            where
                code is null
                and octet_length((payload -> %(name)s)::text) > 309
                and jsonb_path_exists(
                    payload -> %(name)s,
                    'strict $.** ? (@.type() == "number" && (@ >= 1e308 || @ <= -1e308))'
                )
            """,
            {"name": name},
        )


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
