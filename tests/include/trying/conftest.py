"""The sample's cases, built and pushed once; each test tries in a copy, and builds it for real."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from include.build import PROJECT, build
from include.build import project as files_of_project
from include.settings import Settings
from include.trying import choosing, trying
from include.trying.environment import Environment
from include.trying.trying import Asked, Tried, try_it
from tests.conftest import copied
from tests.dbt_project.conftest import built_once
from tests.include.why import world

MODELS = ("staging", "intermediate", "marts", "planhat", "to_planhat")


@pytest.fixture(scope="module")
def template(server: Settings) -> Iterator[str]:
    def make(url: str, settings: Settings) -> None:
        world.make(url, settings)
        build_for_real(url, settings)  # what came back of the push is part of the truth

    with built_once(server, "tried", make) as name:
        yield name


@pytest.fixture
def truth(server: Settings, template: str) -> Iterator[str]:
    """The URL of a warehouse that a test may try in, and build."""
    with copied(server, "test", template) as url:
        yield url


@pytest.fixture
def settings(server: Settings, truth: str) -> Settings:
    return replace(server, airflow_conn_warehouse=truth)


@pytest.fixture(scope="module")
def project_of_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dbt project in a repository of its own, one for all tests.

    For another folder dbt would read it anew.
    """
    copy = tmp_path_factory.mktemp("tried") / "dbt_project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("target", "logs"))
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "The base"]):
        subprocess.run(["git", *_NOBODY, *arguments], cwd=copy.parent, check=True)
    return copy


_NOBODY = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def project(project_of_module: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The copy, which tries and builds take for the project; as it was before, in the end."""
    monkeypatch.setattr(files_of_project, "PROJECT", project_of_module)
    monkeypatch.setattr(choosing, "ROOT", project_of_module.parent)
    yield project_of_module
    shutil.rmtree(project_of_module)
    shutil.copytree(PROJECT, project_of_module, ignore=shutil.ignore_patterns("target", "logs"))


@pytest.fixture
def edit(project: Path) -> Callable[[str, str, str], None]:
    """Put another text in the place of one in a file of the copy, where it stands first."""

    def put(file: str, old: str, new: str) -> None:
        text = (project / file).read_text()
        assert old in text
        (project / file).write_text(text.replace(old, new, 1))

    return put


@dataclass
class Seen:
    """What a try found, and every relation of its schemas as they were before they went."""

    found: Tried
    relations: dict[str, Counter]
    said: list[str] = field(default_factory=list)


@pytest.fixture
def trying_in(
    truth: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Seen]:
    """Try something in the truth's warehouse, and look at what was made before it is dropped."""
    relations: dict[str, Counter] = {}
    make = trying.environment

    @contextmanager
    def looked_at(holder: psycopg.Connection) -> Iterator[Environment]:
        with make(holder) as made:
            yield made
            relations.update(read_models(truth, made.prefix))

    monkeypatch.setattr(trying, "environment", looked_at)

    def run(**asked) -> Seen:
        relations.clear()
        said: list[str] = []
        found = try_it(truth, settings, Asked(**asked), by="a test", say=said.append)
        return Seen(found, dict(relations), said)

    return run


@pytest.fixture
def build_it(truth: str, settings: Settings) -> Callable[[], None]:
    """Build for real what was tried."""

    return lambda: build_for_real(truth, settings)


def build_for_real(url: str, settings: Settings) -> None:
    build(
        url, settings, requested_by="test", today=world.BASE + timedelta(days=1),
        say=world.quietly,
    )  # fmt: skip


def read_models(url: str, prefix: str = "") -> dict[str, Counter]:
    """Every row of every relation of the models, as text, by its name in the truth."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema = any(%s) and table_name not like '%%\\_\\_journal'"
            # what changed in a build, not what is
            " and table_name not in ('int_identity__call_changes',"
            " 'int_usage__object_call_changes', 'closed_day_changes')",
            [[prefix + schema for schema in MODELS]],
        ).fetchall()
        return {
            f"{schema.removeprefix(prefix)}.{name}": rows_of(connection, schema, name)
            for schema, name in names
        }


def rows_of(connection: psycopg.Connection, schema: str, name: str) -> Counter:
    query = sql.SQL("select (to_jsonb(each) - 'build_id')::text from {} as each").format(
        sql.Identifier(schema, name)
    )
    return Counter(text for (text,) in connection.execute(query))


def read_all(url: str) -> dict[str, Counter]:
    """Every row of every table that there is, journals, marks and settings too."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {f"{schema}.{name}": rows_of(connection, schema, name) for schema, name in names}
