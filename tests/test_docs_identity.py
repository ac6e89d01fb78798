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
