"""Reading the models' YAML: what is understood, and what each mistake is told."""

from pathlib import Path

import pytest

from include.push.catalogue import FOLDERS, CatalogueError, choose_models, read_catalogue

GOOD = """
models:
  - name: license
    config:
      contract: {enforced: true}
      meta:
        segment: {call: track, event: License Updated, removed_event: License Removed}
    columns:
      - {name: object_id, data_type: text}
      - {name: planhat_id, data_type: text}
      - {name: value, data_type: "numeric(20, 2)"}
      - {name: tags, data_type: "text[]"}
"""


def test_a_model_is_its_call_its_events_and_its_typed_columns(tmp_path: Path) -> None:
    (tmp_path / "license.yml").write_text(GOOD)
    license_model = read_catalogue(tmp_path)["license"]
    assert (license_model.call, license_model.event) == ("track", "License Updated")
    assert license_model.removed_event == "License Removed"
    assert [(each.name, each.kind) for each in license_model.columns] == [
        ("planhat_id", "text"), ("value", "number"), ("tags", "array"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("call: track", "call: trak", "license.yml: license: `call` must be one of"),
        ("event: License Updated, ", "", "license.yml: license: `event` must name an event"),
        (", removed_event: License Removed", "", "`removed_event` must name an event"),
        ("segment: {", "other: {", "license.yml: license: `config: meta: segment:` is missing"),
        ("numeric(20, 2)", "bytea", "license.yml: license.value: a bytea cannot be pushed"),
        (', data_type: "text[]"', "", "license.yml: license.tags: `data_type` is missing"),
        ("name: value", "name: tags", "license.yml: license: the column tags is described twice"),
        ("name: planhat_id", "name: id", "license.yml: license: the column planhat_id is missing"),
        ("models:", "models: {", "license.yml line 3: not readable as YAML"),
        ("  - name: license", "  - title: license", "license.yml: a model has no name"),
    ],
)
def test_each_mistake_is_told_in_one_line_with_the_file(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in GOOD
    (tmp_path / "license.yml").write_text(GOOD.replace(before, after, 1))
    with pytest.raises(CatalogueError) as problem:
        read_catalogue(tmp_path)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_file_without_models_is_none_of_the_push_s_business(tmp_path: Path) -> None:
    (tmp_path / "license.yml").write_text(GOOD)
    (tmp_path / "exposures.yml").write_text("exposures: [{name: segment}]")
    assert list(read_catalogue(tmp_path)) == ["license"]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="No pushed model is described"):
        read_catalogue(tmp_path)


def test_a_name_that_nobody_described_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "license.yml").write_text(GOOD)
    with pytest.raises(
        CatalogueError, match=r"There is no pushed model licence: did you mean license\?"
    ):
        choose_models(read_catalogue(tmp_path), ["licence"])


def test_planhat_s_sixteen_models_and_what_we_compute_go_under_the_right_calls() -> None:
    models = read_catalogue()
    calls = {name: model.call for name, model in models.items()}
    assert calls.pop("company") == calls.pop("company_usage") == "group"
    people = {"enduser", "created_enduser", "enduser_usage"}
    assert {calls.pop(name) for name in people} == {"identify"}
    assert set(calls.values()) == {"track"}
    assert len(calls) == 14
    off = {name for name, model in models.items() if not model.on_by_default}
    assert off == {"created_enduser", "enduser_usage"}
    # each knows who becomes an enduser
    assert {models[name].after for name in ("enduser", "enduser_usage")} == {("created_enduser",)}
    assert models["created_enduser"].after == ()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("on_by_default: perhaps", "`on_by_default` must be true or false, not 'perhaps'"),
        ("changes_daily: 1", "`changes_daily` must be true or false, not 1"),
        ("about: enduser", "`about` names a model, for a model of identify calls"),
        ("before: [enduser]", "`before` names a model, for a model of identify calls"),
    ],
)
def test_what_a_model_says_of_itself_is_looked_at(tmp_path: Path, said: str, problem: str) -> None:
    (tmp_path / "license.yml").write_text(GOOD.replace("call: track", f"call: track, {said}"))
    with pytest.raises(CatalogueError) as found:
        read_catalogue(tmp_path)
    assert problem in str(found.value)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("before: person", "person: `before` must name a model of identify calls that is itself"),
        ("about: person", "person: `about` must name a model of identify calls that is itself"),
        ("about: other, before: other", "person: one of `about` and `before`, not both"),
        ("before: early", "`before` must name a model of identify calls that is itself"),
    ],
)
def test_people_are_before_people_in_one_step(tmp_path: Path, said: str, problem: str) -> None:
    person = GOOD.replace("call: track", "call: identify")
    (tmp_path / "other.yml").write_text(person.replace("name: license", "name: other"))
    early = person.replace("name: license", "name: early")
    (tmp_path / "early.yml").write_text(early.replace("identify,", "identify, before: other,"))
    named = person.replace("name: license", "name: person")
    (tmp_path / "person.yml").write_text(named.replace("identify,", f"identify, {said},"))
    with pytest.raises(CatalogueError) as found:
        read_catalogue(tmp_path)
    assert problem in str(found.value)


def test_people_can_only_be_about_or_before_people_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "license.yml").write_text(GOOD)
    person = GOOD.replace("name: license", "name: person").replace("track", "identify")
    for named in ("license", "nobody"):
        (tmp_path / "person.yml").write_text(
            person.replace("call: identify", f"call: identify, before: {named}")
        )
        with pytest.raises(CatalogueError, match=f"person: `before` must .* not '{named}'"):
            read_catalogue(tmp_path)


def test_every_model_of_the_folder_is_described() -> None:
    assert {file.stem for file in FOLDERS["segment"].glob("*.sql")} == set(read_catalogue())
