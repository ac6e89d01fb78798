"""docs/page.md and the runbooks: what they say stands on the page is there, in these words."""

import re

import pytest

from include.settings import ROOT

FOLDERS = ("include", "plugins", "dags")
KINDS = (".py", ".js", ".html")
# Of Airflow's own pages.
AIRFLOWS = {"Required actions", "Mark as failed", "Admin, Connections", "Internal Server Error"}


def words_of_the_page() -> str:
    """All its texts, with strings that go on over lines as one."""
    files = [
        file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in KINDS
    ]
    assert len(files) > 30
    text = " ".join(file.read_text() for file in files)
    return re.sub(r'"\s+f?"', "", re.sub(r"<[^>]+>", "", text))


@pytest.mark.parametrize("page", ["page.md", "operations.md"])
def test_what_is_said_in_italics_stands_there(page: str) -> None:
    # a link within is no word of the page
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", (ROOT / "docs" / page).read_text())
    said = set(re.findall(r"(?<![*\w])\*([A-Z][^*\n]+?)\*(?![*\w])", text)) - AIRFLOWS
    assert len(said) > 15
    shown = words_of_the_page()
    # `…` stands for what differs from time to time; a full stop, or an end, is the sentence's
    pieces = {each: re.split(r" ?… ?|, (?=[A-Z])", each.rstrip(".")) for each in said}
    missing = {
        each
        for each, parts in pieces.items()
        if not all(part.lower() in shown.lower() for part in parts)
    }
    assert missing == set()


def test_every_reason_of_the_button_is_there() -> None:
    source = (ROOT / "include" / "page" / "button.py").read_text()
    codes = re.findall(r'_disabled\(\s*"(\w+)"', source)
    assert len(codes) > 5
    text = (ROOT / "docs" / "page.md").read_text()
    section = text.split("\n### Why the button cannot be pressed\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| .+? \| `(\w+)` \|", section, re.MULTILINE) == codes
