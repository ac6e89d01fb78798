"""What a machine without Docker can check of docker-compose.yaml and of the Dockerfile."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from include import services
from include.settings import ROOT, Settings

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
    assert set(SERVICES) - {ONCE} == set(programs()) == set(services.PROGRAMS)


@pytest.mark.parametrize("name", [name for name in services.PROGRAMS if name != "postgres"])
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
    assert checked == len(services.PROGRAMS) - 1


def test_every_setting_reaches_the_containers() -> None:
    # The embedded server's port means nothing there.
    wanted = {each.name.upper() for each in fields(Settings)} - {"POSTGRES_PORT"}
    for name in our_services():
        assert wanted <= set(SERVICES[name]["environment"]), name


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
    copied = re.findall(r"^COPY (\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert {"requirements.txt", "include", "dags", "plugins", "dbt_project"} == set(copied)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


def test_docker_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    command = _docker_compose()
    if command is None:
        pytest.skip("docker compose is not installed: the schema alone was checked")
    secrets = {name: "x" for name, rest in variables().items() if rest.startswith(":?")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **secrets}
    arguments = [*command, "-f", str(ROOT / "docker-compose.yaml"), "config", "--quiet"]
    accepted = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    assert accepted.returncode == 0, accepted.stderr.decode()
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
