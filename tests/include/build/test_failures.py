"""A build that fails because of data names the row, and prints no payload."""

import psycopg
import pytest

from include.build.failures import reason
from include.warehouse.connection import connect

HEADING = "Database Error in model int_x (models/intermediate/int_x.sql)\n"
END = "\n  compiled code at .data/dbt/target/run/x.sql"


def refused(url: str, *statements: str) -> str:
    """Postgres's own words for the last of the statements, as dbt hands them on."""
    with connect(url, application_name="test") as connection:
        for statement in statements[:-1]:
            connection.execute(statement.encode())
        with pytest.raises(psycopg.Error) as caught:
            connection.execute(statements[-1].encode())
        connection.rollback()
    said = "".join(f"  {line}\n" for line in str(caught.value).splitlines())
    return reason(HEADING + said + END)


def test_a_key_that_is_there_twice_is_named(warehouse: str) -> None:
    table = "create table t as select 'm' || n / 2 as message_id, 'c1' as company from"
    said = refused(
        warehouse, f"{table} generate_series(2, 3) as n", "create unique index u on t (message_id)"
    )
    assert said == 'could not create unique index "u" The row: message_id = m1.'
    said = refused(
        warehouse,
        "create table t (message_id text, company text, unique (message_id, company))",
        "insert into t values ('m1', 'c1'), ('m1', 'c1')",
    )
    assert said.endswith("The row: message_id, company = m1, c1.")


def test_a_value_that_does_not_fit_is_named_and_cut(warehouse: str) -> None:
    said = refused(warehouse, "select ('n/a ' || repeat('x', 5000))::numeric")
    assert said.startswith('invalid input syntax for type numeric: "n/a xxx')
    assert said.endswith('more characters)"')
    assert len(said) < 250


def test_a_row_that_breaks_a_rule_is_named_by_its_beginning(warehouse: str) -> None:
    said = refused(
        warehouse,
        "create table t (event_seq bigint, message_id text, payload text not null)",
        "insert into t values (17, 'm17', null)",
    )
    assert said.endswith("The row begins with 17, m17, null.")


@pytest.mark.parametrize("text", ["a\n" * 3_000, "x" * 3_000, '"' * 3_000, ")" * 3_000])
def test_a_key_of_any_shape_is_one_short_line(warehouse: str, text: str) -> None:
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("create table t (id text)")
        connection.execute("insert into t values (%s), (%s)", [text, text])
    said = refused(warehouse, "create unique index u on t (md5(id), left(id, 2000))")
    assert said.startswith('could not create unique index "u" The row: ')
    assert "\n" not in said
    assert len(said) <= 400


def test_what_a_person_can_put_right_is_said_as_that() -> None:
    said = reason(HEADING + "  permission denied for schema marts" + END)
    assert said.startswith("The warehouse's role lacks a right (permission denied for schema")
    full = (
        "could not extend file base/1/2: No space left on device\n  HINT:  Check free disk space."
    )
    assert "The disk of Postgres is full" in reason(HEADING + full + END)


@pytest.mark.parametrize("message", [None, "", "\n", HEADING, END])
def test_nothing_said_is_no_crash(message: str | None) -> None:
    assert "\n" not in reason(message)


def test_a_test_that_fails_keeps_its_count() -> None:
    said = reason("Failure in test unique_x (models/x.yml)\n  Got 3 results, configured to fail")
    assert said == "Got 3 results, configured to fail"
