"""Sinks of the played Planhat: 200 first, and what becomes of it later."""

import pytest

from include.played_planhat.app import PlayedPlanhat
from tests.include.planhat.world import ident
from tests.include.played_planhat.test_documents_over_http import turn

DAY = 20_000  # 2024-10-04


@pytest.fixture
def base(played: PlayedPlanhat) -> PlayedPlanhat:
    """Two companies with a person each, who share an address."""
    documents = played.documents
    for n, name in ((1, "acme"), (2, "beta")):
        documents.load("companies", [{"_id": ident(n), "name": name, "externalId": name}])
        person = {
            "_id": ident(10 + n), "companyId": ident(n), "email": "a@x.example", "externalId": "a",
        }  # fmt: skip
        documents.load("endusers", [person])
    return played


def metric(**fields: object) -> dict:
    return {
        "dimensionId": "usage", "value": 2, "externalId": "acme", "model": "Company",
        "date": "2024-10-04", **fields,
    }  # fmt: skip


def send_metrics(api, played, *items):
    return api.post(f"/dimensiondata/{played.tenant_token}", json=list(items))


def values(api) -> list[tuple]:
    rows = api.get("/dimensiondata?limit=100").json()
    return [(row["dimensionId"], row["parentId"], row["day"], row["value"]) for row in rows]


def test_a_sum_metric_that_is_sent_again_doubles_and_a_last_one_does_not(api, base):
    base.sinks.aggregations = {"usage": "SUM", "seats": "LAST"}
    items = [metric(), metric(dimensionId="seats", value=7)]
    for _ in range(2):
        assert send_metrics(api, base, *items).json() == {"processed": 2, "errors": []}
    assert values(api) == [("seats", ident(1), DAY, 7), ("usage", ident(1), DAY, 4)]
    (row,) = api.get("/dimensiondata?dimid=usage&from=20000&to=20000").json()
    assert (row["companyId"], row["time"]) == (ident(1), "2024-10-04T00:00:00.000Z")
    assert api.get("/dimensiondata?from=20001").json() == []
    assert api.get(f"/dimensiondata?cId={ident(2)}").json() == []


def test_metrics_that_are_written_wrong_come_back_and_those_of_nobody_vanish(api, base):
    wrong = [
        metric(dimensionId="my usage"), metric(value="2"), metric(model="Licence"),
        metric(externalId=None), metric(date="yesterday"), "nonsense",
    ]  # fmt: skip
    said = send_metrics(api, base, *wrong, metric(externalId="nobody")).json()
    assert said["processed"] == 1
    assert [each["item"] for each in said["errors"]] == wrong
    assert values(api) == []
    assert len(base.sinks.vanished) == 1


def test_a_metric_names_its_object_by_what_may_be_several_peoples(api, base):
    for _ in range(30):
        send_metrics(api, base, metric(model="EndUser", externalId="a"))
    assert {owner for _, owner, _, _ in values(api)} == {ident(11), ident(12)}
    turn(base, metric_by_id=False)
    send_metrics(api, base, metric(model="EndUser", externalId=ident(11), dimensionId="by_id"))
    assert "by_id" not in str(values(api))


def test_a_sink_answers_first_and_applies_later_or_never(api, base):
    turn(base, sink_delay=None)
    send_metrics(api, base, metric())
    assert values(api) == []
    api.post("/played/settle")
    assert len(values(api)) == 1
    turn(base, sink_drops=2)
    for day in range(1, 5):
        send_metrics(api, base, metric(date=f"2025-01-0{day}"))
    assert len(values(api)) == 3


def test_strangers_tokens_are_200_too_unless_the_sink_looks(api, base):
    for switch, status in ((False, 200), (True, 404)):
        turn(base, sink_checks_tenant=switch)
        assert api.post("/dimensiondata/no-token", json=[metric()]).status_code == status
    assert values(api) == []


def test_an_activity_goes_to_its_company_or_the_primary_one_else_to_anybody(api, base):
    path = f"/analytics/{base.tenant_token}"
    named = {"email": "a@x.example", "companyExternalId": "beta", "action": "Login", "count": 3}
    assert api.post(path, json=named).status_code == 201
    nobody = {"email": "nobody@x.example", "action": "Login"}
    assert api.post(path, json=nobody).status_code == 201
    assert api.get("/users").status_code == 200
    (only,) = base.sinks.activities
    assert (only.enduser, only.company, only.count) == (ident(12), ident(2), 3)
    assert base.sinks.vanished == [nobody]
    assert api.get(f"/endusers/{ident(12)}").json()["beats"] == 3

    api.post(f"/analytics/bulk/{base.tenant_token}", json=[{"email": "a@x.example"}] * 30)
    base.sinks.settle()
    assert {each.enduser for each in base.sinks.activities[1:]} == {ident(11), ident(12)}
    api.put(f"/endusers/{ident(11)}", json={"primary": True})
    before = len(base.sinks.activities)
    api.post(f"/analytics/bulk/{base.tenant_token}", json=[{"email": "a@x.example"}] * 9)
    base.sinks.settle()
    assert {each.enduser for each in base.sinks.activities[before:]} == {ident(11)}


def test_what_planhat_makes_of_activities_stays_when_the_enduser_is_put_again(api, base):
    of = {"email": "a@x.example", "companyExternalId": "beta"}
    activity = {**of, "action": "Login", "count": 2, "date": "2026-03-01"}
    api.post(f"/analytics/{base.tenant_token}", json=activity)
    base.sinks.settle()
    (before,) = [each for each in base.documents.of["endusers"].by_id.values() if each.get("beats")]
    given = {key: before[key] for key in ("_id", "companyId", "email")}
    base.documents.load("endusers", [{**given, "name": "another"}])
    after = base.documents.of["endusers"].by_id[before["_id"]]
    assert (after["name"], after["beats"], after["lastActive"]) == (
        "another", 2, "2026-03-01T00:00:00.000Z",
    )  # fmt: skip


def test_the_segment_dock_takes_a_track_as_an_activity(api, base):
    event = {
        "type": "track", "event": "Login", "user_id": "a", "properties": {"companyId": "acme"},
    }  # fmt: skip
    assert api.post("/dock/segment", json=event).status_code == 200
    base.sinks.settle()
    assert [(each.enduser, each.action) for each in base.sinks.activities] == [(ident(11), "Login")]


def test_sinks_are_under_no_quota(api, base):
    turn(base, quota=1)
    for _ in range(3):
        assert send_metrics(api, base, metric()).status_code == 200
    assert api.get("/users").status_code == 200
    assert api.get("/users").status_code == 429
