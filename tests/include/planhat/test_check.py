import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.planhat.check import Found, check
from include.planhat.json_files import parsed
from include.planhat.models import BY_NAME

ID = "5f0c1d2e3a4b5c6d7e8f9a0b"


def checked(model: str, **fields: Any):
    found = Found("a.jsonl", 3, json.dumps(fields, default=str), fields=fields)
    return check(BY_NAME[model], found)


def test_an_object_keeps_every_field_known_or_not():
    row = checked("company", _id=ID, name="Acme", custom={"Renewal Risk": ["a"]}, city="Lund")
    assert row.problem is None
    assert json.loads(row.payload or "") == {
        "_id": ID, "name": "Acme", "custom": {"Renewal Risk": ["a"]}, "city": "Lund",
    }  # fmt: skip


def test_ids_stay_text_whatever_they_look_like():
    row = checked("invoice", _id=ID.upper(), cId=12, currency="EUR", invoiceNo=70001, extId="007")
    payload = json.loads(row.payload or "")
    assert (payload["cId"], payload["invoiceNo"], payload["extId"]) == ("12", "70001", "007")
    assert payload["_id"] == row.planhat_id == ID


def test_digits_are_kept_as_they_came():
    found = parsed("a.jsonl", 1, f'{{"_id":"{ID}","name":"A","mrr":1234567890.10}}'.encode())
    assert '"mrr":1234567890.10' in (check(BY_NAME["company"], found).payload or "")


@pytest.mark.parametrize(
    ("model", "fields", "reason"),
    [
        ("company", {"name": "A"}, "_id is missing"),
        ("company", {"_id": "12", "name": "A"}, "_id is not 24 hexadecimal digits"),
        ("company", {"_id": 12, "name": "A"}, "_id is not 24 hexadecimal digits"),
        ("company", {"_id": ID}, "name is missing"),
        ("company", {"_id": ID, "name": None}, "name is missing"),
        ("company", {"_id": ID, "name": "  "}, "name is missing"),
        ("enduser", {"_id": ID, "email": "a@b.example"}, "companyId is missing"),
        ("churn", {"_id": ID, "companyId": "c"}, "isChurn is missing"),
        ("company", {"_id": ID, "name": ["A"]}, "name is not text: a list"),
        ("nps", {"_id": ID, "email": "e", "score": "ten"}, "score is not a number: 'ten'"),
    ],
)
def test_what_is_wrong_with_an_object_is_said(model: str, fields: dict[str, Any], reason: str):
    row = checked(model, **fields)
    assert row.problem is not None
    assert row.problem.reason.startswith(reason)
    assert row.payload is None
    assert row.text


@pytest.mark.parametrize(
    ("model", "fields", "reason"),
    [
        ("company", {"_id": ID, "name": "A", "mrr": "12"}, "mrr is not a number: '12'"),
        ("company", {"_id": ID, "name": "A", "mrr": True}, "mrr is not a number: true"),
        ("company", {"_id": ID, "name": "A", "tags": "vip"}, "tags is not a list: 'vip'"),
        ("company", {"_id": ID, "name": "A", "custom": []}, "custom is not an object: a list"),
        (
            "company",
            {"_id": ID, "name": "A", "renewalDate": "soon"},
            "renewalDate is not an ISO date: 'soon'",
        ),
        (
            "company",
            {"_id": ID, "name": "A", "renewalDate": "2026-02-30"},
            "renewalDate is not an ISO date: '2026-02-30'",
        ),
        (
            "invoice",
            {"_id": ID, "cId": "c", "currency": "EUR", "dueDate": 1_790_000_000},
            "dueDate is not a whole number of days since 1970-01-01: 1790000000",
        ),
        *(
            ("invoice", {"_id": ID, "cId": "c", "currency": "EUR", "dueDate": odd}, "dueDate is")
            for odd in (Decimal("Infinity"), Decimal("-Infinity"), Decimal("1.5"), Decimal("1e900"))
        ),
        ("enduser", {"_id": ID, "email": "e", "companyId": "c", "primary": "yes"}, "primary is"),
        ("company", {"_id": ID, "name": "A", "phase": {}}, "phase is not text: an object"),
    ],
)
def test_a_value_of_another_type_is_null_and_said_and_the_object_goes_on(
    model: str, fields: dict[str, Any], reason: str
):
    row = checked(model, **fields)
    assert row.problem is None
    (unread,) = row.unread
    assert unread.reason.startswith(reason)
    payload = json.loads(row.payload or "")
    assert payload == {**fields, unread.column: None}


