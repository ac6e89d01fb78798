"""What a machine without Docker can check of docker-compose.yaml and of the Dockerfile."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml

from include import services
from include.cli.__main__ import app
from include.settings import ROOT

SCHEMA = json.loads((ROOT / "tests" / "compose" / "compose-spec.json").read_text())
TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# Runs once and ends; the supervisor's way of it is in include/services.py.
ONCE = "migrate"


def programs() -> dict[str, list[str]]:
    """The supervisor's programs and their commands, with `python` for the interpreter."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    parser.read(ROOT / "supervisord.conf")
    return {
        section.removeprefix("program:"): shlex.split(
            parser[section]["command"].replace("%(ENV_PYTHON)s", "python")
        )
        for section in parser.sections()
        if section.startswith("program:")
    }


def explained_names() -> set[str]:
    return set(re.findall(r"^# ([A-Z][A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), re.M))


def variables() -> dict[str, str]:
    """Each ${VARIABLE} with what follows its name: `:?message`, `:-default` or nothing."""
    found: dict[str, str] = {}
    for name, rest in re.findall(r"\$\{([A-Z_0-9]+)([^}]*)\}", TEXT):
        found[name] = found.get(name) or rest
    return found


def our_services() -> list[str]:
    return [name for name, service in SERVICES.items() if "include" in str(service.get("command"))]


def test_the_file_is_valid_against_the_compose_specification() -> None:
    jsonschema.validate(COMPOSE, SCHEMA)


def test_the_schema_refuses_a_key_that_does_not_exist() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"collector": {"comand": "x"}}}, SCHEMA)


def test_the_services_are_the_supervisors_programs() -> None:
    assert set(programs()) == set(services.PROGRAMS)
    # on a server Planhat is a real one
    assert set(SERVICES) - {ONCE} == set(services.PROGRAMS) - {services.PLAYED_PLANHAT}


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in (ONCE, "postgres")])
def test_a_service_runs_the_command_of_its_program(name: str) -> None:
    assert SERVICES[name]["command"] == programs()[name]


@pytest.mark.parametrize("command", [*programs().values(), SERVICES[ONCE]["command"]])
def test_every_command_runs_a_module_that_exists(command: list[str]) -> None:
    assert command[:2] == ["python", "-m"]
    assert find_spec(command[2]) is not None


@pytest.mark.parametrize("name", [name for name in SERVICES if name != ONCE])
def test_every_service_reaps_its_children_restarts_and_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    assert service["init"] is True
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"


def test_health_checks_run_modules_that_exist_and_ask_services_that_exist() -> None:
    checked = 0
    for name in our_services():
        if name == ONCE:
            continue
        _, *command = SERVICES[name]["healthcheck"]["test"]
        assert command[:2] == ["python", "-m"]
        assert find_spec(command[2]) is not None
        assert command[3] == name
        host = re.match(r"http://([^:]+):\d+$", command[4])
        assert host is not None
        assert host[1] in {*SERVICES, "127.0.0.1"}
        checked += 1
    assert checked == len(SERVICES) - 2  # all but Postgres, and what ends


# A container has a place of its own for these; outside it, they say where it is published. The
# embedded server's port means nothing there, and the password is part of the warehouse's URL.
FIXED = {"DATA_DIR", "PLANHAT_EXPORTS_DIR", "COLLECTOR_HOST", "COLLECTOR_PORT", "AIRFLOW_HOST",
         "AIRFLOW_PORT"}  # fmt: skip
SECRETS = {name: f"secret-{name}" for name, rest in variables().items() if rest.startswith(":?")}


@pytest.mark.parametrize("name", sorted(explained_names()))
@pytest.mark.parametrize("place", ["in .env", "in the shell"])
def test_every_setting_that_is_explained_reaches_every_service(name: str, place: str) -> None:
    if place == "in the shell" and name == "POSTGRES_PORT":
        pytest.skip("of the embedded server alone")
    given = {**SECRETS, name: "as it was set"}
    dotenv, shell = (given, {}) if place == "in .env" else ({}, given)
    assert our_services()
    for service in our_services():
        environment = arriving(service, dotenv, shell)
        if name == "POSTGRES_PASSWORD":
            assert ":as it was set@postgres:" in environment["AIRFLOW_CONN_WAREHOUSE"]
        elif name not in FIXED:
            assert environment[name] == "as it was set", service


