"""What cannot be sent, found before anything is: each an error row with a code, never a lost batch.

Destinations answer 200 to nearly everything, also to what they then drop, so the checks are ours.
What one of them alone minds is in its package.
"""

import psycopg
from psycopg import sql

from include.push import outbound
from include.push.catalogue import PushedModel
from include.push.failures import record_failures

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


def mark_invalid(connection: psycopg.Connection, model: PushedModel) -> None:
    """Set `code` and `problem` on the rows of `change` that can be sent nowhere."""
    connection.execute("analyze change")
    _mark_long_ids(connection)
    _mark_numbers(connection, model)
    _mark_nested_numbers(connection, model)


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
