import csv
import gzip
import io
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


def test_a_cell_that_does_not_fit_is_left_out_and_said_and_its_row_goes_on(read):
    (found,) = read("company", f"Id,Name,MRR\n{A},A,about 12\n")
    assert found.fields == {"_id": A, "name": "A", "mrr": None}
    (unread,) = found.unread
    assert (unread.column, unread.text) == ("MRR", "about 12")
    assert unread.reason == "MRR is not a number: 'about 12'"


def test_a_custom_column_that_is_there_twice_is_no_column_to_choose_from(read):
    (found,) = read("company", f"Id,Name,Renewal Risk,Renewal Risk\n{A},Acme,low,high\n")
    assert found.problem.code == "unreadable_file"
    assert "Renewal Risk more than once" in found.problem.reason


def test_columns_that_become_one_are_refused_by_the_names_that_the_file_has(read):
    for first, second, field in (
        ("Seats", "custom.Seats", "Seats"),
        ("custom.Seats", "custom. Seats", "Seats"),
        ("Seats", "Seats ", "Seats"),
        ("Mrr", "mrr", "mrr"),
        ("External Id", "external_id", "externalId"),
        ("externalId", "EXTERNAL-ID", "externalId"),
        ("Planhat Id", "_id", "_id"),
    ):
        (found,) = read("company", f"Id,Name,{first},{second}\n{A},Acme,1,2\n")
        assert f"{field} more than once" in found.problem.reason
        assert repr(first.strip()) in found.problem.reason
        assert repr(second.strip()) in found.problem.reason


JOINTS = ("", " ", "_", "-", "  ", "\u00a0")


@pytest.mark.parametrize("joint", JOINTS)
@pytest.mark.parametrize("cased", [str.lower, str.upper, str.capitalize])
def test_a_field_is_found_by_its_words_however_they_are_joined_and_cased(read, joint, cased):
    for field, words in {
        "externalId": ("external", "id"),
        "customerFrom": ("customer", "from"),
        "mrrTotal": ("mrr", "total"),
        "nrr30": ("nrr", "30"),
        "coOwner": ("co", "owner"),
    }.items():
        label = joint.join(cased(word) for word in words)
        (found,) = read("company", f"Id,Name,{label}\n{A},Acme,2026-01-31\n")
        assert list(found.fields)[2] == field, label


@pytest.mark.parametrize("more", [*"%?!#()&/:.+*€", " %", " (EUR)", " 2", "é"])
def test_a_label_with_more_in_it_than_a_fields_words_is_another_name(read, more):
    for name in ("MRR", "Status", "External Id", "Phase"):
        for label in (name + more, more + name):
            (found,) = read("company", f'Id,Name,MRR,"{label}"\n{A},Acme,1000,ask Tom\n')
            assert found.fields["mrr"] == 1000
            assert found.fields["custom"] == {label.strip(): "ask Tom"}


def test_a_column_without_a_name_is_no_field(read):
    blank, filled = read("company", f"Id,Name,\n{A},Acme,\n{B},Beta,stray\n")
    assert (blank.fields, blank.unread) == ({"_id": A, "name": "Acme"}, ())
    assert filled.fields == {"_id": B, "name": "Beta"}
    assert [(each.column, each.reason) for each in filled.unread] == [
        ("column 3", "column 3 the column has no name")
    ]
    (found,) = read("company", f"Id,Name,custom.\n{A},Acme,1\n")
    assert "'custom.', which names no field" in found.problem.reason


def test_a_key_that_custom_and_a_column_of_its_own_say_differently_is_said(read):
    json_cell = '"{""Seats"": 5, ""Tier"": ""A""}"'
    (found,) = read("company", f"Id,Name,custom,Tier,Seats\n{A},Acme,{json_cell},A,99\n")
    assert found.fields["custom"] == {"Seats": 99, "Tier": "A"}
    assert [each.reason for each in found.unread] == [
        "custom has Seats as well, as '5': the column Seats stands"
    ]


# How a file is written.

LABEL = "Renewal Risk (low, medium; high|none)"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("first_line", ["", "sep={}\n", '"sep={}"\n', "SEP={}\r\n", "\n \n"])
def test_a_file_is_read_however_it_is_written(read, encoding, delimiter, quoting, first_line):
    text = io.StringIO(newline="")
    text.write(first_line.format(delimiter))
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerow(["Id", "Name", LABEL, "External Id"])
    writer.writerow([A, "Ünited, Ltd; und | mehr\t数", "low", "001"])
    writer.writerow([B, 'say "hi"', "", "002"])
    first, second = read("company", text.getvalue().encode(encoding))
    below = first_line.count("\n")
    assert (first.line, second.line) == (below + 2, below + 3)
    assert first.fields == {
        "_id": A, "name": "Ünited, Ltd; und | mehr\t数", "externalId": "001",
        "custom": {LABEL: "low"},
    }  # fmt: skip
    assert second.fields == {"_id": B, "name": 'say "hi"', "externalId": "002"}


