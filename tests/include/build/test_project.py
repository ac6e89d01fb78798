"""Which of the project's files have changed, and whether a table or a test is made of what did."""

from pathlib import Path

from include.build.project import changed_for_all, changed_models, content_hash, files, fingerprint


def test_a_description_a_unit_test_and_an_exposure_are_no_change_of_what_is_built(edit):
    before, content = files(), content_hash()
    edit("models/planhat/task.yml", "Planhat's _id;", "Truly, its _id;")
    edit("models/marts/usage/usage_daily.yml", "every track", "truly every track")
    edit(
        "models/planhat/exposures.yml",
        "description: >-\n",
        "description: >-\n      Truly.\n",
    )
    assert content_hash() != content
    assert fingerprint(files()) == fingerprint(before)


def test_another_test_is_looked_at_and_makes_no_table_anew(edit):
    before = files()
    edit("models/marts/usage/company_health.yml", "[unique, not_null]", "[not_null]")
    edit("tests/every_keyset_has_an_outcome.sql", "select keyset", "select  keyset")
    assert fingerprint(files()) != fingerprint(before)
    assert changed_models(before, files()) is None


def test_what_has_changed_is_named(project: Path, edit):
    before = files()
    with (project / "models/planhat/task.sql").open("a") as file:
        file.write("-- edited\n")
    assert changed_models(before, files()) == "models/planhat/task.sql has changed"
    assert changed_for_all(before, files()) is None
    edit("models/planhat/task.yml", "data_type: text", "data_type: integer")
    (project / "models/planhat/nps.sql").unlink()
    (project / "macros/new.sql").touch()
    with (project / "dbt_project.yml").open("a") as file:
        file.write("# edited again\n")
    assert changed_models(before, files()) == (
        "macros/new.sql, models/planhat/nps.sql, models/planhat/task.sql and 1 file more have"
        " changed"
    )
    assert changed_for_all(before, files()) == "macros/new.sql has changed"


def test_what_is_no_yaml_is_left_to_dbt_to_refuse(project: Path):
    before = files()
    (project / "models/planhat/task.yml").write_text("models: [")
    assert changed_models(before, files()) == "models/planhat/task.yml has changed"
