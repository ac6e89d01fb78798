"""docs/identity.md: its examples are the sample's cases, and its headings what code refers to."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

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
    rules = [rule for case in all_cases(Days(date(2026, 3, 31))) for rule in case.rules]
    shown = {re.match(r"3\.\d+", rule)[0] for rule in rules}
    assert {rule for rule in _headings() if "(" not in rule} == shown
    assert set(rules) <= _headings()


def test_every_reference_to_a_rule_leads_to_its_heading():
    found = list(_references())
    assert len({file for file, _ in found}) > 80
    assert len(found) > 350
    nowhere = {(file.name, rule) for file, rule in found if rule not in _headings()}
    assert nowhere == set(), "write it as docs/identity.md heads it: §3.3(3)"


def test_the_table_of_models_names_rules_that_there_are():
    table = (ROOT / "docs" / "identity.md").read_text().split("## Where a rule stands")[1]
    rows = re.findall(r"^\| (3[^|]*) \|", table.split("\n## ")[0], re.MULTILINE)
    assert len(rows) > 15
    assert {rule for row in rows for rule in re.split(r", | to ", row)} <= _headings()


# `§3.9`, `§3.3(3)`; and `§3.3, rule 3`, `rule 3.3`, which nobody finds by the heading
_REFERENCE = r"§(?:\d+(?:\.\d+)?(?:\(\d\))?(?:, rules? \d)?)?|\brules? 3\.\d"


def _headings() -> set[str]:
    """`3.1` … `3.3(3)` …, as docs/identity.md heads them."""
    text = (ROOT / "docs" / "identity.md").read_text()
    headings = re.findall(r"^#{3,4} (\d[\d.()]*) ", text, re.MULTILINE)
    assert len(headings) == len(set(headings)) == 18
    return set(headings)


def _references() -> Iterator[tuple[Path, str]]:
    """Each file and the rule that it refers to, a form that is none of ours included."""
    for top in ("dags", "dbt_project", "docs", "include", "plugins", "tests"):
        for file in sorted((ROOT / top).rglob("*")):
            if file.suffix in (".md", ".py", ".sql", ".yml") and file != Path(__file__):
                text = re.sub(r"§3\.\{number\}|§3\\\.", "", file.read_text())  # patterns
                for rule in re.findall(_REFERENCE, text):
                    yield file, rule.removeprefix("§")
