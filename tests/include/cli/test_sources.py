"""Making a source at the command line, as an operator of a server does."""

import re

import psycopg
import pytest

from include.collector.sources import list_sources
from tests.include.running import cli


def test_a_source_is_made_with_a_key_that_is_shown_once(warehouse: str) -> None:
    made = cli("source", "--name", "web-app", AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert made.returncode == 0, made.stderr
    key = re.search(r"shown only now: (\S{20,})", made.stdout)
    assert key
    listed = cli("source", AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert "web-app" in listed.stdout
    assert key[1] not in listed.stdout
    rotated = cli("source", "--name", "web-app", "--rotate", AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert key[1] not in rotated.stdout
    cli("source", "--name", "web-app", "--off", AIRFLOW_CONN_WAREHOUSE=warehouse)
    [source] = [each for each in list_sources(warehouse) if each.source == "web-app"]
    assert (source.is_enabled, source.keys) == (False, 2)


def test_a_source_that_is_not_there_cannot_be_rotated(warehouse: str) -> None:
    done = cli("source", "--name", "nobody", "--rotate", AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no source nobody" in done.stderr


def secret_of(warehouse: str, source: str) -> str | None:
    with psycopg.connect(warehouse) as connection:
        [[secret]] = connection.execute(
            "select webhook_secret from raw_segment.sources where source = %s", [source]
        ).fetchall()
    return secret


def test_a_webhook_secret_is_made_shown_once_and_taken_back(warehouse: str) -> None:
    cli("source", "--name", "shop", AIRFLOW_CONN_WAREHOUSE=warehouse)
    made = cli("source", "--name", "shop", "--secret", "new", AIRFLOW_CONN_WAREHOUSE=warehouse)
    secret = secret_of(warehouse, "shop")
    assert secret
    assert len(secret) >= 32
    assert secret in made.stdout
    listed = cli("source", AIRFLOW_CONN_WAREHOUSE=warehouse).stdout
    assert "1 valid key, signed webhook" in listed
    assert secret not in listed
    again = cli("source", "--name", "shop", "--secret", "new", AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert secret not in again.stdout
    cli("source", "--name", "shop", "--secret", "none", AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert secret_of(warehouse, "shop") is None


def test_a_rate_is_set_shown_and_taken_back(warehouse: str) -> None:
    cli("source", "--name", "shop", AIRFLOW_CONN_WAREHOUSE=warehouse)
    done = cli("source", "--name", "shop", "--rate", "1500", AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert done.stdout == "shop may send 1,500 calls a second.\n"
    [source] = list_sources(warehouse)
    assert source.calls_per_second == 1_500
    assert source.keys == 1, "no key was made on the way"
    listed = cli("source", AIRFLOW_CONN_WAREHOUSE=warehouse).stdout
    assert "at most 1,500 calls a second" in listed
    cli("source", "--name", "shop", "--rate", "none", AIRFLOW_CONN_WAREHOUSE=warehouse)
    [source] = list_sources(warehouse)
    assert source.calls_per_second is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "shop", "--rate", "0"], "from 1 to 1,000,000"),
        (["--name", "shop", "--rate", "99999999999"], "from 1 to 1,000,000"),
        (["--name", "shop", "--rate", "-5"], "whole number"),
        (["--name", "shop", "--rate", "many"], "whole number"),
        (["--name", "shop", "--secret", "hunter2"], "new or none"),
        (["--name", "nobody", "--secret", "new"], "There is no source nobody"),
        (["--name", "nobody", "--rate", "5"], "There is no source nobody"),
        (["--rate", "5"], "Name the source"),
        (["--name", "shop", "--rate", "5", "--secret", "new"], "at a time"),
        (["--name", "shop", "--on", "--off"], "at a time"),
    ],
)  # fmt: skip
def test_a_wrong_secret_or_rate_is_said_in_a_line(
    warehouse: str, options: list[str], said: str
) -> None:
    done = cli("source", *options, AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "hunter2" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert list_sources(warehouse) == []
