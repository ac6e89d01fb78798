"""docs/tuning.md: what Postgres is said to be set to is what it is set to."""

import re

from include.settings import ROOT
from include.warehouse.embedded import CONFIGURATION


def test_the_settings_are_the_embedded_servers() -> None:
    text = (ROOT / "docs" / "tuning.md").read_text()
    section = text.split("\n## What Postgres is set to\n")[1].split("\n## ")[0]
    said = dict(re.findall(r"^\| `(\w+)`(?: \(18\))? \| (\w+) \|", section, re.MULTILINE))
    assert len(said) > 5
    assert said == {name: str(CONFIGURATION[name]) for name in said}
