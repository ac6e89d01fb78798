"""What is tried: models whose files differ from a build's, or git's, and who reads a setting."""

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import psycopg

from include.build import project
from include.counting import counted
from include.errors import SettingError
from include.settings import ROOT

# In the place of names: all models.
ALL = "*"
# So many files are named.
SHOWN = 5


@dataclass(frozen=True)
class Edits:
    """Between two states of the dbt project."""

    # models whose own files differ; `ALL` where what differs may change any
    models: tuple[str, ...]
    # models of which nothing but tests differ
    tested: tuple[str, ...]
    # what to say of them, a line each
    remarks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.models or self.tested)


def edits_between(before: Mapping[str, str], after: Mapping[str, str], of: str) -> Edits:
    """What differs between two states as `project.files` says them. `of`: the earlier, in words."""
    names = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    for_all = [name for name in names if project.is_for_all(name)]
    tests = [name for name in names if project.is_of_tests(name)]
    own = [name for name in names if name not in for_all and name not in tests]
    models = {_model(name) for name in own if name in after}
    remarks = [f"{_listed(names)} differ from {of}"] if names else []
    if for_all:
        remarks.append(f"All models are tried: {_listed(for_all)} may change any of them")
    gone = sorted({_model(name) for name in own if name.endswith(".sql") and name not in after})
    if gone:
        remarks.append(f"Their files are gone, and what they made stays: {_listed(gone)}")
    return Edits(
        (ALL,) if for_all else tuple(sorted(models - set(gone))),
        tuple(sorted({_model(name.removesuffix(" tests")) for name in tests} - models)),
        tuple(remarks),
    )


def _model(name: str) -> str:
    return PurePosixPath(name.removesuffix(" tests")).stem


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {counted(more, 'file')} more" if more > 0 else "")


def files_of_build(holder: psycopg.Connection) -> dict[str, str]:
    """The files that the last success was made of; none if it is from before they were noted."""
    row = holder.execute(
        "select files from sync.project_files where code_fingerprint = (select code_fingerprint"
        " from sync.builds where status = 'success' order by build_id desc limit 1) limit 1"
    ).fetchone()
    return row[0] if row else {}


def files_of_git(revision: str) -> dict[str, str]:
    """The files as git has them in a revision. Raises `SettingError` where it knows none such."""
    if not revision.strip() or revision.startswith("-"):
        raise SettingError(f"SINCE is a revision of git, such as main, not {revision!r}.")
    git = shutil.which("git")
    if git is None:
        raise SettingError("SINCE asks git, which is not here: name models with MODEL=.")
    try:
        done = subprocess.run(
            [git, "archive", "--format=tar", revision, "dbt_project"],
            cwd=ROOT, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        raise SettingError("git did not answer: name models with MODEL=.") from None
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason"])[-1]
        raise SettingError(f"git does not know SINCE={revision}: {said}")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        return project.files(Path(folder) / "dbt_project")


def readers_of(manifest: Any, tables: Iterable[str]) -> list[str]:
    """Models that read a settings table of `sync`: as a source, or by a macro as they compile."""
    tables = set(tables)
    sources = {
        unique_id
        for unique_id, source in manifest.sources.items()
        if source.source_name == "sync" and source.name in tables
    }
    macros = {
        unique_id
        for unique_id, macro in manifest.macros.items()
        if any(f"in_sync('{table}')" in macro.macro_sql for table in tables)
    }
    while more := {
        unique_id
        for unique_id, macro in manifest.macros.items()
        if unique_id not in macros and not macros.isdisjoint(macro.depends_on.macros)
        and macro.package_name == manifest.metadata.project_name
    }:  # fmt: skip
        macros |= more
    return sorted(
        node.name
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and not (
            sources.isdisjoint(node.depends_on.nodes) and macros.isdisjoint(node.depends_on.macros)
        )
    )