@pytest.mark.parametrize(
    ("literal", "key"),
    [
        ("1042", "1042"), ("1042.0", "1042"), ("1042.000", "1042"), ("1.042e3", "1042"),
        ("1042E0", "1042"), ("10420e-1", "1042"), ("1e3", "1000"), ("1.50", "1.50"),
        ("0.1", "0.1"), ("1e-3", "0.001"), ("123456789012345678901234", "123456789012345678901234"),
        ("9007199254740993.0", "9007199254740993"), ("-7.0", "-7"), ('"1042.0"', "1042.0"),
        ('"007"', "007"), ("12345678901234567890.10", "12345678901234567890.10"),
        ("1e21", "1" + "0" * 21),
    ],
)  # fmt: skip
def test_a_number_that_is_a_key_keeps_its_literals_digits(literal: str, key: str):
    raw = f'{{"_id":"{ID}","name":"A","externalId":{literal}}}'.encode()
    row = check(BY_NAME["company"], parsed("a.jsonl", 1, raw))
    assert json.loads(row.payload or "")["externalId"] == key


def test_false_and_zero_are_values():
    assert checked("churn", _id=ID, companyId="c", isChurn=False).problem is None
    assert checked("nps", _id=ID, email="e@x.example", score=0).problem is None


def test_a_blank_where_no_text_is_due_is_no_value():
    row = checked("company", _id=ID, name="A", mrr="", renewalDate=" ")
    payload = json.loads(row.payload or "")
    assert payload["mrr"] is None
    assert payload["renewalDate"] is None


def test_a_licenses_currency_may_be_a_code_or_an_object():
    for currency in ("EUR", {"_id": ID, "symbol": "EUR", "rate": 1}):
        row = checked("license", _id=ID, companyId="c", fromDate="2026-01-01", _currency=currency)
        assert row.problem is None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"_id":"%s","name":"a\\u0000b"}',
        b'{"_id":"%s","name":"A","mrr":1e999}',
        b'{"_id":"%s","name":"A","mrr":' + b"9" * 400 + b"}",
        b'{"_id":"%s","name":"A","mrr":' + b"9" * 5_000 + b"}",
        b'{"_id":"%s","name":"A","phase":' + b"9" * 5_000 + b"}",
        b'{"_id":"%s","name":"A","custom":{"k":NaN}}',
        b'{"_id":"%s","name":"\\ud800"}',
        b'{"_id":"%s","name":"\xff"}',
        b'{"_id":"%s","name":' + b"[" * 5_000,
        b'{"_id":"%s","name":"torn',
        b'{"_id":"%s","name":"A"} trailing',
    ],
)
def test_what_postgres_would_refuse_is_a_reject_that_still_says_which_object_it_was(raw: bytes):
    row = check(BY_NAME["company"], parsed("a.jsonl", 1, raw.replace(b"%s", ID.encode())))
    assert row.problem is not None
    assert row.problem.code == "malformed"
    assert row.planhat_id == ID
    assert "\x00" not in (row.text or "")


def test_a_backslash_before_u0000_is_no_nul():
    found = parsed("a.jsonl", 1, f'{{"_id":"{ID}","name":"a\\\\u0000b"}}'.encode())
    assert check(BY_NAME["company"], found).problem is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(BY_NAME)), st.dictionaries(st.text(), anything, max_size=4), st.data()
)
def test_any_object_becomes_a_payload_or_a_reject_never_an_exception(model, fields, data):
    for name in data.draw(st.sets(st.sampled_from(sorted(BY_NAME[model].fields)), max_size=4)):
        fields[name] = data.draw(anything)
    row = check(BY_NAME[model], Found("a.json", 1, "", fields={"_id": ID, **fields}))
    assert (row.payload is None) != (row.problem is None)
    if row.payload is not None:
        json.loads(row.payload, parse_float=Decimal)
