"""The first thing a person runs works with what Debian leaves, or says in a line what to do."""

import os
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from include import bootstrap
from include.settings import ROOT

pytestmark = pytest.mark.starts

VERSIONS = ("3.11", "3.12", "3.13")


def requirements(file: str) -> list[Requirement]:
    lines = (line.split(" #")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def applies(requirement: Requirement, version: str) -> bool:
    environment = {"python_version": version, "python_full_version": f"{version}.1", "extra": ""}
    return requirement.marker is None or requirement.marker.evaluate(environment)


# What stands for the package index: a folder of wheels. `uv` there is a few lines that hand over to
# pip, so that the real venv and the real pip do the work without a network.
FAKE_UV = """
import os, subprocess, sys
def main():
    open(os.environ["UV_CALLS"], "a").write(" ".join(sys.argv[1:]) + chr(10))
    if os.environ.get("UV_FAILS"):
        sys.exit("error: no route to the index")
    python, wanted = sys.argv[sys.argv.index("--python") + 1], sys.argv[-1]
    sys.exit(subprocess.call([python, "-m", "pip", "install", "--requirement", wanted]))
"""


@dataclass
class Project:
    """A checkout of its own with two small wheels to install, and what uv was asked to do."""

    root: Path
    wheels: Path
    environment: dict[str, str] = field(default_factory=dict)

    def bootstrap(self, *, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, str(self.root / "include" / "bootstrap.py")], env=self.environment,
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def require(self, *lines: str) -> None:
        (self.root / "requirements.txt").write_text(
            "uv==1.2.3\n" + "".join(f"{x}\n" for x in lines)
        )

    def asked_of_uv(self) -> list[str]:
        calls = Path(self.environment["UV_CALLS"])
        return calls.read_text().splitlines() if calls.exists() else []

    def installed(self) -> set[str]:
        (site,) = (self.root / ".venv" / "lib").glob("python*/site-packages")
        return {folder.name.removesuffix(".dist-info") for folder in site.glob("*.dist-info")}


def wheel(folder: Path, name: str, version: str, code: str, *, script: bool = False) -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name} = {name}:main\n"
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "uv", "1.2.3", FAKE_UV, script=True)
    wheel(wheels, "something", "1.0", "")
    wheel(wheels, "something", "2.0", "")
    (tmp_path / "checkout" / "include").mkdir(parents=True)
    shutil.copy(ROOT / "include" / "bootstrap.py", tmp_path / "checkout" / "include")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "UV_CALLS": str(tmp_path / "uv-calls"),
    }
    made = Project(tmp_path / "checkout", wheels, environment)
    made.require("something==1.0")
    return made


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_of_python_gets_one_exact_version_of_everything_needed(version: str) -> None:
    pinned: dict[str, str] = {}
    for requirement in requirements("requirements.txt"):
        if not applies(requirement, version):
            continue
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        assert canonicalize_name(requirement.name) not in pinned, f"{requirement.name} twice"
        pinned[canonicalize_name(requirement.name)] = specifier.version
    for wanted in requirements("requirements.in"):
        assert canonicalize_name(wanted.name) in pinned
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)])


def test_the_versions_differ_somewhere_so_three_resolutions_are_in_the_file() -> None:
    chosen = [
        {str(each) for each in requirements("requirements.txt") if applies(each, version)}
        for version in VERSIONS
    ]
    assert chosen[0] != chosen[1]
    assert all(len(each) > 100 for each in chosen)


def test_the_file_of_requirements_names_no_index() -> None:
    text = (ROOT / "requirements.txt").read_text()
    assert "--index-url" not in text
    assert "://" not in text


def test_what_is_installed_lacks_one_dependency_on_purpose_and_no_other() -> None:
    (overridden,) = requirements("requirements.overrides.txt")
    assert not any(applies(overridden, version) for version in VERSIONS)
    assert overridden.name not in {each.name for each in requirements("requirements.txt")}
    # the environment that runs this: `make setup` made it
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    (complaint,) = done.stdout.splitlines()
    assert complaint.startswith("dbt-core 1.12.")
    assert complaint.endswith(f"requires {overridden.name}, which is not installed.")


def test_both_ends_of_dbt_are_pinned() -> None:
    bounds = {
        each.name: sorted(specifier.operator for specifier in each.specifier)
        for each in requirements("requirements.in")
        if each.name in ("dbt-core", "dbt-postgres")
    }
    assert bounds == {"dbt-core": ["<", ">="], "dbt-postgres": ["<", ">="]}


