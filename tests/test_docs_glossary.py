"""docs/glossary.md: its words are in use, explained where it says, and linked from the docs."""

import re
from pathlib import Path

import pytest

from include.settings import ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"
# docs in which words of the glossary stand, each with one link to it
READERS = [
    file
    for file in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    if file != GLOSSARY
]
# no word of everybody's: linked where it first stands
OURS = ("keyset", "journal", "ledger", "claim", "spool", "resync")
MUST_HAVE = {
    "keyset",
    "mention",
    "mark",
    "journal",
    "place",
    "link",
    "ledger",
    "claim",
    "held",
    "safe",
    "spool",
    "died",
}


def _words() -> list[str]:
    rows = re.findall(r"^\| ([^|`]+) \| ", GLOSSARY.read_text(), re.MULTILINE)
    words = [word for row in rows if row != "word" for word in row.split(", ")]
    assert set(words) >= MUST_HAVE
    assert len(words) == len(set(words))
    return words


@pytest.mark.parametrize("word", _words())
def test_a_word_stands_in_the_docs_and_in_what_it_is_about(word: str):
    form = re.compile(rf"\b{word}(s|ed)?\b", re.IGNORECASE)
    folder = ROOT / "dbt_project"
    code = [*folder.rglob("*.sql"), *folder.rglob("*.yml"), *(ROOT / "include").rglob("*.py")]
    assert any(form.search(file.read_text()) for file in READERS)
    assert any(form.search(file.read_text()) for file in code)


@pytest.mark.parametrize("file", READERS, ids=lambda file: file.name)
def test_a_word_that_is_ours_is_linked_where_it_first_stands(file: Path):
    text = _prose(file.read_text())
    first = {word: re.search(rf"\b{word}(s|ed)?\b", text) for word in OURS}
    links = [
        found.span()
        for found in re.finditer(r"\[[^\]]*\]\([^)]*\)", text)
        if "glossary.md" in found[0]
    ]
    bare = [
        word
        for word, found in first.items()
        if found and not any(start <= found.start() < end for start, end in links)
    ]
    assert bare == [], f"{file.name}: link the first of each to docs/glossary.md"


def _prose(text: str) -> str:
    """Without code, headings and the targets of links to other pages."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^#+ .*$|`[^`]*`", "", text, flags=re.MULTILINE)
    return re.sub(r"\]\((?!\S*glossary\.md)[^)]*\)", "]()", text)


def test_the_readme_and_the_overview_of_the_models_lead_to_it():
    for file in ("README.md", "CONTRIBUTING.md", "dbt_project/models/overview.md"):
        assert "docs/glossary.md" in (ROOT / file).read_text()
