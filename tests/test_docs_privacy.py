"""docs/privacy.md: what is said to be personal is what the columns' descriptions tag."""

import re

import yaml

from include.settings import ROOT

PAGE = (ROOT / "docs" / "privacy.md").read_text()
MODELS = ROOT / "dbt_project" / "models"


def tagged() -> dict[str, set[str]]:
    """The columns with `pii`, by schema and table."""
    found: dict[str, set[str]] = {}
    for file in MODELS.rglob("*.yml"):
        schema = file.relative_to(MODELS).parts[0]
        for model in (yaml.safe_load(file.read_text()) or {}).get("models", []):
            for column in model.get("columns", []):
                if column.get("config", {}).get("meta", {}).get("pii"):
                    found.setdefault(f"{schema}.{model['name']}", set()).add(column["name"])
    return found


def test_the_table_of_what_is_where_is_that_of_the_tags():
    rows = re.findall(r"^\| `(\w+\.\w+)` \| ((?:`\w+`(?:, )?)+) \|$", PAGE, re.MULTILINE)
    said = {table: set(re.findall(r"`(\w+)`", columns)) for table, columns in rows}
    assert len(said) > 20
    assert said == tagged()
