"""make retention: what it says, and what it refuses."""

import pytest
from typer.testing import CliRunner

from include.cli.__main__ import app
from include.errors import ProblemError, SettingError
from tests.dbt_project.landing import land_calls


@pytest.fixture
def say(warehouse: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", warehouse)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["retention", *arguments])
        if done.exception:
            raise done.exception
        return done.output

    return run


def test_a_rule_is_set_counted_done_told_and_taken_back(say, warehouse: str) -> None:
    assert "kept for good: no rule" in say()
    assert "No rule says" in say("--now")
    calls = [
        {"messageId": f"a-{number}", "type": "track", "userId": "u", "properties": {"note": "n"}}
        for number in range(3)
    ]
    land_calls(warehouse, calls, received_at="2024-02-03")
    said = say("--payloads", "13", "--source", "demo-app", "--type", "track")
    assert said.startswith(
        "track calls of demo-app: payloads 13 months, single calls for good. What is due"
    )
    say("--payloads", "1200", "--calls", "1200")
    assert say("--count").startswith("3 payloads would go, 0 calls would be looked at")
    assert say("--now") == (
        "3 calls kept without the rest of the payload, 0 as one of a day,"
        " 0 quarantined calls gone.\n"
    )
    first, second, last = say().splitlines()
    assert first.startswith("track calls of demo-app: payloads 13 months")
    assert second.startswith("all calls: payloads 1200 months, single calls 1200 months (by ")
    assert last.startswith("last run: ")
    assert last.endswith(" UTC, 3 payloads, 0 calls, 0 quarantined")
    assert say("--remove") == "No rule of its own for all calls any more.\n"
    assert len(say().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--now", "--count"], "One of PAYLOADS="),
        (["--payloads", "3", "--remove"], "One of PAYLOADS="),
        (["--source", "app"], "belong to PAYLOADS="),
        (["--source", "ap", "--calls", "3"], "There is no source ap"),
        (["--calls", "3", "--payloads", "4"], "4 months of payloads are more than 3"),
        (["--remove", "--type", "page"], "no rule for all page calls"),
    ],
)
def test_what_makes_no_sense_is_one_line(say, arguments: list[str], why: str) -> None:
    with pytest.raises((SettingError, ProblemError), match=why):
        say(*arguments)