def test_a_setting_that_only_airflow_knows_reaches_it_by_the_file() -> None:
    name = "AIRFLOW__CORE__AUTH_MANAGER"
    assert name not in explained_names()
    assert arriving("airflow-apiserver", {**SECRETS, name: "some.Manager"}, {})[name]


def test_a_variable_of_the_shell_wins_over_the_file() -> None:
    shell = {"PUSH_CRON": "0 1 * * *", **SECRETS}
    assert arriving("migrate", {"PUSH_CRON": "0 2 * * *"}, shell)["PUSH_CRON"] == "0 1 * * *"


def test_what_is_not_set_arrives_as_not_set() -> None:
    environment = arriving("collector", {}, SECRETS)
    explained = explained_names() - FIXED - set(SECRETS) - {"POSTGRES_PORT"}
    warehouse = environment.pop("AIRFLOW_CONN_WAREHOUSE")
    assert warehouse == "postgresql://planhat:secret-POSTGRES_PASSWORD@postgres:5432/warehouse"
    database = environment.pop("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
    assert database.endswith(":secret-POSTGRES_PASSWORD@postgres:5432/airflow")
    left = explained - {"AIRFLOW_CONN_WAREHOUSE", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    assert {environment[name] for name in left} == {""}  # empty counts as not set


def test_places_outside_say_where_a_container_is_published() -> None:
    given = {**SECRETS, "COLLECTOR_HOST": "10.0.0.5", "COLLECTOR_PORT": "81", "AIRFLOW_PORT": "82",
             "PLANHAT_EXPORTS_DIR": "/srv/exports"}  # fmt: skip
    collector = SERVICES["collector"]
    assert [interpolated(each, given) for each in collector["ports"]] == ["10.0.0.5:81:8100"]
    airflow = SERVICES["airflow-apiserver"]["ports"]
    assert [interpolated(each, given) for each in airflow] == ["127.0.0.1:82:8080"]
    assert "/srv/exports:/data/exports:ro" in [
        interpolated(each, given) for each in collector["volumes"]
    ]


def arriving(service: str, dotenv: dict[str, str], shell: dict[str, str]) -> dict[str, str]:
    """The environment of a service's processes, as Compose makes it: what `environment` says wins
    over the files, and in its ${…} the shell wins over .env."""
    known = {**dotenv, **shell}
    found: dict[str, str] = {}
    for file in SERVICES[service]["env_file"]:
        assert file == {"path": ".env", "required": False}
        found |= dotenv
    for name, value in SERVICES[service]["environment"].items():
        found[name] = interpolated(value, known)
    return found


def interpolated(text: str, known: dict[str, str]) -> str:
    """`text` with ${NAME}, ${NAME:-default} and ${NAME:?message} filled in, innermost first."""
    while innermost := re.search(r"\$\{([A-Z_0-9]+)(?::([-?])([^${}]*))?\}", text):
        name, kind, rest = innermost.groups()
        value = known.get(name, "")
        if not value and kind == "?":
            raise AssertionError(f"{name}: {rest}")
        value = value or rest or ""
        text = text[: innermost.start()] + value + text[innermost.end() :]
    return text


def test_the_commands_of_the_docs_for_a_server_exist() -> None:
    text = "\n".join(file.read_text() for file in sorted((ROOT / "docs").glob("*.md")))
    # to the end of the line, or of its code
    exec_lines = re.findall(r"docker compose (?:exec|run --rm)\b([^`\n]*)", text)
    named = [shlex.split(line, comments=True) for line in exec_lines if "include.cli" in line]
    assert len(named) > 15
    for words in named:
        place = words.index("include.cli")
        assert words[place - 2 : place] == ["python", "-m"]
        assert words[place - 3] in our_services()
        if words[place + 1 :] in ([], ["--help"]):
            continue
        command = typer.main.get_command(app).commands[words[place + 1]]  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words[place + 2 :] if word.startswith("--")} <= options, words


def test_the_services_that_the_docs_name_are_there() -> None:
    text = "\n".join(file.read_text() for file in sorted((ROOT / "docs").glob("*.md")))
    lines = re.findall(r"docker compose (?:exec(?: -T)?|logs|stop|start|up) ([^`\n#]*)", text)
    words = [
        word for line in lines for word in line.split(" python ")[0].split(" psql ")[0].split()
    ]
    named = {
        word for word in words if re.fullmatch(r"(airflow-|collect|postgres|migrate)\S*", word)
    }
    assert {"collector", "postgres", "airflow-scheduler"} <= named <= set(SERVICES)


OWN_POSTGRES = yaml.safe_load((ROOT / "docker-compose.own-postgres.yaml").read_text())


def test_the_file_for_a_postgres_of_ones_own_is_valid() -> None:
    jsonschema.validate(OWN_POSTGRES, SCHEMA)


def test_with_a_postgres_of_ones_own_ours_is_in_a_profile_and_nothing_waits_for_it() -> None:
    changed = OWN_POSTGRES["services"]
    assert changed["postgres"] == {"profiles": ["not-used"]}
    waiting = {name for name, each in SERVICES.items() if "postgres" in each.get("depends_on", ())}
    assert waiting == set(changed) - {"postgres"}
    for name in waiting:
        # one that is in no profile that is asked for must not be required (Compose 2.20)
        assert changed[name]["depends_on"] == {
            "postgres": {"condition": "service_healthy", "required": False}
        }


def test_every_variable_is_a_setting_that_is_explained() -> None:
    assert variables()
    assert set(variables()) <= explained_names()


@pytest.mark.parametrize(
    "name",
    [
        "POSTGRES_PASSWORD",
        "AIRFLOW_CONN_SEGMENT",
        "AIRFLOW_ADMIN_PASSWORD",
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__API_AUTH__JWT_SECRET",
    ],
)
def test_a_missing_secret_is_refused_with_a_message(name: str) -> None:
    assert variables()[name].startswith(":?set it in .env")


def test_airflow_is_configured_by_what_its_process_knows() -> None:
    given = {name for name in SERVICES["airflow-scheduler"]["environment"] if "__" in name}
    # Addresses and secrets differ on a server; every other value is the launcher's own.
    assert given == {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        "AIRFLOW__CORE__FERNET_KEY",
        "AIRFLOW__API__SECRET_KEY",
        "AIRFLOW__API_AUTH__JWT_SECRET",
    }


def test_named_volumes_are_declared_and_used() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service["volumes"]]
    named = {mount.split(":")[0] for mount in mounts if not mount.startswith(("$", ".", "/"))}
    assert named == set(COMPOSE["volumes"]) == {"postgres", "data"}


