"""The documents of the played Planhat, as somebody with a token meets them."""

from datetime import date

import httpx
import pytest

from include.planhat.models import MODELS
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.kinds import ALWAYS, KINDS
from include.played_planhat.switches import Switches
from include.sample.documents import objects
from tests.include.planhat.world import ident


def turn(played: PlayedPlanhat, **switches: object) -> None:
    played.switches = Switches().turned(**switches)


def put(api: httpx.Client, path: str, *rows: dict) -> httpx.Response:
    return api.put(f"/{path}", json=list(rows))


def ids(response: httpx.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [int(row["_id"], 16) for row in response.json()]


@pytest.fixture
def acme(played: PlayedPlanhat) -> str:
    """A company with two people."""
    played.documents.load("companies", [{"_id": ident(1), "name": "Acme", "externalId": "acme"}])
    people = [
        {"_id": ident(11), "companyId": ident(1), "email": "a@x.example", "externalId": "a"},
        {"_id": ident(12), "companyId": ident(1), "email": "b@x.example"},
    ]
    played.documents.load("endusers", people)
    return ident(1)


def test_a_token_is_sent_as_a_bearer_or_as_the_user_of_basic(api: httpx.Client):
    assert api.get("/users").status_code == 200
    bearer = {"Authorization": "Bearer played-token"}
    assert httpx.get(api.base_url.join("/users"), headers=bearer).status_code == 200
    assert httpx.get(api.base_url.join("/users")).status_code == 401
    assert httpx.get(api.base_url.join("/users"), auth=("other", "")).status_code == 401


def test_a_good_token_at_the_wrong_region_is_as_a_bad_one(api, played):
    turn(played, wrong_region=True)
    assert api.get("/users").status_code == 401


def test_what_is_created_gets_an_id_greater_than_all_there_are(api, acme):
    first = api.post("/companies", json={"name": "Beta"}).json()
    second = api.post("/companies", json={"name": "Beta", "externalId": "acme"}).json()
    assert acme < first["_id"] < second["_id"]
    assert api.post("/companies", json={}).status_code == 400


def test_an_update_is_partial_and_merges_custom_fields_key_by_key(api, acme):
    path = "/endusers/extid-a"
    sent = {"position": "CTO", "custom": {"Plan": "Pro"}, "custom.Seats": 4}
    after = api.put(path, json=sent).json()
    assert (after["email"], after["position"]) == ("a@x.example", "CTO")
    assert after["custom"] == {"Plan": "Pro", "Seats": 4}
    after = api.put(path, json={"custom": {"plan": ""}}).json()
    assert after["custom"] == {"Plan": "Pro", "Seats": 4, "plan": ""}
    both = {"custom": {"Plan": 1}, "custom.plan": 2}
    assert api.put(path, json=both).status_code == 400


def test_unknown_fields_at_the_top_are_dropped_and_computed_ones_stay(api, acme):
    sent = {"shoeSize": 43, "companyName": "Another", "firstName": "Ada", "lastName": "Byron"}
    after = api.put(f"/endusers/{ident(12)}", json=sent).json()
    assert "shoeSize" not in after
    assert (after["companyName"], after["name"]) == ("Acme", "Ada Byron")


def test_every_write_moves_updated_at_also_one_that_changes_nothing(api, played, acme):
    document = played.documents.of["endusers"].by_id[ident(11)]
    document["updatedAt"] = "2020-01-01T00:00:00.000Z"
    answer = put(api, "endusers", {"_id": ident(11), "email": "a@x.example"}).json()
    assert (answer["nonupdates"], answer["updated"]) == (1, 0)
    assert api.get(f"/endusers/{ident(11)}").json()["updatedAt"] > "2021"


def test_archived_endusers_and_finished_tasks_are_out_of_sight_until_asked_for(api, acme):
    api.put(f"/endusers/{ident(11)}", json={"archived": True})
    assert ids(api.get("/endusers")) == [12]
    assert ids(api.get("/endusers?archived=true")) == [11]
    assert api.get(f"/endusers/{ident(11)}").status_code == 200
    task = api.post("/tasks", json={"mainType": "task", "companyId": acme}).json()
    assert len(api.get("/tasks").json()) == 1
    api.put(f"/tasks/{task['_id']}", json={"status": "Done"})
    assert api.get("/tasks").json() == []
    assert len(api.get("/tasks?isArchived=true").json()) == 1


def test_a_delete_says_so_in_json_or_not_at_all(api, played, acme):
    assert api.delete(f"/endusers/{ident(11)}").json()["deletedCount"] == 1
    assert api.get(f"/endusers/{ident(11)}").status_code == 404
    turn(played, delete_body="empty")
    assert api.delete(f"/endusers/{ident(12)}").content == b""


def test_a_page_begins_at_its_offset_is_sorted_as_asked_and_has_what_is_selected(api, played):
    rows = [{"_id": ident(n), "name": f"C{9 - n}", "phase": "Live"} for n in range(1, 9)]
    played.documents.load("companies", rows)
    assert ids(api.get("/companies?limit=3&offset=2&sort=_id")) == [3, 4, 5]
    assert ids(api.get("/companies?limit=2&sort=name")) == [8, 7]
    assert ids(api.get("/companies?limit=2&sort=-name")) == [1, 2]
    assert ids(api.get("/companies?offset=8")) == []
    (row,) = api.get("/companies?limit=1&select=phase").json()
    assert row == {"_id": ident(1), "phase": "Live"}
    turn(played, list_fields="lean")
    assert set(api.get("/companies?limit=1").json()[0]) == {"_id", "name"}
    assert set(api.get("/leancompanies?limit=1").json()[0]) == {"_id", "name"}
    turn(played, sorts=False)
    assert ids(api.get("/companies?limit=2&sort=_id")) == [8, 7]


def test_a_cap_gives_fewer_rows_without_a_word_or_refuses_or_is_none(api, played):
    rows = [{"_id": ident(n), "name": "C"} for n in range(1, 8)]
    played.documents.load("companies", rows)
    turn(played, caps={"companies": 5})
    assert len(api.get("/companies?limit=9").json()) == 5
    turn(played, caps={"companies": 5}, cap="refuse")
    assert api.get("/companies?limit=9").status_code == 400
    turn(played, caps={"companies": 5}, cap="none")
    assert len(api.get("/companies?limit=9").json()) == 7
    turn(played, page_bytes=1)
    assert len(api.get("/companies?limit=9").json()) == 1


def test_a_filter_for_a_company_that_is_not_there_gives_nothing_or_404(api, played, acme):
    assert ids(api.get("/endusers?companyId=extid-acme")) == [11, 12]
    assert ids(api.get(f"/endusers?companyId={ident(5)}")) == []
    turn(played, unknown_company="missing")
    assert api.get(f"/endusers?companyId={ident(5)}").status_code == 404


def test_a_currency_is_an_object_or_a_text(api, played, acme):
    sent = {"companyId": "extid-acme", "_currency": "EUR", "value": 5}
    made = api.post("/licenses", json=sent).json()
    assert made["_currency"]["symbol"] == "EUR"
    turn(played, currency="string")
    assert api.get(f"/licenses/{made['_id']}").json()["_currency"] == "EUR"


def test_models_that_do_not_exist_are_404(api):
    for path in ("/churns", "/notes", "/activities"):
        assert api.get(path).status_code == 404
    assert api.post("/tickets", json={}).status_code == 404


def test_a_bulk_upsert_matches_by_id_then_source_then_external_id_in_its_company(api, played, acme):
    played.documents.load("companies", [{"_id": ident(2), "name": "Beta", "externalId": "beta"}])
    answer = put(
        api, "endusers",
        {"_id": ident(12), "firstName": "Bea"},
        {"companyId": "extid-acme", "externalId": "a", "firstName": "Ada"},
        {"companyId": "extid-beta", "externalId": "a", "email": "c@x.example"},
        {"companyId": "extid-beta", "externalId": "new"},
    )  # fmt: skip
    assert answer.status_code == 206
    said = answer.json()
    assert (said["created"], said["updated"], len(said["createdErrors"])) == (1, 2, 1)
    assert [each["_id"] for each in said["updatesKeys"]] == [ident(12), ident(11)]
    assert said["createdErrors"][0]["message"] == "email is required"


def test_a_failed_row_is_said_in_one_of_three_shapes_and_with_one_of_three_statuses(api, played):
    shapes = {"object": dict, "string": str, "message": dict}
    for shape, kind in shapes.items():
        for status in (200, 206, 400):
            turn(played, error_item=shape, bulk_status=status)
            answer = put(api, "companies", {"externalId": f"{shape}-{status}"}, {"name": "Good"})
            (error,) = answer.json()["createdErrors"]
            assert answer.status_code == status
            assert isinstance(error, kind)
            assert ("item" in error) == (shape == "object")
            assert answer.json()["created"] == 1


def test_a_key_twice_in_one_request_and_an_address_twice_in_one_company_are_refused(api, acme):
    row = {"companyId": acme, "externalId": "n", "email": "n@x.example"}
    answer = put(api, "endusers", row, {**row, "email": "m@x.example"}).json()
    assert answer["createdErrors"] == [] or answer["created"] == 1
    assert [each["message"] for each in answer["updatedErrors"]] == ["externalId duplicated"]
    other = {"companyId": acme, "externalId": "o", "email": "A@x.example"}
    answer = put(api, "endusers", other).json()
    assert [each["message"] for each in answer["createdErrors"]] == ["email duplicated"]


def test_a_model_without_permission_says_so_of_each_row_or_of_the_whole(api, played, acme):
    turn(played, denied_writes=["endusers"], denied_reads=["nps"])
    answer = put(api, "endusers", {"email": "x"}, {"email": "y"})
    assert answer.status_code == 403
    assert len(answer.json()["permissionErrors"]) == 2
    assert api.post("/endusers", json={}).status_code == 403
    assert api.get("/nps").status_code == 403
    assert api.get("/endusers").status_code == 200


def test_a_list_of_values_refuses_others_and_says_neither_which_nor_where(api, acme):
    plans = {"parent": "Company", "name": "Plan", "type": "list", "listValues": ["Pro"]}
    api.post("/customfields", json=plans)
    assert api.put(f"/companies/{acme}", json={"custom": {"Plan": "Pro"}}).status_code == 200
    refused = api.put(f"/companies/{acme}", json={"custom": {"Plan": "Prof"}})
    assert (refused.status_code, refused.json()) == (400, {"message": "Validation failed"})
    assert len(api.get("/customfields?parent=Company").json()) == 1


def test_too_many_rows_and_what_is_no_list_are_refused(api, played):
    turn(played, bulk_rows=2)
    assert put(api, "companies", {}, {}, {}).status_code == 400
    assert api.put("/companies", json={"name": "no list"}).status_code == 400
    assert api.put("/companies", content=b"{").status_code == 400


def test_the_sample_and_the_models_have_no_field_that_planhat_has_not():
    sample = objects(date(2026, 6, 1))
    for model in MODELS:
        kind = KINDS[model.path]
        fields = {name for row in sample[model.name] for name in row} | set(model.fields)
        assert fields - kind.fields - ALWAYS - {kind.external_key} == set(), model.name
