"""A column's type is what the column has been: one file, or one cell, does not change it."""

import psycopg
import pytest

from include.errors import ProblemError
from include.planhat.columns import column_types, set_type
from tests.include.planhat.world import World, company, ident

HEADER = "Id,Name,External Id,Seats,NPS Goal,Is VIP"


def fourteen(**cells: str) -> list[str]:
    """Rows of HEADER; `cells` are other values of Seats by the company's number."""
    return [f"{ident(n)},Co {n},{n:03},{cells.get(f'c{n}', 5 * n)},{n},true" for n in range(1, 15)]


def decide(world: World, model: str, field: str, type_name: str) -> str:
    with psycopg.connect(world.url) as connection:
        return set_type(connection, model, field, type_name, decided_by="jo")


def types(world: World) -> dict[str, tuple[str, str]]:
    with psycopg.connect(world.url) as connection:
        return {each.field: (each.type, each.decided_by) for each in column_types(connection)}


def test_one_cell_that_does_not_fit_is_null_and_said_and_everything_else_goes_on(world: World):
    world.write_csv(HEADER, fourteen())
    world.read()
    before = world.rows("select planhat_id, payload from raw_planhat.objects order by 1")
    world.write_csv(HEADER, fourteen(c7="n/a"))
    assert world.counts() == {"changed": 1, "unchanged": 13, "cells": 1}
    assert world.rows(
        "select file, line, column_name, text, code, planhat_id, reason from raw_planhat.rejects"
    ) == [
        ("companies.csv", 8, "Seats", "n/a", "wrong_type", ident(7), "Seats is not a number: 'n/a'")
    ]
    assert "! companies.csv:8: Seats is not a number: 'n/a'" in world.said
    assert world.custom(7) == {"Seats": None, "NPS Goal": 7, "Is VIP": True}
    world.write_csv(HEADER, fourteen())
    assert world.counts() == {"changed": 1, "unchanged": 13}
    assert world.rows("select planhat_id, payload from raw_planhat.objects order by 1") == before
    assert world.rejects() == []


def test_each_type_is_kept_with_what_decided_it_and_reading_again_changes_nothing(world: World):
    world.write_csv(
        "Id,Name,Seats,Live,Since,Regions,Plan,Zip Code,Empty,lastRenewal",
        [f'{ident(1)},A,5,true,2026-01-31,"[""EU""]",Gold,12345,,7'],
    )
    world.read()
    decided = {field: kind for field, (kind, by) in types(world).items() if by == "companies.csv"}
    assert decided == {
        "custom.Seats": "number", "custom.Live": "boolean", "custom.Since": "date",
        "custom.Regions": "list", "custom.Plan": "text", "custom.Zip Code": "text",
        "lastRenewal": "number",
    }  # fmt: skip
    assert types(world)["name"] == ("text", "the model")
    before = world.rows("select * from raw_planhat.columns order by 1, 2")
    assert world.counts() == {"unchanged": 1}
    assert world.rows("select * from raw_planhat.columns order by 1, 2") == before


@pytest.mark.parametrize(
    ("first", "later", "kind"),
    [
        ("5", "n/a", "number"), ("true", "perhaps", "boolean"), ("2026-01-31", "soon", "date"),
        ('"[""a""]"', "[a", "list"), ("Gold", "5", "text"), ("n/a", "5", "text"),
    ],
)  # fmt: skip
def test_whatever_later_files_hold_a_type_stays(world: World, first: str, later: str, kind: str):
    world.write_csv("Id,Name,Mine", [f"{ident(1)},A,{first}"])
    world.read()
    world.write_csv("Id,Name,Mine", [f"{ident(1)},A,{first}", f"{ident(2)},B,{later}"])
    fits = kind == "text"
    assert world.counts() == {"added": 1, "unchanged": 1, **({} if fits else {"cells": 1})}
    assert types(world)["custom.Mine"] == (kind, "companies.csv")
    assert world.custom(2) == {"Mine": later if fits else None}


@pytest.mark.parametrize(
    ("values", "kind"),
    [([5, 6], "number"), (["5", "6"], "text"), ([True], "boolean"), (["2026-01-31"], "date"),
     ([["a"]], "list"), ([5, 6, "n/a"], "number"), ([5, "n/a"], "text"), ([None, 5], "number")],
)  # fmt: skip
def test_what_was_read_before_in_another_shape_says_what_a_column_is(
    world: World, values: list, kind: str
):
    objects = [company(n, custom={"Mine": value}) for n, value in enumerate(values, 1)]
    world.write("companies.jsonl", *objects)
    world.read()
    world.write_csv("Id,Name,Mine", [f"{ident(9)},A,1"], "companies.csv")
    world.read()
    assert types(world)["custom.Mine"] == (kind, "what was read before")


