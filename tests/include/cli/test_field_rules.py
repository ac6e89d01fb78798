"""make field-rules: a rule is set, tried, listed and lifted; what makes no sense is one line."""

import pytest

from tests.include.running import cli


def test_a_rule_is_set_listed_tried_and_lifted(warehouse) -> None:
    def say(*arguments: str) -> str:
        done = cli("field-rules", *arguments, AIRFLOW_CONN_WAREHOUSE=warehouse)
        assert (done.returncode, done.stderr) == (0, ""), arguments
        return done.stdout

    assert say() == "There are no field rules: calls are stored as they come.\n"
    assert say("--field", "traits", "--action", "allow", "--allow", "plan 'a b'") == (
        "Rule 1: allow traits only plan, a b, of all calls of all sources."
        " Collectors know it within 5 seconds.\n"
    )
    assert say("--field", "secrets", "--type", "track").startswith("Rule 2: redact secrets, of")
    assert say("--field", "ip", "--action", "drop", "--try") == (
        "0 of 0 calls, of the last day, would be changed.\nNothing was changed or counted.\n"
    )
    assert "Rule 1 is lifted" in say("--lift", "1")
    second, first = say().splitlines()
    assert "redact secrets" in second
    assert "0 calls in 30 days" in first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--action", "drop"), "Say what: FIELD="),
        (("--lift", "7"), "No rule 7 is in force."),
        (("--field", "x", "--lift", "7"), "LIFT= ends a rule"),
        (("--field", "messageId", "--action", "drop"), "cannot be ruled away"),
        (("--field", "traits.x"), "is one of drop, hash, truncate, allow"),
        (("--field", "traits", "--action", "allow", "--allow", "'x"), "ALLOW='x cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(server_warehouse, arguments, said) -> None:
    done = cli("field-rules", *arguments, AIRFLOW_CONN_WAREHOUSE=server_warehouse)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert said in line


@pytest.fixture(scope="module")
def server_warehouse(server):
    """One warehouse for all that is refused."""
    from tests.conftest import copied

    with copied(server, "field_rules_cli") as url:
        yield url