def test_everything_waits_for_the_migration() -> None:
    for name in our_services():
        waits = SERVICES[name]["depends_on"]
        assert waits["postgres"] == {"condition": "service_healthy"}
        if name != ONCE:
            assert waits[ONCE] == {"condition": "service_completed_successfully"}


def test_the_image_copies_what_exists_and_what_the_services_need() -> None:
    copied = re.findall(r"^COPY ([^-\s]\S*)", (ROOT / "Dockerfile").read_text(), re.M)
    assert {"requirements.txt", "include", "dags", "plugins", "dbt_project"} == set(copied)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_the_image_installs_what_the_file_names_and_looks_for_nothing_else() -> None:
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    (command,) = re.findall(r"uv pip install (.*)", lines)
    assert {"--no-deps", "--requirement", "requirements.txt"} <= set(command.split())


def test_docker_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    command = _docker_compose()
    if command is None:
        pytest.skip("docker compose is not installed: the schema alone was checked")
    secrets = {name: "x" for name, rest in variables().items() if rest.startswith(":?")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **secrets}
    every = {name: f"{name} as it was set" for name in explained_names() - FIXED - set(secrets)}
    (tmp_path / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in every.items()))
    shutil.copy(ROOT / "docker-compose.yaml", tmp_path)
    arguments = [*command, "-f", str(tmp_path / "docker-compose.yaml"), "config", "--format=json"]
    accepted = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    assert accepted.returncode == 0, accepted.stderr.decode()
    for name in our_services():
        arrived = json.loads(accepted.stdout)["services"][name]["environment"]
        assert every.items() <= arrived.items(), name
    beside = ["-f", str(ROOT / "docker-compose.own-postgres.yaml"), "config", "--services"]
    with_own = [*command, "-f", str(tmp_path / "docker-compose.yaml"), *beside]
    named = subprocess.run(with_own, env=environment, capture_output=True, check=False, text=True)
    assert named.returncode == 0, named.stderr
    assert set(named.stdout.split()) == set(SERVICES) - {"postgres"}
    del environment["AIRFLOW_CONN_SEGMENT"]
    refused = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    assert refused.returncode != 0
    assert "AIRFLOW_CONN_SEGMENT" in refused.stderr.decode()


def _docker_compose() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker") is None:
        return None
    answer = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if answer.returncode == 0 else None
