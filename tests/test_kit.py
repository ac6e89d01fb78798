"""What somebody finds who picks the project up: each file says what the others say."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from include import __version__
from include.bootstrap import SUPPORTED
from include.cli import audit
from include.cli.__main__ import app
from include.errors import ProblemError, ServiceError
from include.settings import ROOT
from tests.parts import PARTS, part_of


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == __version__


def test_every_part_of_the_tests_is_explained_and_has_a_test():
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert table == list(PARTS)
    files = [file.relative_to(ROOT).as_posix() for file in (ROOT / "tests").rglob("test_*.py")]
    assert {part_of(file) for file in files} == set(PARTS)


def test_the_workflow_calls_ci_on_every_supported_python():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    (first, minor_first), (_, minor_last) = SUPPORTED
    versions = [f"{first}.{minor}" for minor in range(minor_first, minor_last + 1)]
    assert jobs["check"]["strategy"]["matrix"]["python"] == versions
    for job in jobs.values():
        assert ".ci/run" in [step.get("run") for step in job["steps"]]
    assert os.access(ROOT / ".ci" / "run", os.X_OK), "called by its name, it must be executable"


def test_the_workflow_of_a_pull_request_tries_it_beside_its_base():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "try.yml").read_text())
    # what YAML reads `on` as
    assert workflow[True]["pull_request"]["paths"][0] == "dbt_project/**"
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    steps = workflow["jobs"]["try"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0, "the base is tried beside, so it must be there"
    runs = [step["run"] for step in steps if "run" in step]
    tries, shows, posts = runs
    assert tries.startswith('.ci/try "origin/$BASE" report.md')
    assert "report.md" in shows
    assert "gh pr comment" in posts
    assert "--body-file report.md" in posts
    # a stranger's branch runs with no right to write, and a name of one reaches no shell
    assert "head.repo.full_name == github.repository" in steps[-1]["if"]
    assert not any("${{" in run for run in runs)


def test_the_commands_of_a_try_in_ci_are_there():
    script = ROOT / ".ci" / "try"
    assert os.access(script, os.X_OK), "called by its name, it must be executable"
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text()
    commands = re.findall(r"-m include\.cli (\w+)", text)
    assert commands == ["migrate", "try"]
    known = typer.main.get_command(app).commands["try"]  # type: ignore[attr-defined]
    options = {option for each in known.params for option in each.opts}
    assert set(re.findall(r"(--\w+) \"", text.split("include.cli try")[1])) == {
        "--since",
        "--report",
    }
    assert {"--since", "--report"} <= options
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^\s*make -s (?:-C \S+ )?(\w+)", text, re.MULTILINE)) <= set(targets)
    wrong = subprocess.run([script], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "the revision to compare with" in wrong.stderr


def test_what_is_asked_before_a_commit_is_what_lint_asks():
    lint = re.search(r"^lint:.*\n\t(.+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    asked = set(re.findall(r"\$\(PY\) (?:-m )?([\w./]+(?: (?:check|format|lint))?)", lint))
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    command = re.compile(r"\.venv/bin/python (?:-m )?([\w./]+(?: \w+)?)")
    said = {command.match(hook["entry"])[1] for hook in hooks}
    assert said == asked


def test_the_container_for_developers_has_the_ports_of_the_services():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    ports = re.findall(
        r"^# (?:COLLECTOR|AIRFLOW)_PORT=(\d+)", (ROOT / ".env.example").read_text(), re.MULTILINE
    )
    assert sorted(container["forwardPorts"]) == sorted(map(int, ports))


def test_an_audit_says_what_is_known_and_what_nobody_could_say(capsys: pytest.CaptureFixture[str]):
    safe = {"name": "one", "version": "1.0", "vulns": []}
    flaw = {"id": "PYSEC-2026-1", "fix_versions": ["2.1"]}
    audit.tell([safe])
    assert capsys.readouterr().out == "Nothing is known against 1 package.\n"
    with pytest.raises(ProblemError, match="1 known flaw"):
        audit.tell([safe, {"name": "two", "version": "2.0", "vulns": [flaw]}])
    assert capsys.readouterr().out == "two 2.0: PYSEC-2026-1, mended in 2.1\n"
    with pytest.raises(ServiceError, match="whether 1 package is safe, of 2"):
        audit.tell([safe, {"name": "three", "skip_reason": "Dependency not found"}])


@pytest.mark.starts
def test_what_is_installed_is_written_as_cyclonedx(tmp_path: Path):
    try:
        audit.write_sbom(tmp_path / "sbom.json")
    except ServiceError as error:
        pytest.skip(f"the tool that writes it cannot be had: {error}")
    written = json.loads((tmp_path / "sbom.json").read_text())
    assert written["bomFormat"] == "CycloneDX"
    assert "apache-airflow" in {each["name"] for each in written["components"]}
