"""Is this Postgres one that we can work on? Asked before anything else, answered in one line.

Version, encoding, locale, whether it can be written, what the role may do, and whether a pool
shares its sessions. docs/server.md says the same in words and as SQL.
"""

from collections.abc import Iterator

import psycopg
from psycopg.rows import DictRow, dict_row

from include.errors import ServiceError, SettingError
from include.warehouse.connection import connect
from include.warehouse.problems import POOLED, RIGHTS

# The oldest that a test builds and pushes on, where its binaries are there.
OLDEST = 15

# Made by migrations, then by dbt.
SCHEMAS = (
    "sync", "raw_segment", "raw_planhat", "staging", "intermediate", "marts", "planhat",
    "to_planhat",
)  # fmt: skip

_ASKED = """
    with ours as (
        select name, to_regnamespace(name) as schema from unnest(%(schemas)s::text[]) as name
    )

    select
        current_setting('server_version') as version,
        current_setting('server_version_num')::integer / 10000 as major,
        current_setting('server_encoding') as encoding,
        lower(chr(201)) = chr(233) as knows_letters,
        pg_is_in_recovery() as is_standby,
        current_setting('transaction_read_only') = 'on' as is_read_only,
        quote_ident(current_user) as role,
        quote_ident(current_database()) as database,
        has_database_privilege(current_database(), 'temporary') as may_make_temporary,
        has_database_privilege(current_database(), 'create') as may_make_schemas,
        has_function_privilege('pg_catalog.pg_control_system()', 'execute') as may_know_cluster,
        array(select name from ours where schema is null) as missing,
        array(
            select name from ours
            where
                schema is not null
                and not (
                    has_schema_privilege(schema, 'usage') and has_schema_privilege(schema, 'create')
                )
        ) as closed,
        (
            select row(relation.oid::regclass, quote_ident(pg_get_userbyid(relation.relowner)))
            from pg_class as relation
            where
                relation.relnamespace in (select schema from ours)
                and relation.relkind in ('r', 'p', 'v', 'm', 'S')
                and not pg_has_role(relation.relowner, 'usage')
            order by relation.oid
            limit 1
        ) as foreign_table
"""


def check_fit(url: str) -> None:
    """Raise `ServiceError` or `SettingError`, in one line, where the server cannot be worked on.

    Costs two short connections.
    """
    with connect(
        url,
        application_name="fitness",
        autocommit=True,
        row_factory=dict_row,
        client_encoding="utf8",  # of a database without an encoding, texts come as bytes otherwise
    ) as connection:
        found: DictRow = connection.execute(_ASKED, {"schemas": list(SCHEMAS)}).fetchone()  # type: ignore[assignment]
        for problem in _problems(found):
            raise ServiceError(problem)
        _check_sessions(url, connection)


def _problems(found: DictRow) -> Iterator[str]:
    """What is in the way, the most basic first."""
    role, database = found["role"], found["database"]
    if found["major"] < OLDEST:
        yield (
            f"The warehouse runs on Postgres {found['version']}, and {OLDEST} is the oldest that "
            "works: upgrade the server, or name another."
        )
    if found["encoding"] != "UTF8":
        yield (
            f"The database {database} has the encoding {found['encoding']}, and texts of any "
            "alphabet must fit: create database … encoding 'UTF8' template template0."
        )
    elif not found["knows_letters"]:
        yield (
            f"The database {database} has a locale that knows no letters but those of English, so "
            "É and é would be two: create database … locale 'C.UTF-8' template template0."
        )
    if found["is_standby"]:
        yield (
            "The warehouse's server is a standby, which can only be read: name its primary in the "
            "connection."
        )
    if found["is_read_only"]:
        yield (
            "The warehouse can only be read: alter role … set default_transaction_read_only = off "
            f"(for {role}, or for the database {database})."
        )
    if not found["may_make_temporary"]:
        yield _lacking(role, f"grant temporary on database {database} to {role}")
    if found["closed"]:
        yield _lacking(
            role, f"grant usage, create on schema {', '.join(found['closed'])} to {role}"
        )
    if found["missing"] and not found["may_make_schemas"]:
        yield _lacking(
            role,
            f"grant create on database {database} to {role}, or create the schemas "
            f"{', '.join(found['missing'])} for it",
        )
    if found["foreign_table"]:
        table, owner = found["foreign_table"]
        yield (
            f"{table} belongs to {owner}, and {role} cannot change it: grant {owner} to {role}, or "
            f"reassign owned by {owner} to {role}."
        )
    if not found["may_know_cluster"]:
        yield _lacking(role, f"grant execute on function pg_control_system() to {role}")


def _lacking(role: str, statement: str) -> str:
    return f"The warehouse's role {role} lacks a right: {statement} ({RIGHTS})."


def _check_sessions(url: str, connection: psycopg.Connection) -> None:
    """Raise `SettingError` where what one session says may be heard by another's server process.

    A pool that shares gives a server process on as soon as a transaction has ended: to the next who
    asks, or, round robin, another one to the same who asks again.
    """
    try:
        mine = {_process(connection) for _ in range(3)}
        # with what builds say of their sessions: a pool that refuses it does so here
        with (
            connect(url, application_name="fitness", options="-c statement_timeout=0") as other,
            other.transaction(),
        ):
            is_shared = _process(other) in mine or len(mine) > 1 or _process(connection) not in mine
    except psycopg.Error as error:
        if "pooling" not in str(error):
            raise
        is_shared = True  # not even transactions: "not allowed in statement pooling mode"
    if is_shared:
        raise SettingError(POOLED.format(said="two sessions had one server process"))


def _process(connection: psycopg.Connection) -> int:
    with connection.cursor(row_factory=psycopg.rows.scalar_row) as cursor:
        return cursor.execute("select pg_backend_pid()", prepare=False).fetchone()  # type: ignore[return-value]
