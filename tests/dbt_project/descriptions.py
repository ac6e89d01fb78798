"""What the YAML files say of models and columns, with the doc blocks that they refer to."""

import re
from collections.abc import Iterator

import yaml

from include.build import PROJECT

BLOCKS = PROJECT / "models" / "columns.md"
_REFERENCE = r"\{\{ doc\('(\w+)'\) \}\}"


def blocks() -> dict[str, str]:
    """The text of each doc block of columns, by name."""
    text = BLOCKS.read_text()
    found = dict(re.findall(r"\{% docs (\w+) %\}\n(.+?)\n\{% enddocs %\}", text, re.DOTALL))
    assert len(found) == text.count("{% docs") > 100
    return found


def documents() -> Iterator[dict]:
    """Each YAML file beside a model."""
    for file in sorted((PROJECT / "models").rglob("*.sql")):
        yield yaml.safe_load(file.with_suffix(".yml").read_text())


def models() -> Iterator[dict]:
    """Each model, with its columns; what is said of them in full."""
    known = blocks()
    for document in documents():
        for model in document["models"]:
            columns = [
                {**column, "description": _in_full(column.get("description", ""), known)}
                for column in model.get("columns", [])
            ]
            yield {**model, "columns": columns}


def references() -> list[str]:
    """The block's name of every reference to one."""
    texts = [str(document["models"]) for document in documents()]
    return re.findall(r"\{\{ doc\(\\?'(\w+)\\?'\) \}\}", " ".join(texts))


def _in_full(description: str, known: dict[str, str]) -> str:
    text = re.sub(_REFERENCE, lambda found: known[found[1]], description)
    return " ".join(text.split())
