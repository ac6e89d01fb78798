import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from include.planhat.exports import objects_in
from include.planhat.models import BY_NAME

A, B = "5f0c1d2e3a4b5c6d7e8f9a0a", "5f0c1d2e3a4b5c6d7e8f9a0b"


@pytest.fixture
def read(tmp_path: Path):
    def _read(model: str, text: str | bytes, name: str = "file.csv") -> list:
        path = tmp_path / name
        raw = text.encode() if isinstance(text, str) else text
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return list(objects_in(BY_NAME[model], path))

    return _read


def test_labels_and_field_names_lead_to_the_same_fields(read):
    for header in ("Id,Name,External Id,Customer From", "_id,name,externalId,customerFrom"):
        (found,) = read("company", f"{header}\n{A},Acme,0012,2026-01-31\n")
        assert found.fields == {
            "_id": A, "name": "Acme", "externalId": "0012", "customerFrom": "2026-01-31",
        }  # fmt: skip


def test_odd_names_have_their_labels(read):
    (found,) = read("invoice", f"Id,Company Id,External Id,Currency\n{A},{B},inv-1,EUR\n")
    assert found.fields == {"_id": A, "cId": B, "extId": "inv-1", "currency": "EUR"}
    (found,) = read("nps", f"Id,Company Id,Enduser Id,Email,Score\n{A},{B},{B},e@x.example,9\n")
    assert found.fields == {"_id": A, "cId": B, "euId": B, "email": "e@x.example", "score": 9}


def test_known_fields_have_their_models_type(read):
    (found,) = read(
        "company",
        "Id;Name;MRR;h;Tags;Domains;custom\n"
        f'{A};Acme;"1,234.50";8;vip, pilot;["a.example"];"{{""Tier"": ""Gold""}}"\n',
    )
    assert found.fields == {
        "_id": A,
        "name": "Acme",
        "mrr": Decimal("1234.50"),
        "h": 8,
        "tags": ["vip", "pilot"],
        "domains": ["a.example"],
        "custom": {"Tier": "Gold"},
    }
    (found,) = read(
        "invoice", f"Id,cId,Currency,Due Date,Paid Date\n{A},{B},EUR,20514,2026-03-02\n"
    )
    assert (found.fields["dueDate"], found.fields["paidDate"]) == (20514, 20514)
    (found,) = read("user", f"Id,Email,Inactive,Roles\n{A},u@x.example,No,CSM;Admin\n")
    assert (found.fields["inactive"], found.fields["roles"]) == (False, ["CSM", "Admin"])


def test_a_column_nobody_declared_has_one_type_for_the_whole_file(read):
    rows = read(
        "company",
        "Id,Name,Seats Bought,Mixed,Is Pilot,Regions,Zip Code,Leading,custom.Tier,lastRenewal\n"
        f'{A},A,10,10,true,"[""EU""]",12345,007,Gold,2026-01-01\n'
        f"{B},B,,n/a,False,,12346,8,,\n",
    )
    assert rows[0].fields == {
        "_id": A,
        "name": "A",
        "lastRenewal": "2026-01-01",
        "custom": {
            "Seats Bought": 10,
            "Mixed": "10",
            "Is Pilot": True,
            "Regions": ["EU"],
            "Zip Code": "12345",
            "Leading": "007",
            "Tier": "Gold",
        },
    }
    assert rows[1].fields == {
        "_id": B,
        "name": "B",
        "custom": {"Mixed": "n/a", "Is Pilot": False, "Zip Code": "12346", "Leading": "8"},
    }


def test_a_record_of_several_lines_has_the_line_it_begins_on(read):
    rows = read("company", f'Id,Name\n{A},"two\nlines"\n{B},B\n')
    assert [(found.line, found.fields["name"]) for found in rows] == [(2, "two\nlines"), (4, "B")]


def test_a_row_of_another_length_is_a_reject_with_its_id(read):
    short, long, good = read("company", f"Id,Name\n{A}\n{B},B,extra\n{A},A\n")
    assert (short.line, short.problem.reason) == (2, "it has 1 cells, the header has 2")
    assert (long.line, long.problem.reason) == (3, "it has 3 cells, the header has 2")
    assert A in short.text
    assert good.fields == {"_id": A, "name": "A"}


def test_a_file_without_ids_is_unreadable_as_a_whole(read):
    (found,) = read("company", "Name\nAcme\n")
    assert found.problem.code == "unreadable_file"
    assert "no column _id" in found.problem.reason


def test_two_columns_of_one_field_are_refused(read):
    (found,) = read("company", f"Id,Name,name\n{A},A,B\n")
    assert "name more than once" in found.problem.reason


def test_a_byte_that_is_not_utf_8_costs_its_row(read):
    bad, good = read("company", f"Id,Name\n{A},caf".encode() + b"\xe9\n" + f"{B},B\n".encode())
    assert bad.problem.reason == "not valid UTF-8"
    assert good.fields["name"] == "B"


def test_an_unclosed_quote_is_said_with_its_line(read):
    good, bad = read("company", f'Id,Name\n{A},A\n{B},"never closed\n')
    assert good.fields["name"] == "A"
    assert bad.line == 3
    assert "not readable as CSV" in bad.problem.reason


def test_a_byte_order_mark_tabs_and_gzip_are_read(read):
    (found,) = read("company", b"\xef\xbb\xbf" + f"Id\tName\n{A}\tAcme\n".encode(), "file.csv.gz")
    assert found.fields == {"_id": A, "name": "Acme"}


def test_an_amount_that_is_no_number_is_left_for_the_check(read):
    (found,) = read("company", f"Id,Name,MRR\n{A},A,about 12\n")
    assert found.fields["mrr"] == "about 12"


def test_a_custom_column_that_is_there_twice_is_no_column_to_choose_from(read):
    (found,) = read("company", f"Id,Name,Renewal Risk,Renewal Risk\n{A},Acme,low,high\n")
    assert found.problem.code == "unreadable_file"
    assert "Renewal Risk more than once" in found.problem.reason