def test_a_torn_utf_16_file_is_read_to_where_it_is_torn(read):
    raw = f"Id,Name\n{A},A\n{B},B\n".encode("utf-16-le")
    *_, last = read("company", raw[:-1])
    assert last.problem.code == "unreadable_file"
    half = f"Id,Name\n{A},A".encode("utf-16-le") + b"\x00\xd8" + f"\n{B},B\n".encode("utf-16-le")
    bad, good = read("company", half)
    assert bad.problem.reason == "not valid UTF-16"
    assert good.fields["name"] == "B"


def test_a_header_that_is_no_text_is_said(read):
    for raw in (b"Id,Name,caf\xe9\n", b"Id,Name,a\x00b\n"):
        (found,) = read("company", raw + f"{A},A,1\n".encode())
        assert found.problem.reason.startswith("the header is no text")


@pytest.mark.parametrize("header", ["", "\n\n", "sep=;\n", "Name;Id number\n", "Identity,Name\n"])
def test_a_file_whose_header_has_no_id_is_said(read, header):
    (found,) = read("company", f"{header}x\n")
    assert "no column _id" in found.problem.reason


# Quotes that swallow rows.

ids = [f"{number:024x}" for number in range(1, 9)]


def rows(first: int, last: int, order: tuple[int, ...]) -> list[list[str]]:
    cells = [[ids[n], f"Co {n}", f"{n:03}", f"note {n}"] for n in range(first, last)]
    return [[row[at] for at in order] for row in cells]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("length", [1, 2, 4])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 0, 2, 3), (1, 2, 3, 0)])
def test_wherever_a_quote_swallows_rows_the_first_of_them_is_said_and_no_id_is_lost(
    read, delimiter, length, at, order
):
    if order[at] == 0:
        return  # the id itself
    table = rows(0, 8, order)
    table[1][at] = '"' + table[1][at]
    table[1 + length][at] += '"'
    header = [["Id", "Name", "External Id", "Note"][each] for each in order]
    text = "\n".join(delimiter.join(each) for each in [header, *table]) + "\n"
    found = read("company", text)
    (bad,) = [each for each in found if each.problem]
    assert (bad.line, bad.problem.code) == (3, "swallowed_rows")
    assert f"{length + 1} lines, and another row among them" in bad.problem.reason
    good = [each.fields["_id"] for each in found if each.fields]
    assert good == [ids[0], *ids[2 + length :]]


def test_a_quote_that_opens_in_one_column_and_closes_in_another_is_said(read):
    text = f'Name,Id,Note\nOne,{ids[1]},"a\nPanel 24",{ids[2]},b\nThree,{ids[3]},c\n'
    bad, good = read("company", text)
    assert bad.problem.code == "swallowed_rows"
    assert "from line 3 on" in bad.problem.reason
    assert good.fields["_id"] == ids[3]


def test_lines_in_a_cell_that_hold_no_other_row_are_text(read):
    note = f"Dear all,\nsee {ids[3]} and\n{ids[4]}\nyours, A"
    (found,) = read("company", f'Id,Name,Note\n{A},Acme,"{note}"\n')
    assert found.fields["custom"] == {"Note": note}


# Numbers.

GERMAN = {"9,99": "9.99", "12,500": "12.5", "1.234,56": "1234.56", "1.234": "1234",
          "1 234": "1234", "-0,5": "-0.5", "1.234.567": "1234567", "7": "7",
          "1,5e3": "1500"}  # fmt: skip
ENGLISH = {"9.99": "9.99", "12.500": "12.5", "1,234.56": "1234.56", "1,234": "1234",
           "1\u00a0234": "1234", "-0.5": "-0.5", "1,234,567": "1234567", "7": "7",
           "1.5e3": "1500", "1'234.5": "1234.5"}  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("label", ["MRR", "Discount Rate"])
@pytest.mark.parametrize("numbers", [GERMAN, ENGLISH], ids=["comma", "point"])
def test_a_files_own_numbers_say_which_mark_begins_decimals(read, delimiter, label, numbers):
    if label == "Discount Rate" and delimiter == "," and numbers is GERMAN:
        return  # between commas, "1,5" in a column nobody knows is a list sooner than a number
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["Id", "Name", label])
    writer.writerows([f"{n:024x}", "A", cell] for n, cell in enumerate(numbers, 1))
    found = read("company", text.getvalue())
    values = [each.fields.get("mrr", each.fields.get("custom", {}).get(label)) for each in found]
    assert values == [Decimal(value) for value in numbers.values()]
    assert not any(each.unread for each in found)


