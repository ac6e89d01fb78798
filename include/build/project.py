"""The files of the dbt project, as a build looks at them."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from include.counting import counted
from include.quick_yaml import read_yaml
from include.settings import ROOT

PROJECT = ROOT / "dbt_project"
# Of a YAML, what neither a table nor a test is made of.
_WORDS = {"description", "docs", "exposures", "unit_tests"}
_TESTS = {"data_tests", "tests"}
# What is said in one place for many models, and how tables are made and kept.
_FOR_ALL = ("dbt_project.yml", "macros/", "materializations/", "models/staging/sources.yml")


def content_hash() -> str:
    """A hash of everything that stands in the files: where it is the same, so are `files`."""
    digest = hashlib.sha256()
    for name, file in _found(PROJECT):
        digest.update(name.encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def files(folder: Path | None = None) -> dict[str, str]:
    """Each file of the project that a table or a test is made of, with a hash of that.

    `{"models/marts/core/endusers.yml": …, "models/marts/core/endusers.yml tests": …}`: tests of a
    YAML stand apart from what else it says. `folder`: another project. Raises nothing: what is no
    YAML is dbt's to refuse.
    """
    found: dict[str, str] = {}
    for name, file in _found(folder or PROJECT):
        content = file.read_bytes()
        found |= _of_yaml(name, content) if file.suffix == ".yml" else {name: _hash(content)}
    return found


def fingerprint(of: dict[str, str]) -> str:
    """One hash for a state of the project, as `files` says it."""
    return _hash(json.dumps(of, sort_keys=True).encode())


def changed_models(before: dict[str, str], after: dict[str, str]) -> str | None:
    """Which files have changed that tables are made of, in words; None: at most tests have."""
    return _in_words(name for name in _changed(before, after) if not is_of_tests(name))


def changed_for_all(before: dict[str, str], after: dict[str, str]) -> str | None:
    """Which files have changed that all tables may hang on, in words; None: none has.

    A model's own file is none of them: the model is compared with what is there.
    """
    return _in_words(name for name in _changed(before, after) if is_for_all(name))


def is_for_all(name: str) -> bool:
    """Whether a file, by its name in `files`, may change any model."""
    return name.startswith(_FOR_ALL)


def is_of_tests(name: str) -> bool:
    """Whether a name in `files` stands for tests alone."""
    return name.startswith("tests/") or name.endswith(" tests")


def _changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    names = sorted(before.keys() | after.keys())
    return [name for name in names if before.get(name) != after.get(name)]


def _in_words(names: Iterable[str]) -> str | None:
    names = list(names)
    if not names:
        return None
    more = f" and {counted(len(names) - 3, 'file')} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more} {'has' if len(names) == 1 else 'have'} changed"


def _found(project: Path) -> Iterator[tuple[str, Path]]:
    """Each file that dbt reads, by its name in the project."""
    yield "dbt_project.yml", project / "dbt_project.yml"
    for folder in ("models", "macros", "materializations", "seeds", "tests"):
        for file in sorted((project / folder).rglob("*")):
            if file.suffix in (".sql", ".yml", ".csv"):
                yield file.relative_to(project).as_posix(), file


def _of_yaml(name: str, content: bytes) -> dict[str, str]:
    try:
        said = read_yaml(content)
    except yaml.YAMLError:
        return {name: _hash(content)}
    return {
        name: _hash(json.dumps(_without(said, _WORDS | _TESTS), default=str).encode()),
        f"{name} tests": _hash(json.dumps(_without(said, _WORDS), default=str).encode()),
    }


def _without(said: Any, keys: set[str]) -> Any:
    if isinstance(said, dict):
        return {key: _without(value, keys) for key, value in said.items() if key not in keys}
    if isinstance(said, list):
        return [_without(each, keys) for each in said]
    return said


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def sources() -> set[str]:
    """The tables that models read and others write: `raw_segment.events` …"""
    files = (PROJECT / "models" / "staging").rglob("*.yml")
    documents = [read_yaml(file.read_text()) or {} for file in files]
    return {
        f"{source['name']}.{table['name']}"
        for document in documents
        for source in document.get("sources", [])
        for table in source["tables"]
    }


def relations() -> list[str]:
    """What models are called in the warehouse: `marts.companies` …

    A file that begins with its schema's name is one whose own name another schema has too.
    """
    folders = (PROJECT / "models").iterdir()
    return sorted(
        f"{folder.name}.{file.stem.removeprefix(f'{folder.name}__')}"
        for folder in folders
        for file in folder.rglob("*.sql")
    )
