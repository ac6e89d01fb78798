"""What Postgres says and a person can put right has a line of ours; the rest is worth a report."""

import re

import psycopg
import pytest
from psycopg import errors

from include.warehouse import problems

URL = "postgresql://ada:hush@db.example:6432/shop"
FAILED = 'connection failed: connection to server at "10.0.0.1", port 6432 failed: '


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("failed to resolve host 'db.example': [Errno -2] Name or service not known",
         "No host named db.example is known"),
        ('could not translate host name "db.example" to address: Try again',
         "No host named db.example is known"),
        (FAILED + "Connection refused\n\tIs the server running on that host?",
         "db.example:6432/shop does not answer (Connection refused)"),
        (FAILED + 'FATAL:  password authentication failed for user "ada"',
         "refuses the password of ada"),
        # of two attempts, with and without encryption
        (FAILED + 'FATAL:  password authentication failed for user "ada"\n' + FAILED[19:]
         + 'FATAL:  password authentication failed for user "ada"', "refuses the password of ada"),
        (FAILED + "fe_sendauth: no password supplied", "wants a password of ada"),
        (FAILED + "server does not support SSL, but SSL was required", "No encrypted connection"),
        (FAILED + "SSL error: certificate verify failed", "No encrypted connection"),
        (FAILED + 'server certificate for "x" does not match host name "y"', "No encrypted"),
        (FAILED + 'root certificate file "/ca.pem" does not exist', "No encrypted connection"),
        (FAILED + 'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "ada", database "shop", '
         "no encryption", "takes encrypted connections only"),
        (FAILED + 'FATAL:  no pg_hba.conf entry for host "1.2.3.4", user "ada", database "shop", '
         "SSL encryption", "does not let ada in from here"),
        (FAILED + 'FATAL:  database "shop" does not exist', "no database shop at db.example:6432"),
        (FAILED + 'FATAL:  role "ada" does not exist', "has no ada who may sign in"),
        (FAILED + 'FATAL:  role "ada" is not permitted to log in', "has no ada who may sign in"),
        (FAILED + "FATAL:  sorry, too many clients already", "has no connection left"),
        (FAILED + "FATAL:  remaining connection slots are reserved for roles with …",
         "has no connection left"),
        (FAILED + "FATAL:  the database system is starting up", "just starting or stopping"),
        (FAILED + "FATAL:  the database system is in recovery mode", "just starting or stopping"),
        ("connection timeout expired", "does not answer (connection timeout expired)"),
        (FAILED + "No route to host", "does not answer (No route to host)"),
        (FAILED + "a reason that nobody has read yet", "(a reason that nobody has read yet)"),
        ("", "does not answer (no reason)"),
    ],
)  # fmt: skip
def test_each_reason_for_no_connection_is_a_line(said: str, line: str) -> None:
    found = problems.connecting(URL, psycopg.OperationalError(said))
    assert line in found
    assert "\n" not in found
    assert "hush" not in found


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("select * from sync.nothing", "lacks tables of this version"),
        ("select * from raw_segment.nothing", "lacks tables of this version"),
        ("select sync.nothing(1)", "lacks tables of this version"),
        ("select * from marts.companies", "run `make build`"),
        ("select * from planhat.company", "run `make build`"),
        ("set transaction_read_only = on; create table sync.x ()", "can only be read"),
        ("set statement_timeout = '1ms'; select pg_sleep(9)", "is statement_timeout set"),
        ("set role pg_monitor; select * from sync.builds", "lacks a right"),
        ("set role pg_monitor; create schema other", "lacks a right"),
        ("execute nothing", "pool_mode to session"),
        ("select pg_terminate_backend(pg_backend_pid())", "Postgres was stopped, or ended"),
    ],
)
def test_a_statement_that_is_refused_for_a_known_reason_is_a_line(
    warehouse: str, statement: str, line: str
) -> None:
    with pytest.raises(psycopg.Error) as caught, psycopg.connect(warehouse) as connection:
        connection.execute(statement.encode())
    found = problems.line(caught.value)
    assert found is not None
    assert line in found
    assert "\n" not in found


@pytest.mark.parametrize("statement", ["select 1 / 0", "selec", "select * from other.nothing"])
def test_a_defect_has_no_line(warehouse: str, statement: str) -> None:
    with pytest.raises(psycopg.Error) as caught, psycopg.connect(warehouse) as connection:
        connection.execute(statement.encode())
    assert problems.line(caught.value) is None


def test_every_code_that_has_a_line_is_one_of_postgress() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    codes = {each.sqlstate for each in kinds if issubclass(each, psycopg.Error)} - {None}
    assert "42501" in codes
    for code in problems._STATEMENTS:
        assert any(each.startswith(code) for each in codes), code
        assert re.search(r"\{said\}", problems._STATEMENTS[code])
