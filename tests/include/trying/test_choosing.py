"""What is tried: which models differ, and who reads a setting."""

import pytest

from include.trying.choosing import ALL, edits_between, files_of_git

FILES = {
    "dbt_project.yml": "1", "models/marts/core/endusers.sql": "1",
    "models/marts/core/endusers.yml": "1", "models/marts/core/endusers.yml tests": "1",
    "models/marts/core/companies.sql": "1", "macros/keys.sql": "1",
}  # fmt: skip


@pytest.mark.parametrize(
    ("differs", "models", "tested"),
    [
        ({}, (), ()),
        ({"models/marts/core/endusers.sql": "2"}, ("endusers",), ()),
        ({"models/marts/core/endusers.yml tests": "2"}, (), ("endusers",)),
        (
            {"models/marts/core/endusers.yml": "2", "models/marts/core/endusers.yml tests": "2"},
            ("endusers",),
            (),
        ),
        ({"models/marts/core/fresh.sql": "1"}, ("fresh",), ()),
        ({"macros/keys.sql": "2", "models/marts/core/endusers.sql": "2"}, (ALL,), ()),
    ],
)
def test_what_differs_is_tried(differs: dict, models: tuple, tested: tuple):
    found = edits_between(FILES, FILES | differs, "main")
    assert (found.models, found.tested) == (models, tested)
    assert bool(found) == bool(differs)
    assert bool(found.remarks) == bool(differs)


def test_a_model_that_is_gone_is_said_and_not_tried():
    after = {name: value for name, value in FILES.items() if "endusers" not in name}
    found = edits_between(FILES, after, "main")
    assert found.models == ()
    assert any("endusers" in line and "gone" in line for line in found.remarks)


def test_git_has_the_files_as_they_were():
    found = files_of_git("HEAD")
    assert found.keys() >= {"dbt_project.yml", "models/marts/core/endusers.sql"}
