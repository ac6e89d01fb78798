"""Who may import whom, read from the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from include.settings import ROOT

# Costs 0.4 s to 4 s each time Airflow reads the file: imported inside tasks only.
HEAVY = {"pandas", "segment", "dbt", "psycopg", "psycopg2", "sqlalchemy", "httpx"}


# From the ground up: a part of include imports only from floors below its own.
FLOORS = (
    {"errors", "counting", "terminal", "private_files", "analytics_js", "health",
     "unreachable", "free_ports", "blank", "quick_yaml"},
    {"connections", "nearest", "webhook"},
    {"settings"},
    {"warehouse", "schedule", "airflow_api", "started_with", "played_planhat",
     "segment_api"},
    {"privacy"},
    {"airflow_process", "supervision", "collector", "planhat", "reports", "usage_alerts"},
    {"push"},
    {"segment_warehouse", "rules", "services", "why"},
    # of privacy what deletes everywhere, and so knows everything; the collector knows the rest
    {"privacy.receipts"},
    {"privacy.forgetting"},
    {"build", "compare", "page", "sample"},
    {"bench", "demo", "trying"},
    {"cli"},
)  # fmt: skip


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} has no Python file: is the path right?"
    return found


def imports(file: Path, *, top_only: bool = False) -> Iterator[str]:
    """Every module that the file imports, dotted; with `top_only` those of the module itself."""
    tree = ast.parse(file.read_text(), str(file))
    for node in ast.iter_child_nodes(tree) if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: import from the project's root, not relatively"
            yield node.module or ""


def roots(file: Path, **options: bool) -> set[str]:
    return {name.split(".")[0] for name in imports(file, **options)}


def test_the_reading_of_imports_sees_what_is_there() -> None:
    assert "airflow" in roots(ROOT / "dags" / "push_planhat_to_segment.py")
    assert "include" in roots(ROOT / "dags" / "push_planhat_to_segment.py", top_only=True)


def test_include_never_imports_airflow() -> None:
    # It is given connections and clients and returns values: so it runs, and is tested, without.
    assert [str(file) for file in files("include") if "airflow" in roots(file)] == []


@pytest.mark.parametrize("folder", ["include", "plugins", "tests", "dags"])
def test_nothing_imports_dags(folder: str) -> None:
    # A DAG file is read anew all the time, by name: code of ours belongs into include.
    assert [str(file) for file in files(folder) if "dags" in roots(file)] == []


def parts(file: Path) -> Iterator[str]:
    """The parts of include that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{each.name}" for each in node.names]
        else:
            continue
        yield from (part_of(name.split(".")[1:]) for name in names if name.startswith("include."))


def part_of(steps: Sequence[str]) -> str:
    """The part of include that a module is of, by its dotted name: what FLOORS has of it."""
    inner = ".".join(steps[:2])
    return inner if any(inner in those for those in FLOORS) else steps[0]


def test_each_part_of_include_imports_from_lower_floors_alone() -> None:
    floor = {part: number for number, those in enumerate(FLOORS) for part in those}
    upward = set()
    for file in files("include"):
        part = part_of(file.relative_to(ROOT / "include").with_suffix("").parts)
        for other in set(parts(file)) - {part, "__version__"}:
            if part not in floor or other not in floor or floor[other] >= floor[part]:
                upward.add(f"{file.relative_to(ROOT)} imports include.{other}")
    assert upward == set(), "build it lower, or give a new part its floor in FLOORS"


def test_include_knows_no_plugin() -> None:
    assert [str(file) for file in files("include") if "plugins" in roots(file)] == []


def test_nothing_but_the_tests_imports_tests() -> None:
    for folder in ("include", "dags", "plugins"):
        assert [str(file) for file in files(folder) if "tests" in roots(file)] == []


@pytest.mark.parametrize("file", files("dags"), ids=lambda file: file.stem)
def test_a_dag_file_imports_nothing_heavy_at_its_top(file: Path) -> None:
    assert roots(file, top_only=True) & HEAVY == set()


def test_nor_does_what_the_dag_files_import_of_include() -> None:
    modules = {
        name
        for file in files("dags")
        for name in imports(file, top_only=True)
        if name.startswith("include.")
    }
    assert len(modules) > 3
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {', '.join(sorted(modules))}; print(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # a connection is read by libpq's own rules, which psycopg brings
    assert set(done.stdout.split()) & HEAVY <= {"psycopg"}, "import it inside the task"


def test_no_module_of_ours_takes_the_name_of_a_package() -> None:
    # Airflow registers plugins under their bare file name, and dbt imports whatever starts so.
    taken = {"segment", "airflow", "dbt", "psycopg", "supervisor", "typer", "pandas"}
    for folder in ("plugins", "dags"):
        assert {file.stem for file in files(folder)} & taken == set()
    assert [file.name for file in ROOT.glob("dbt_*.py")] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    for folder in ("include", "dags", "plugins"):
        named = {part for file in files(folder) for part in file.relative_to(ROOT).parts}
        assert {name.removesuffix(".py") for name in named} & {
            "utils",
            "helpers",
            "common",
        } == set()


def test_the_environment_is_read_by_the_settings_alone() -> None:
    # What is started by us is handed its environment; nothing else looks into ours.
    allowed = {
        "include/settings.py",
        "include/bootstrap.py",  # runs before there is anything to import
        "include/airflow_process.py",  # completes it for Airflow
        "include/supervision.py",  # hands it to supervisord
        "include/started_with.py",  # hands it to supervisord's programs
        "include/services.py",  # hands it to Airflow's migration
        "include/build/dbt.py",  # hands the connection to dbt's profile
        "include/cli/__main__.py",  # refuses names of make that are not known
        "include/cli/project.py",  # the same
        "include/bench/api_server.py",  # hands it to the api-server that it measures
        "include/bench/collector.py",  # hands it to the collector that it measures
        "include/warehouse/embedded.py",  # HOME of another user
    }
    reading = {
        str(file.relative_to(ROOT))
        for file in files("include")
        if any(
            isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
            for node in ast.walk(ast.parse(file.read_text()))
            if not (isinstance(node, ast.Attribute) and _is_psutils(node))
        )
    }
    assert reading <= allowed


def _is_psutils(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("process", "parent")
