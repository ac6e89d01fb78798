"""What a held plan would change, object by object."""

import psycopg
import pytest

from include.page import held
from include.warehouse import reading
from tests.include.page.world import add_error, add_held_plan


@pytest.fixture
def connection(warehouse):
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield connection


def ask(warehouse, run_id, **wish):
    wish = {"model": "enduser", "with_values": True} | wish
    return reading.part(warehouse, lambda c: held.changes(c, run_id, **wish))


def test_only_the_fields_that_differ_from_what_was_acknowledged_are_named(warehouse, connection):
    found = ask(warehouse, add_held_plan(connection))

    assert found["rows"][0] == {
        "model": "enduser",
        "object_id": "e1",
        "action": "changed",
        "outcome": None,
        "fields": {"email": ["old@company.example", "new@company.example"]},
        "planhat_url": None,
    }
    assert (found["total"], found["actions"]) == (2, {"changed": 1, "removed": 1})


def test_of_all_models_each_object_names_its_own(warehouse, connection):
    run_id = add_held_plan(connection)
    connection.execute(
        "insert into sync.planned select (jsonb_populate_record(planned, "
        '\'{"model": "company"}\')).* from sync.planned where run_id = %s',
        [run_id],
    )

    found = ask(warehouse, run_id, model=None)

    assert found["total"] == 4
    assert [row["model"] for row in found["rows"]] == ["company"] * 2 + ["enduser"] * 2


def test_a_removal_has_no_fields(warehouse, connection):
    assert ask(warehouse, add_held_plan(connection))["rows"][1]["fields"] == {}


def test_without_the_permission_the_values_are_not_there(warehouse, connection):
    found = ask(warehouse, add_held_plan(connection), with_values=False)

    assert found["rows"][0]["fields"] == {"email": None}
    assert "company.example" not in str(found)


def test_an_object_that_is_new_differs_in_every_field(warehouse, connection):
    run_id = add_held_plan(connection)
    connection.execute("delete from sync.objects")

    fields = ask(warehouse, run_id)["rows"][0]["fields"]

    assert fields == {"email": [None, "new@company.example"], "name": [None, "Same"]}


def test_a_plan_that_is_not_kept_any_more_is_empty(warehouse, connection):
    run_id = add_held_plan(connection)
    connection.execute("delete from sync.planned")

    assert ask(warehouse, run_id)["total"] == 0


def test_pages_leave_no_object_out(warehouse, connection, monkeypatch):
    monkeypatch.setattr(held, "OBJECTS_A_PAGE", 1)
    run_id = add_held_plan(connection)

    seen = [ask(warehouse, run_id, offset=offset)["rows"][0]["object_id"] for offset in (0, 1)]

    assert seen == ["e1", "e2"]


def test_of_one_action_alone_and_with_what_became_of_each(warehouse, connection):
    run_id = add_held_plan(connection)
    connection.execute("update sync.objects set message_id = 'planhat-e1' where object_id = 'e1'")
    add_error(connection, run_id, object_id="e2")

    (changed,) = ask(warehouse, run_id, action="changed")["rows"]
    removed = ask(warehouse, run_id, action="removed")

    assert changed["outcome"] == "acknowledged"
    assert (removed["total"], removed["rows"][0]["outcome"]) == (1, "refused")
