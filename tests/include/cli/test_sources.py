"""Making a source at the command line, as an operator of a server does."""

import re

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