def test_it_makes_the_environment_and_then_has_nothing_to_do(project: Project) -> None:
    first = project.bootstrap()
    assert first.returncode == 0, first.stderr
    assert {"uv-1.2.3", "something-1.0"} <= project.installed()
    (asked,) = project.asked_of_uv()
    assert asked.startswith("pip install ")
    assert "--compile-bytecode" in asked
    # else it would look for the dependency that is overridden away
    assert "--no-deps" in asked
    # stdout is for what was asked for: `make -s url`
    assert first.stdout == ""

    second = project.bootstrap()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert len(project.asked_of_uv()) == 1


def test_changed_requirements_are_installed_into_the_environment_that_is_there(
    project: Project,
) -> None:
    project.bootstrap()
    (project.root / ".venv" / "mine").touch()
    project.require("something==2.0")
    assert project.bootstrap().returncode == 0
    assert "something-2.0" in project.installed()
    assert (project.root / ".venv" / "mine").exists()


def test_an_installation_that_failed_is_repaired_by_the_next_call(project: Project) -> None:
    project.require("something==3.0")  # no index has it
    failed = project.bootstrap()
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-1]
    assert "something==3.0" in last
    assert "install.log" in last
    assert "Traceback" not in failed.stderr

    (project.root / ".venv" / "half").touch()
    project.require("something==2.0")
    repaired = project.bootstrap()
    assert repaired.returncode == 0, repaired.stderr
    assert "did not finish" in repaired.stderr
    assert "something-2.0" in project.installed()
    assert not (project.root / ".venv" / "half").exists()


def test_an_environment_whose_python_is_gone_is_made_again(project: Project) -> None:
    project.bootstrap()
    python = project.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    assert project.bootstrap().returncode == 0
    assert subprocess.run([python, "-c", "import something"], check=False).returncode == 0


def test_where_uv_cannot_pip_installs(project: Project) -> None:
    project.environment["UV_FAILS"] = "1"
    done = project.bootstrap()
    assert done.returncode == 0, done.stderr
    assert len(project.asked_of_uv()) == 1
    assert "trying with pip" in done.stderr
    assert "something-1.0" in project.installed()


def test_two_at_once_end_with_one_environment(project: Project) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(project.bootstrap) for _ in range(2)]
        assert [each.result().returncode for each in both] == [0, 0]
    assert len(project.asked_of_uv()) == 1


def test_what_debian_leaves_out_of_python_is_said_in_one_line(tmp_path: Path) -> None:
    # The Python that runs this, blind to the module that python3-venv brings.
    blind = tmp_path / "blind.py"
    blind.write_text(
        "import sys, importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'ensurepip' else find(name)\n"
        f"sys.argv = ['bootstrap.py']; sys.path.insert(0, {str(ROOT)!r})\n"
        "from include import bootstrap\n"
        "sys.exit(bootstrap.main())\n"
    )
    done = subprocess.run([sys.executable, str(blind)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "has no ensurepip" in done.stderr
    assert "apt-get install python3-venv" in done.stderr


def test_a_python_that_is_too_old_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    with pytest.raises(bootstrap.BootstrapError, match=r"3\.11, 3\.12 or 3\.13 is needed"):
        bootstrap.check_python()


def test_a_step_that_fails_says_its_reason_and_where_the_story_is(tmp_path: Path) -> None:
    script = "print('error: something'); print('  ╰─▶ Caused by: the disk is full'); exit(3)"
    environment = tmp_path / ".venv"
    environment.mkdir()
    with pytest.raises(bootstrap.BootstrapError, match=r"doing it failed: .*the disk is full"):
        bootstrap._run([sys.executable, "-c", script], environment, "doing it")


def test_a_long_step_says_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "PROGRESS_EVERY", 0.1)
    environment = tmp_path / ".venv"
    environment.mkdir()
    script = "import time; print('Downloading pandas', flush=True); time.sleep(1)"
    bootstrap._run([sys.executable, "-c", script], environment, "installing packages")
    said = capsys.readouterr()
    assert "installing packages" in said.err
    assert "Downloading pandas" in said.err
    assert said.out == ""


def test_the_file_runs_with_the_standard_library_alone(project: Project) -> None:
    (project.root / "requirements.txt").write_text("# nothing is pinned here\n")
    # -S: no site-packages. It gets as far as asking which uv to install.
    done = subprocess.run(
        [sys.executable, "-S", str(project.root / "include" / "bootstrap.py")],
        capture_output=True, text=True, check=False, env=project.environment,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("requirements.txt does not pin uv")


def test_make_alone_lists_every_command() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    promised = {
        "demo", "test", "up", "down", "build", "plan", "push", "url", "psql", "planhat", "load",
        "replay", "lint", "docs", "clean",
    }  # fmt: skip
    assert promised <= listed
    assert all(len(line.split()) > 3 for line in done.stdout.splitlines())
