"""The command line: help everywhere, one clear line for what is wrong, codes as promised."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from include.cli.__main__ import app
from include.cli.given import refuse_other_names
from include.collector.sources import add_source
from include.played_planhat.app import PlayedPlanhat
from include.settings import ROOT, Settings
from include.warehouse import embedded
from tests.dbt_project.landing import land_calls
from tests.include.planhat.world import company
from tests.include.running import cli, environment, free_port
from tests.include.why.world import quarantine

COMMANDS = (
    "up", "down", "status", "migrate", "url", "psql", "clean", "demo", "build", "plan", "push",
    "answer", "cancel", "planhat", "compare", "columns", "load", "warehouse", "replay", "report",
    "source", "block", "exclude", "alias", "links", "switch", "bench", "dbt", "docs", "why",
    "forget", "suppress", "retention", "field-rules", "version", "audit", "verify", "profile",
    "try",
)  # fmt: skip


def make(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "-s", *arguments], env=environment(**given), cwd=ROOT,
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_these_are_the_commands() -> None:
    done = cli("--help")
    assert done.returncode == 0
    listed = re.findall(r"^  ([a-z-]+) {2,}", done.stdout.split("Commands:")[1], re.M)
    assert sorted(listed) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(app, [command, "--help"])
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) > 4


def test_every_command_of_the_makefile_exists() -> None:
    called = re.findall(r"\$\(CLI\) ([a-z-]+)", (ROOT / "Makefile").read_text())
    assert called
    assert set(called) <= set(COMMANDS)


def test_the_embedded_server_that_was_never_started_is_said_in_one_line(tmp_path: Path) -> None:
    done = cli("url", DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "never started here: run `make up` first" in line


@pytest.mark.parametrize(
    "command", ["build", "plan", "push", "answer", "cancel", "planhat", "replay", "psql"]
)
def test_a_warehouse_that_does_not_answer_is_one_line_and_no_traceback(
    command: str, tmp_path: Path
) -> None:
    given = {
        "DATA_DIR": str(tmp_path),
        "PLANHAT_EXPORTS_DIR": str(tmp_path),
        "AIRFLOW_CONN_WAREHOUSE": f"postgresql://ada:hush@127.0.0.1:{free_port()}/warehouse",
        "AIRFLOW_CONN_SEGMENT": "http://:key@127.0.0.1:1",
    }
    done = cli(command, **given)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "does not answer" in line
    assert "hush" not in done.stdout + done.stderr


def test_a_push_without_a_write_key_is_one_line(warehouse: str, tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path), "AIRFLOW_CONN_WAREHOUSE": warehouse}
    for segment, said in (("", "AIRFLOW_CONN_SEGMENT is not set"), ("https://h", "no write key")):
        done = cli("push", **given, AIRFLOW_CONN_SEGMENT=segment)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert said in line


def test_a_setting_that_cannot_be_read_is_one_line() -> None:
    done = cli("status", AIRFLOW_PORT="eighty")
    assert done.returncode == 1
    assert done.stderr == "AIRFLOW_PORT must be a whole number, not 'eighty'.\n"


def test_an_unknown_model_is_one_line_that_names_those_there_are(
    warehouse: str, tmp_path: Path
) -> None:
    done = cli(
        "plan", "--models", "compny", DATA_DIR=str(tmp_path), AIRFLOW_CONN_WAREHOUSE=warehouse,
        AIRFLOW_CONN_SEGMENT="http://:key@127.0.0.1:1",
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "There is no pushed model compny: did you mean company?" in line


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("push MODEL=company", "There is no variable MODEL: did you mean MODELS?"),
        ("push models=company", "There is no variable models: did you mean MODELS?"),
        ("plan LIMITS=1 MODELS=company", "There is no variable LIMITS: did you mean LIMIT?"),
        ("build ASOF=2026-01-01", "There is no variable ASOF: did you mean AS_OF?"),
        ("answer MODELS=company", "There is no variable MODELS: did you mean MODEL?"),
        ("cancel RESINC=1", "There is no variable RESINC: did you mean RESYNC?"),
        ("load FILE=x SOURCE=web", "There is no variable FILE: did you mean FILES?"),
        ("url COLECTOR_PORT=1", "There is no variable COLECTOR_PORT: did you mean COLLECTOR_PORT?"),
        ("down EVERYTHING=1", "There is no variable EVERYTHING: it takes none."),
        ("why WHAT=1", "There is no variable WHAT: there are ID, EXPORT."),
        ("why ID=x MODELS='$(shell touch x)'", "There is no variable MODELS"),
    ],
)
def test_make_refuses_a_variable_that_the_command_does_not_take(command: str, said: str) -> None:
    done = make(*shlex.split(command))
    assert (done.returncode, done.stdout) == (2, ""), done
    line = done.stderr.splitlines()[0]
    assert line.startswith(f"make {command.split(maxsplit=1)[0]}: {said}")
    assert line.endswith("Nothing was done.")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("test ARG=-k", "make test takes no ARG; it takes FAST PART LONG ARGS PYTEST_ADDOPTS"),
        ("lint FIX=1", "make lint takes no FIX; it takes nothing"),
        ("format ONLY=x", "make format takes no ONLY; it takes nothing"),
        ("requirements UPGRADES=1", "make requirements takes no UPGRADES; it takes UPGRADE"),
    ],
)
def test_so_do_targets_that_are_no_commands_of_ours(command: str, said: str) -> None:
    done = make(*command.split())
    assert (done.returncode, done.stdout) == (2, ""), done
    assert said in done.stderr


@pytest.mark.parametrize("given", ["flase", "nope", "2", "1 0", "--full", "$(shell touch x)"])
def test_a_flag_is_a_yes_or_a_no_and_nothing_else(given: str) -> None:
    done = make("-n", "push", f"FULL={given}")
    assert done.returncode == 2
    assert "make push: FULL is 1 or 0, and nothing else" in done.stderr


@pytest.mark.parametrize(
    ("given", "is_on"),
    [("1", True), ("yes", True), ("TRUE", True), ("0", False), ("off", False), ("False", False),
     ("", False)],
)  # fmt: skip
def test_a_yes_and_a_no_may_be_written_in_several_ways(given: str, is_on: bool) -> None:
    done = make("-n", "push", f"FULL={given}")
    assert done.returncode == 0
    assert ("--full" in done.stdout) is is_on


def test_names_that_are_blank_are_not_all_names(tmp_path: Path) -> None:
    for command in ("plan", "push"):
        done = cli(command, "--models", " ", DATA_DIR=str(tmp_path))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "MODELS is blank: name models, or leave it out for all.\n"


def test_make_takes_the_settings_of_a_command_for_once(tmp_path: Path) -> None:
    done = make("url", f"DATA_DIR={tmp_path}", "COLLECTOR_PORT=9123", f"PYTHON={sys.executable}")
    assert "There is no variable" not in done.stderr
    assert "never started here" in done.stderr


def test_every_option_in_the_makefile_is_one_of_its_command() -> None:
    """So a variable that a recipe uses is never refused."""
    commands = typer.main.get_command(app).commands
    recipes = re.findall(r"^([a-z-]+): .*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    seen = 0
    for target, recipe in recipes:
        for name, option in re.findall(r"\$\(call (?:option|flag),(\w+),([\w-]+)\)", recipe):
            if target not in commands:
                continue
            seen += 1
            options = {each for parameter in commands[target].params for each in parameter.opts}
            assert f"--{option}" in options, f"{target} {name}"
            refuse_other_names(app, [target], {"MAKE_GIVEN": name})
    assert seen > 20


def test_a_folder_that_is_not_there_is_one_line(warehouse: str, tmp_path: Path) -> None:
    done = cli(
        "planhat", "--dir", str(tmp_path / "none"), DATA_DIR=str(tmp_path),
        AIRFLOW_CONN_WAREHOUSE=warehouse,
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_loading_without_files_says_what_is_missing(warehouse: str, tmp_path: Path) -> None:
    done = cli("load", DATA_DIR=str(tmp_path), AIRFLOW_CONN_WAREHOUSE=warehouse)
    assert done.returncode == 1
    assert done.stderr.startswith("FILES is missing: make load")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "--limit", "0"], "Invalid value for '--limit': "),
        (["plan", "--limit", "many"], "Invalid value for '--limit': "),
        (["build", "--as-of", "yesterday"], "Invalid value for '--as-of': "),
        (["plan", "--nonsense"], "No such option: --nonsense"),
        (["plan", "extra"], "Got unexpected extra argument"),
        (["nonsense"], "No such command 'nonsense'."),
        (["dbt"], "Missing option '--arguments'"),
    ],
)
def test_a_wrong_option_is_one_line_and_not_the_code_of_a_partial_push(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    done = cli(*arguments, DATA_DIR=str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (1, ""), done
    (line,) = done.stderr.splitlines()
    assert line.startswith(said)
    assert line.endswith("--help.")
    assert not (tmp_path / "data").exists(), "it is no defect of ours"


def test_no_command_is_a_question_for_help() -> None:
    done = cli()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Commands:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(["load", "--source", "app", "--files"], "FILES"), (["dbt", "--arguments"], "ARGS")],
)
def test_an_open_quote_is_said_with_its_option(arguments: list[str], name: str) -> None:
    done = cli(*arguments, "a 'x")
    assert done.returncode == 1
    assert done.stderr == f"{name}=a 'x cannot be read: no closing quotation.\n"


def test_a_schedule_that_airflow_would_refuse_stops_the_start(tmp_path: Path) -> None:
    done = cli("up", DATA_DIR=str(tmp_path / "data"), BUILD_CRON="0 25 * * *")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("BUILD_CRON=0 25 * * * is not a schedule (")
    assert not (tmp_path / "data").exists()


def test_what_was_loaded_and_replayed_is_said_once(warehouse: str, tmp_path: Path) -> None:
    add_source(warehouse, "app")
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for number, file in enumerate(files):
        call = {"type": "track", "event": "Opened", "userId": "u", "messageId": f"m{number}"}
        file.write_text(json.dumps(call) + "\nno json\n")
    given = {"DATA_DIR": str(tmp_path / "data"), "AIRFLOW_CONN_WAREHOUSE": warehouse}

    one = cli("load", "--source", "app", "--files", str(files[0]), **given)
    assert one.returncode == 0, one.stderr
    assert one.stdout.startswith("a.jsonl: ")
    assert len(one.stdout.splitlines()) == 1
    two = cli("load", "--source", "app", "--files", f"{files[0]} {files[1]}", **given)
    assert [line.split(":")[0] for line in two.stdout.splitlines()] == [
        "a.jsonl", "b.jsonl", "in all",
    ]  # fmt: skip

    replayed = cli("replay", "--reason", "malformed_json", **given)
    assert replayed.returncode == 0, replayed.stderr
    assert len(replayed.stdout.splitlines()) == 1
    wrong = cli("replay", "--reason", "nonsense", **given)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr == (
        "Nothing is in quarantine for the reason 'nonsense': there are malformed_json.\n"
    )


@pytest.mark.parametrize(
    "name", ["AIRFLOW_CONN_WAREHOUSE", "AIRFLOW_CONN_SEGMENT", "AIRFLOW_CONN_PLANHAT"]
)
def test_the_demo_refuses_to_put_its_customers_into_a_real_system(
    name: str, tmp_path: Path
) -> None:
    done = cli("demo", DATA_DIR=str(tmp_path / "data"), **{name: "https://:key@h"})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{name} is set")
    assert not (tmp_path / "data").exists()


def test_a_defect_of_ours_is_one_line_and_its_story_is_kept(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from include.cli import __main__ as main\n"
        "@main.app.command()\n"
        "def broken() -> None:\n"
        "    raise RuntimeError('something of ours')\n"
        "sys.argv = ['cli', 'broken']\n"
        "main.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(DATA_DIR=str(tmp_path)), cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Unexpected: RuntimeError: something of ours")
    assert "Traceback" in (tmp_path / "logs" / "errors.log").read_text()


def test_make_url_prints_the_url_and_nothing_else(server: Settings) -> None:
    done = make("url", DATA_DIR=str(server.data_dir))
    assert done.returncode == 0, done.stderr
    assert done.stdout == embedded.server_url(server, "warehouse") + "\n"


def test_make_hands_over_its_options(warehouse: str, tmp_path: Path) -> None:
    (tmp_path / "ufos.jsonl").write_text("{}\n")
    (tmp_path / "companies.jsonl").write_text("")
    done = make(
        "planhat", f"DIR={tmp_path}", DATA_DIR=str(tmp_path), AIRFLOW_CONN_WAREHOUSE=warehouse
    )
    assert done.returncode == 0, done.stderr
    assert "ufos.jsonl" in done.stdout


def test_what_is_no_utf8_is_one_line(tmp_path: Path) -> None:
    for command in ("why", "load", "planhat", "nonsense"):
        done = cli(command, "a\udcffb", DATA_DIR=str(tmp_path))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "This is not UTF-8 and cannot be read: a\\udcffb\n"


@pytest.mark.parametrize("way", ["call", "quarantined", "nothing"])
def test_a_story_holds_nothing_that_a_terminal_obeys(
    way: str, warehouse: str, tmp_path: Path
) -> None:
    odd = "".join(map(chr, (*range(1, 32), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x2028)))
    message_id = f"m{odd}\nFORGED ✓ x"
    call = {"messageId": message_id, "type": "track", "event": f"e{odd}", "userId": f"u{odd}"}
    if way == "call":
        land_calls(warehouse, [call], received_at="2026-03-10T12:00:00Z")
    elif way == "quarantined":
        quarantine(warehouse, call, f"r{odd}", f"d{odd}")
    done = make("why", f"ID={message_id}", DATA_DIR=str(tmp_path), AIRFLOW_CONN_WAREHOUSE=warehouse)
    said = done.stdout + done.stderr
    assert ("FORGED" in said, "Traceback" in said) == (True, False)
    assert not [line for line in said.splitlines() if line.startswith("FORGED")]
    assert not set(odd) - {"\n", "\t"} & set(said)


def test_an_id_that_nobody_knows_is_said_with_what_can_be_asked(
    warehouse: str, tmp_path: Path
) -> None:
    given = {"DATA_DIR": str(tmp_path), "AIRFLOW_CONN_WAREHOUSE": warehouse}
    done = cli("why", "--id", "nobody-knows-it", **given)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout.strip()
    missing = cli("why", **given)
    assert missing.stderr.startswith("ID is missing: make why ID=")


def test_planhat_is_read_through_its_api_where_the_connection_is_set(
    warehouse: str, tmp_path: Path, played: PlayedPlanhat, played_address: str
) -> None:
    played.documents.load("companies", [company(1)])
    given = {
        "DATA_DIR": str(tmp_path), "AIRFLOW_CONN_WAREHOUSE": warehouse,
        "AIRFLOW_CONN_PLANHAT": played_address.replace("//", f"//:{played.token}@"),
    }  # fmt: skip
    done = cli("planhat", **given)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^company +1 +1 +0", done.stdout, re.M)
    assert played.token not in done.stdout + done.stderr
    done = cli("planhat", "--check", **given)
    assert done.returncode == 0, done.stderr
    assert "knows the token: it is the right region" in done.stdout
    assert re.search(r"^  companies +1 row, all in one page", done.stdout, re.M)
    assert "tenant token    is not set" in done.stdout
    assert played.token not in done.stdout + done.stderr
    # a folder that is named is read, whatever is set
    done = cli("planhat", "--dir", str(tmp_path / "nothing"), **given)
    assert "There is no folder" in done.stderr
    played.switches = played.switches.turned(wrong_region=True)
    done = cli("planhat", **given)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, "of another region" in line) == (1, True)
    done = cli("planhat", "--check", **{**given, "AIRFLOW_CONN_PLANHAT": ""})
    assert "AIRFLOW_CONN_PLANHAT is not set" in done.stderr
    done = cli("planhat", **{**given, "PLANHAT_CUSTOM_MODELS": "contract"})
    assert "'contract' is not name=path" in done.stderr