def test_neighbours_decide_for_a_column_that_does_not_say(read):
    rows = read("company", f"Id\tName\tMRR\tMRR Total\n{A}\tA\t12,500\t9,99\n")
    assert rows[0].fields["mrr"] == Decimal("12.5")
    rows = read("company", f"Id\tName\tMRR\tMRR Total\n{A}\tA\t12,500\t9.99\n")
    assert rows[0].fields["mrr"] == 12_500


@pytest.mark.parametrize(
    ("delimiter", "value"), [(",", 12_500), (";", Decimal("12.5")), ("\t", None)]
)
def test_where_nothing_else_decides_the_delimiter_does_or_the_cell_is_refused(
    read, delimiter, value
):
    cells = [["Id", "Name", "MRR", "H"], [A, "A", '"12,500"', "8"]]
    (found,) = read("company", "\n".join(map(delimiter.join, cells)))
    assert (found.fields["mrr"], found.fields["h"]) == (value, 8)
    if value is None:
        assert found.unread[0].reason == (
            "MRR '12,500' can be 12500 or 12.5, and nothing in the file says which: "
            "read it with DECIMAL=point or DECIMAL=comma"
        )


def test_a_column_that_has_both_marks_refuses_every_cell_that_has_one(read):
    cells = ["9,99", "9.99", "12,500", "7"]
    lines = [f"{n:024x};A;{cell}" for n, cell in enumerate(cells, 1)]
    found = read("company", "\n".join(["Id;Name;MRR", *lines]))
    assert [each.fields["mrr"] for each in found] == [None, None, None, 7]


def test_one_odd_cell_among_many_is_that_cells_problem(read):
    cells = [f"{n},5" for n in range(20)] + ["9.99", "€ 5"]
    lines = [f"{n:024x};A;{cell}" for n, cell in enumerate(cells, 1)]
    found = read("company", "\n".join(["Id;Name;MRR", *lines]))
    assert [each.fields["mrr"] for each in found][:2] == [Decimal("0.5"), Decimal("1.5")]
    assert [each.line for each in found if each.unread] == [22, 23]


def test_a_person_may_say_which_mark_it_is(tmp_path: Path):
    (tmp_path / "c.csv").write_text(f"Id\tName\tMRR\n{A}\tA\t12,500\n")
    for mark, value in ((",", Decimal("12.5")), (".", 12_500)):
        (found,) = objects_in(BY_NAME["company"], tmp_path / "c.csv", decimal_mark=mark)
        assert found.fields is not None
        assert found.fields["mrr"] == value


@pytest.mark.parametrize(
    "cells",
    [["007", "8"], ["+4670123", "5"], ["12345678901234567", "1"], ["1,2", "3,4"], ["0,5", "0.5"],
     ["1", "n/a"], ["12%", "5%"], ["Infinity", "1"], ["1e999", "1"], ["٣", "4"]],
)  # fmt: skip
def test_what_is_no_number_for_certain_stays_text_where_nobody_knows_the_column(read, cells):
    text = "".join(f'{n:024x},A,"{cell}"\n' for n, cell in enumerate(cells, 1))
    found = read("company", f"Id,Name,Ref\n{text}")
    assert [each.fields["custom"]["Ref"] for each in found] == cells


# Excel's days.


@pytest.mark.parametrize(
    ("cell", "date"),
    [
        ("45322", "2024-01-31"), ("45322.0", "2024-01-31"), ("45322.75", "2024-01-31T18:00:00"),
        ("25569", "1970-01-01"), ("36526", "2000-01-01"), ("73050", "2099-12-31"),
        ("60000", "2064-04-08"), ("2024-01-31", "2024-01-31"), (" 45322 ", "2024-01-31"),
        ("2024", None), ("31.01.2024", None), ("01/31/2024", None), ("1706659200", None),
    ],
)  # fmt: skip
def test_in_a_column_of_dates_excels_days_are_dates(read, cell, date):
    (found,) = read("company", f"Id,Name,Renewal Date\n{A},A,{cell}\n")
    assert found.fields["renewalDate"] == date
    assert bool(found.unread) == (date is None)


def test_in_a_column_of_days_excels_days_are_told_from_those_since_1970(read):
    for cell, days in (("20514", 20514), ("46083", 20514), ("2026-03-02", 20514), ("0", 0)):
        (found,) = read("invoice", f"Id,Company Id,Currency,Due Date\n{A},{B},EUR,{cell}\n")
        assert found.fields["dueDate"] == days


def test_elsewhere_a_number_is_a_number(read):
    (found,) = read("company", f"Id,Name,Seats\n{A},A,45322\n")
    assert found.fields["custom"] == {"Seats": 45322}