def test_a_column_that_fits_no_longer_is_left_as_it_was_and_said(world: World):
    world.write_csv(HEADER, fourteen())
    world.read()
    words = {f"c{n}": "many" for n in range(1, 10)}
    world.write_csv(HEADER, fourteen(**words, c15="99"))
    report = world.read()
    assert report.doubtful == ["company"]
    assert not report.has_changed
    (said,) = [line for line in world.said if "Seats" in line]
    assert said.startswith("! companies.csv:1: 9 of 14 cells of Seats are not a number, as it has")
    assert 'make columns MODEL=company FIELD="custom.Seats" TYPE=text' in said
    assert world.custom(3)["Seats"] == 15
    assert world.rows("select line, code, column_name from raw_planhat.rejects") == [
        (1, "column_changed", "Seats")
    ]
    # a person says what it is
    assert "custom.Seats is text now; it was number (companies.csv" in decide(
        world, "company", "Seats", "text"
    )
    assert world.counts() == {"changed": 14}
    assert (world.custom(3)["Seats"], world.custom(14)["Seats"]) == ("many", "70")
    assert types(world)["custom.Seats"] == ("text", "jo")


def test_a_declared_field_that_fits_no_longer_is_left_as_it_was(world: World):
    world.write_csv("Id,Name,MRR", [f"{ident(n)},A,{n}" for n in range(1, 6)])
    world.read()
    world.write_csv("Id,Name,MRR", [f"{ident(n)},A,secret" for n in range(1, 7)])
    report = world.read()
    assert report.doubtful == ["company"]
    assert any("the column is left as it was" in line for line in world.said)
    held = world.rows("select payload -> 'mrr' from raw_planhat.objects order by planhat_id")
    assert held == [(1,), (2,), (3,), (4,), (5,), (None,)]


def test_a_column_of_text_that_a_person_calls_a_date_takes_excels_days(world: World):
    world.write_csv("Id,Name,Go Live", [f"{ident(1)},A,soon"])
    world.read()
    decide(world, "company", "custom.Go Live", "date")
    world.write_csv("Id,Name,Go Live", [f"{ident(1)},A,45322", f"{ident(2)},B,2024-02-01"])
    world.read()
    assert (world.custom(1), world.custom(2)) == (
        {"Go Live": "2024-01-31"}, {"Go Live": "2024-02-01"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "field", "type_name", "said"),
    [
        ("compny", "Seats", "text", "There is no model compny: did you mean company"),
        ("company", "Seets", "text", "in a file that was read Seets: did you mean Seats"),
        (
            "asset",
            "Seats",
            "text",
            "There is no column of asset in a file that was read Seats: it takes none",
        ),
        (
            "company",
            "Seats",
            "strange",
            "There is no type strange: there are text, number, boolean, date, list",
        ),
        ("company", "mrr", "text", "mrr has its type from Planhat's company"),
    ],
)
def test_a_person_who_names_what_is_not_there_is_told_what_is(
    world: World, model: str, field: str, type_name: str, said: str
):
    world.write_csv("Id,Name,Seats", [f"{ident(1)},A,5"])
    world.read()
    with pytest.raises(ProblemError, match=said):
        decide(world, model, field, type_name)


def test_a_required_value_that_does_not_fit_is_a_reject_that_says_so(world: World):
    world.write_csv("Id,Email,Score", [f"{ident(1)},a@x.example,9"], "nps.csv")
    world.read()
    world.write_csv("Id,Email,Score", [f"{ident(1)},a@x.example,ten"], "nps.csv")
    assert world.counts() == {"rejected": 1}
    assert (
        world.rows("select code, reason from raw_planhat.rejects")
        == [("wrong_type", "score is not a number: 'ten'")]
        or world.said
    )
    assert world.present() == [1]


# Which mark begins decimals, from one file to the next.


def test_a_column_keeps_the_mark_of_its_last_file_where_a_file_does_not_say(world: World):
    world.write_csv("Id\tName\tMRR", [f"{ident(1)}\tA\t9,5"])
    world.read()
    world.write_csv("Id\tName\tMRR", [f"{ident(1)}\tA\t12,500"])
    assert world.counts() == {"changed": 1}
    assert world.rows("select payload -> 'mrr' from raw_planhat.objects") == [(12.5,)]
    world.write_csv("Id\tName\tMRR", [f"{ident(1)}\tA\t12,500.5"])
    world.read()
    world.write_csv("Id\tName\tMRR", [f"{ident(1)}\tA\t12,500"])
    world.read()
    assert world.rows("select payload -> 'mrr' from raw_planhat.objects") == [(12500,)]


def test_what_a_person_says_of_a_file_is_remembered(world: World):
    world.write_csv("Id\tName\tMRR", [f"{ident(1)}\tA\t12,500"])
    assert world.counts() == {"added": 1, "cells": 1}
    assert world.counts(decimal_mark=",") == {"changed": 1}
    assert world.counts() == {"unchanged": 1}
    assert world.rows("select payload -> 'mrr' from raw_planhat.objects") == [(12.5,)]


