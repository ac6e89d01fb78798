"""Builds of a module's warehouse, and a copy of the dbt project that a test may edit."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from include.build import PROJECT, build
from include.build import project as files_of_project
from tests.dbt_project.conftest import ask, module_settings, module_warehouse  # noqa: F401


@pytest.fixture
def build_it(module_warehouse, module_settings) -> Callable[..., list[str]]:  # noqa: F811
    """Make a build of the module's warehouse, as of 2026-03-10; what it said."""

    def make(**options) -> list[str]:
        said: list[str] = []
        build(
            module_warehouse, module_settings, requested_by="test", today=date(2026, 3, 11),
            say=said.append, **options,
        )  # fmt: skip
        return said

    return make


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the dbt project, which builds take for it."""
    copied = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, copied, ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr(files_of_project, "PROJECT", copied)
    return copied


@pytest.fixture
def edit(project: Path) -> Callable[[str, str, str], None]:
    """Put another text in the place of one in a file of the copy, where it stands first."""

    def put(file: str, old: str, new: str) -> None:
        text = (project / file).read_text()
        assert old in text
        (project / file).write_text(text.replace(old, new, 1))

    return put
