"""Docs are true: what they name exists, and their tables are those of the code."""

import re
from pathlib import Path

import pytest

from include.push.catalogue import read_catalogue
from include.settings import ROOT

DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(params=DOCS, ids=lambda file: file.name)
def doc(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_the_docs_are_found():
    names = {file.name for file in DOCS}
    assert names >= {"README.md", "architecture.md", "identity.md", "push.md", "settings.md"}


def test_every_make_command_that_is_named_exists(doc: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert "demo" in targets
    named = set(re.findall(r"`make (?:-s )?([a-z-]+)", doc.read_text()))
    named |= set(re.findall(r"^make (?:-s )?([a-z-]+)", doc.read_text(), re.MULTILINE))
    assert named - targets == set()


def test_every_variable_that_a_make_command_is_given_is_one_that_it_takes(doc: Path):
    recipes = dict(
        re.findall(r"^([a-z-]+):[^\n]*\n((?:\t[^\n]*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    )
    assert "--full" in recipes["build"] or "FULL" in recipes["build"]
    commands = re.findall(
        r"(?:`|^)make ((?:-s )?[a-z-]+(?: [A-Z_]+=(?:\"[^\"]*\"|[^\s`|]*))+)", doc.read_text(), re.M
    )
    wrong = []
    for command in commands:
        target, *_ = command.removeprefix("-s ").split()
        given = re.findall(r" ([A-Z_]+)=", command)
        wrong += [
            f"{target} {name}" for name in given if not re.search(rf"\b{name}\b", recipes[target])
        ]
    assert wrong == []


def test_every_link_leads_somewhere(doc: Path):
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", without_code(doc.read_text()))
    wrong = []
    for path, anchor in links:
        if "://" in path:
            continue
        target = (doc.parent / path).resolve() if path else doc
        if not target.exists() or (anchor and anchor not in anchors(target)):
            wrong.append(f"{path}#{anchor}" if anchor else path)
    assert wrong == []


def test_headings_have_anchors_of_their_own(doc: Path):
    found = anchors(doc)
    assert len(found) == len(set(found))


def anchors(page: Path) -> list[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]


def without_code(text: str) -> str:
    """In blocks of code a comment is no heading, and brackets are no link."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def test_every_path_that_is_named_exists(doc: Path):
    tops = "dags|dbt_project|docs|include|plugins|tests"
    paths = re.findall(rf"`((?:{tops})/[\w./*-]*)", doc.read_text())
    missing = [path for path in paths if not any(ROOT.glob(path.rstrip("/")))]
    assert missing == []


def test_every_model_that_is_named_exists(doc: Path):
    models = {file.stem for file in (ROOT / "dbt_project" / "models").rglob("*.sql")}
    assert "int_identity__keyset_endusers" in models
    named = set(re.findall(r"\b(?:int|stg|base)_[a-z]+__[a-z_]+\b", doc.read_text()))
    assert named - models == set()


def test_every_part_of_include_is_in_the_architecture():
    parts = {
        f"include/{each.name}"
        for each in (ROOT / "include").iterdir()
        if not each.name.startswith("_") and (each.is_dir() or each.suffix == ".py")
    }
    assert "include/why" in parts
    table = re.findall(
        r"^\| (`include/.+?) \|", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE
    )
    shown = {part for row in table for part in re.findall(r"`(include/[\w.]+)`", row)}
    assert shown == parts


def test_the_readme_shows_a_row_for_every_pushed_model():
    shown = re.findall(
        r"^(\w+) +[\d,]+ +0 +0 +[\d,]+$", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    pushed = [name for name, model in read_catalogue().items() if model.on_by_default]
    assert [name for name in shown if name != "all"] == sorted(pushed)


def test_the_readme_lists_the_dags():
    text = (ROOT / "README.md").read_text()
    table = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    files = {file.stem for file in (ROOT / "dags").glob("*.py")}
    assert table == files
