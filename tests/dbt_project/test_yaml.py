"""The YAML files of the project: one a model, beside its SQL, with all that is said of it."""

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import yaml

from include.build import PROJECT
from tests.dbt_project.descriptions import blocks, documents, models, references

MODELS = PROJECT / "models"
# what is no model's
OTHERS = {"sources.yml", "exposures.yml"}


def _files() -> list[Path]:
    files = sorted(MODELS.rglob("*.sql"))
    assert len(files) > 100
    return files


@pytest.mark.parametrize("file", _files(), ids=lambda file: file.stem)
def test_a_model_has_a_yaml_beside_it_that_names_it_alone(file: Path):
    beside = yaml.safe_load(file.with_suffix(".yml").read_text())
    assert set(beside) <= {"models", "unit_tests"}
    assert [model["name"] for model in beside["models"]] == [file.stem]
    tested = {test["model"] for test in beside.get("unit_tests", [])}
    assert tested <= {file.stem}, "a unit test stands in the YAML of its model"


def test_no_other_yaml_describes_or_tests_a_model():
    others = {file for file in MODELS.rglob("*.y*ml") if not file.with_suffix(".sql").exists()}
    assert {file.name for file in others} == OTHERS
    for file in others:
        assert not {"models", "unit_tests"} & set(yaml.safe_load(file.read_text()))


def test_a_description_is_in_words():
    """The letters of docs/identity.md (u, m, a, c) are no words to who reads a column's."""
    said = [
        (test["name"], test.get("description", ""))
        for document in documents()
        for test in document.get("unit_tests", [])
    ]
    for model in models():
        said.append((model["name"], model["description"]))
        said += [
            (f"{model['name']}.{column['name']}", column["description"])
            for column in model["columns"]
        ]
    assert len(said) > 1000
    bare = re.compile(r"(?<![\w`'.-])[b-z](?![\w-])|^a(?=[,;.:]| of )")
    assert [name for name, text in said if bare.search(text)] == []


def test_what_is_said_of_a_column_in_several_models_is_said_once():
    said_by = defaultdict(list)
    for document in documents():
        for model in document["models"]:
            for column in model.get("columns", []):
                text = " ".join(column.get("description", "").split())
                # a few words are said again sooner than looked up
                if "doc(" not in text and len(text.split()) > 5:
                    said_by[column["name"], text].append(model["name"])
    assert len(said_by) > 200
    again = {said: names for said, names in said_by.items() if len(names) > 1}
    assert again == {}, "make it a doc block in models/columns.md"


def test_every_doc_block_serves_several_columns():
    used = Counter(references())
    assert set(used) == set(blocks())
    assert [name for name, times in used.items() if times < 2] == []
