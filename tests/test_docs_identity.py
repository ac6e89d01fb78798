"""The table of examples in docs/identity.md is the sample's cases, word for word."""

import re
from datetime import date

from include.sample.cases import Days, all_cases
from include.settings import ROOT


def test_the_examples_are_the_cases():
    text = (ROOT / "docs" / "identity.md").read_text()
    documented = re.findall(r"^\| ([^|]+) \| `([^`]+)` \| (.+) \|$", text, re.MULTILINE)
    cases = [
        (", ".join(case.rules), case.name, case.sentence)
        for case in all_cases(Days(date(2026, 3, 31)))
    ]
    assert documented == cases


def test_every_finding_is_said_and_nothing_else():
    model = ROOT / "dbt_project" / "models" / "marts" / "quality" / "quality.sql"
    made = re.findall(r"^ +(.*'\w+'.*) as finding,$", model.read_text(), re.MULTILINE)
    assert len(made) > 15
    # a literal, or one with something before or after it
    forms = [
        "".join(
            piece.strip("'") if piece.startswith("'") else r"\w+|…" for piece in each.split(" || ")
        )
        for each in made
    ]
    text = (ROOT / "docs" / "identity.md").read_text()
    table = text.split("## What is found on the way")[1].split("\n## ")[0]
    names = [
        name
        for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
        for name in re.findall(r"`([^`]+)`", row)
    ]
    assert [name for name in names if not any(_is(form, name) for form in forms)] == []
    assert [form for form in forms if not any(_is(form, name) for name in names)] == []


def _is(form: str, name: str) -> bool:
    return re.fullmatch(form.replace(r"\w+|…", r"(\w+|…)"), name) is not None


def test_every_rule_has_an_example():
    text = (ROOT / "docs" / "identity.md").read_text()
    rules = set(re.findall(r"^\*\*(3\.\d+) ", text, re.MULTILINE))
    assert len(rules) == 13
    shown = {
        re.match(r"3(\.\d+)?", rule)[0]
        for case in all_cases(Days(date(2026, 3, 31)))
        for rule in case.rules
    }
    assert rules <= shown
