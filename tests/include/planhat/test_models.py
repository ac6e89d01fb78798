import pytest

from include.errors import SettingError
from include.planhat.models import BY_NAME, BY_PATH, MODELS, MOVING_FIELDS, models_with

READ = {
    "company": "companies",
    "enduser": "endusers",
    "asset": "assets",
    "project": "projects",
    "license": "licenses",
    "sale": "sales",
    "invoice": "invoices",
    "opportunity": "opportunities",
    "churn": "churn",
    "nps": "nps",
    "conversation": "conversations",
    "task": "tasks",
    "ticket": "tickets",
    "issue": "issues",
    "campaign": "campaigns",
    "objective": "objectives",
    "workspace": "workspaces",
    "user": "users",
}


def test_the_eighteen_models_are_read_each_under_its_path():
    assert {model.name: model.path for model in MODELS} == READ
    assert set(BY_NAME) == set(READ)
    assert set(BY_PATH) == set(READ.values())


def test_every_required_field_has_a_type():
    for model in MODELS:
        assert set(model.required) <= set(model.fields), model.name


def test_every_label_names_a_field_of_its_model():
    labelled = [model for model in MODELS if model.labels]
    assert {model.name for model in labelled} == {"invoice", "nps"}
    for model in labelled:
        assert set(model.labels.values()) <= set(model.fields)


def test_of_the_fields_worth_carrying_only_an_issues_updated_at_moves_by_itself():
    moving = {(m.name, name) for m in MODELS for name in m.fields if name in MOVING_FIELDS}
    assert moving == {("issue", "updatedAt")}


def test_models_of_ones_own_are_named_beside_planhats():
    assert models_with(None) == models_with("") == MODELS
    *known, first, second = models_with("contract=/contracts, seat=custom/seats")
    assert tuple(known) == MODELS
    assert [(each.name, each.path, each.is_custom) for each in (first, second)] == [
        ("contract", "contracts", True), ("seat", "custom/seats", True),
    ]  # fmt: skip
    for wrong in ("contract", "Contract=contracts", "a=b c", "a=", "=b", "a=../b", "a=b?c"):
        with pytest.raises(SettingError, match="is not name=path"):
            models_with(wrong)
    for taken in ("company=clients", "client=companies", "a=b a=c", "a=c b=c"):
        with pytest.raises(SettingError, match="names a model that there is"):
            models_with(taken)