def test_a_file_with_decimal_commas_is_read_whole_or_refused_whole(world: World):
    world.write_csv(
        "Id;Name;External Id;MRR;Discount Rate",
        [
            f"{ident(1)};Alfa GmbH;001;9,99;7,125", f"{ident(2)};Beta GmbH;002;12,500;3",
            f"{ident(3)};Gamma GmbH;003;1.234,56;5,5", f"{ident(4)};Delta;004;1.234;8",
            f"{ident(5)};Eps;005;1 234;8", f"{ident(6)};Zeta;006;€ 1,234.00;8",
        ],
    )  # fmt: skip
    assert world.counts() == {"added": 6, "cells": 1}
    values = world.rows(
        "select payload ->> 'mrr', payload -> 'custom' ->> 'Discount Rate'"
        " from raw_planhat.objects order by planhat_id"
    )
    assert values == [
        ("9.99", "7.125"), ("12.500", "3"), ("1234.56", "5.5"), ("1234", "8"), ("1234", "8"),
        (None, "8"),
    ]  # fmt: skip
    assert world.rows("select line, column_name, text from raw_planhat.rejects") == [
        (7, "MRR", "€ 1,234.00")
    ]


# Well-formed and wrong.


def test_quotes_that_swallow_rows_are_said_and_delete_nothing_until_somebody_says_so(world: World):
    world.write_csv(HEADER, fourteen())
    world.read()
    lines = [f"{ident(n)},Co {n},{n:03}" for n in range(1, 15)]
    lines[1] = f'{ident(2)},"Beta Inc,002'
    lines[4] = f'{ident(5)},Panel 24",005'
    world.write_csv("Id,Name,External Id", lines)
    report = world.read()
    assert report.doubtful == ["company"]
    assert world.present() == list(range(1, 15))
    assert world.rejects() == [("companies.csv", 3, "swallowed_rows")]
    assert any("companies.csv:3: Name holds 4 lines, and another row" in x for x in world.said)
    assert any("not marked deleted, because a line swallows others (companies.csv:3)" in x
               and "DELETED=company" in x for x in world.said)  # fmt: skip
    name = world.rows(
        f"select payload ->> 'name' from raw_planhat.objects where planhat_id = '{ident(2)}'"
    )
    assert name == [("Co 2",)]
    assert world.counts()["withheld"] == 3
    assert world.counts(gone=["company"])["deleted"] == 3


def test_many_lines_where_there_never_were_any_delete_nothing_and_are_taken_otherwise(
    world: World,
):
    rows = [f"{ident(n)},Co {n},note" for n in range(1, 8)]
    world.write_csv("Id,Name,Note", rows)
    world.read()
    many = [*rows[:5], f'{ident(6)},Co 6,"one\ntwo\nthree"']
    world.write_csv("Id,Name,Note", many)
    for _ in range(2):
        assert world.counts()["withheld"] == 1
        assert any("companies.csv:7: Note holds 3 lines, and never held more" in x
                   for x in world.said)  # fmt: skip
    assert world.custom(6) == {"Note": "one\ntwo\nthree"}
    # with nothing missing it is a note like any other, and from then on too
    world.write_csv("Id,Name,Note", [*many, rows[6]])
    world.read()
    world.write_csv("Id,Name,Note", many)
    assert world.counts() == {"unchanged": 6, "deleted": 1}


def test_lines_that_were_read_before_are_known(world: World):
    world.write("companies.jsonl", *[company(n, custom={"Note": "a\nb"}) for n in range(1, 6)])
    world.read()
    (world.folder / "companies.jsonl").unlink()
    world.write_csv("Id,Name,Note", [f'{ident(n)},Company {n},"x\ny\nz"' for n in range(1, 5)])
    assert world.counts() == {"changed": 4, "deleted": 1}


def test_a_long_file_is_read_flat(world: World):
    """What is kept of a file while it is read does not grow with it."""
    import tracemalloc

    def peak(rows: int) -> int:
        world.write_csv(
            "Id,Name,Seats,Note", (f"{ident(n)},Co {n},{n},a note of {n}" for n in range(rows))
        )
        tracemalloc.start()
        world.read()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    small, large = peak(1_000), peak(10_000)
    assert large < 1.5 * small + 500_000


def test_a_number_of_json_is_the_key_that_its_digits_are(world: World):
    raw = "".join(
        f'{{"_id":"{ident(n)}","name":"A","externalId":{literal}}}\n'
        for n, literal in enumerate(("123.0", "123", "1.23e2", '"123.0"'), 1)
    )
    world.write("companies.jsonl", raw=raw)
    world.read()
    keys = world.rows("select payload -> 'externalId' from raw_planhat.objects order by planhat_id")
    assert keys == [("123",), ("123",), ("123",), ("123.0",)]
    (world.folder / "companies.jsonl").unlink()
    world.write_csv("Id,Name,External Id", [f"{ident(1)},A,123.0", f"{ident(2)},A,1.23E+02"])
    world.read(gone=["company"])
    keys = world.rows(
        "select payload -> 'externalId' from raw_planhat.objects"
        " where deleted_at is null order by planhat_id"
    )
    assert keys == [("123.0",), ("1.23E+02",)]
