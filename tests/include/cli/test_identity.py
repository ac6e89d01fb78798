"""What operators say of identity at the command line: listed, taken back, refused in a line."""

import psycopg
import pytest

from tests.include.running import cli

ACME = "a" * 24


@pytest.fixture
def say(warehouse: str):
    """`say("block", "--value", "x")` of this warehouse."""
    with psycopg.connect(warehouse) as connection:
        connection.execute(
            "insert into raw_planhat.objects (model, planhat_id, payload) values ('company', %s, "
            '\'{"name": "Acme", "externalId": "acme"}\')',
            [ACME],
        )
    return lambda *arguments: cli(*arguments, AIRFLOW_CONN_WAREHOUSE=warehouse)


def test_what_is_said_is_listed_with_who_and_taken_back(say) -> None:
    for setting, listed, removed in (
        (
            ("block", "--pattern", "test-*", "--key", "user_id"),
            ("user_id", "pattern", "test-*"),
            "Nothing is blocked",
        ),
        (("exclude", "--domain", "own.example"), ("domain", "own.example"), "Nobody is excluded."),
        (("alias", "--alias", "acme-old", "--company", "acme"), ("acme-old", "Acme"), "No alias"),
    ):
        command = setting[0]
        done = say(*setting)
        assert (done.returncode, done.stderr) == (0, ""), setting
        assert done.stdout.endswith("It counts from the next build on.\n")
        shown = say(command).stdout
        (line,) = shown.splitlines()
        assert line.split()[: len(listed)] == list(listed)
        assert line.endswith(" UTC")
        back = setting[:3] if command == "alias" else setting
        assert say(*back, "--remove").returncode == 0
        assert say(command).stdout.startswith(removed)


def test_links_and_switches_are_set_and_listed(say) -> None:
    assert say("links").stdout == "Links never expire (default).\n"
    assert say("links", "--days", "30").stdout.startswith("Links hold 30 days.")
    assert say("links").stdout.startswith("Links hold 30 days (")
    assert say("links", "--days", "never").stdout.startswith("Links never expire.")

    off = say("switch", "--name", "user_tracking", "--off")
    assert off.stdout == "user_tracking is off.\n"
    on = say("switch", "--name", "user_tracking", "--on", "--since", "2026-03-01")
    assert on.stdout == "user_tracking is on from 2026-03-01 on.\n"
    listed = say("switch").stdout
    assert "user_tracking              on   " in listed
    assert "2026-03-01 00:00 UTC" in listed
    assert "block_bots                 off  default" in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("block --value a --domain b.example", "One of VALUE and DOMAIN at a time."),
        ("block --remove", "Say what: make block"),
        ("block --key email", "Say what: make block"),
        ("block --value kiosk --key name", "A row is for all keys, or user_id"),
        ("block --pattern ***", "more than stars"),
        ("exclude --email nobody", "has an @"),
        ("exclude --email a@b.example --remove", "No such email is excluded."),
        ("alias --alias acme --company acme", "Acme has the key “acme” itself"),
        ("alias --alias acme-old --company nobody", "Planhat has no company “nobody”"),
        ("alias --alias acme-old", "needs COMPANY="),
        ("alias --alias acme-old --company acme --remove", "needs COMPANY="),
        ("alias --company acme", "Say what: make alias"),
        ("links --days 0", "more than 0 days"),
        ("links --days soon", "DAYS is a number of days, or never, not 'soon'."),
        ("switch --name user_tracking", "ON=1 or OFF=1, one of them."),
        ("switch --on", "Say what: make switch"),
        ("switch --name colour --on", "There is no switch of that name"),
        ("switch --name user_tracking --on --since 2999-01-01", "still to come"),
        ("switch --name auto_create --on --since 2026-01-01", "Only a section"),
    ],
)
def test_what_can_mean_nothing_is_refused_in_a_line(say, arguments: str, said: str) -> None:
    done = say(*arguments.split())

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert said in line


def test_a_hostile_value_is_text_and_a_terminal_gets_none_of_its_codes(say, warehouse: str) -> None:
    for text in (
        "'; drop table sync.runs; --",
        "--remove",
        "\x1b[2J\x07",
        "$(reboot)",
        "Zoë 日本 %s",
    ):
        assert say("block", f"--value={text}").returncode == 0, text
    listed = say("block").stdout
    assert "\x1b" not in listed
    assert "$(reboot)" in listed
    with psycopg.connect(warehouse) as connection:
        kept = {
            value for (value,) in connection.execute("select value from sync.blocked_identities")
        }
    assert {"'; drop table sync.runs; --", "--remove", "$(reboot)", "Zoë 日本 %s"} <= kept
