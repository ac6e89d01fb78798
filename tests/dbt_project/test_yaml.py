"""The YAML files of the project: one a model, beside its SQL, with all that is said of it."""

from pathlib import Path

import pytest
import yaml

from include.build import PROJECT

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
