"""How what was found is told: from the outside in, folded, and without anybody's data."""

import json
from datetime import date

from include.trying.moved import Move, Moved
from include.trying.numbers import Number, NumbersDiffer
from include.trying.pushed import Example, Field, PushedModelDiffers
from include.trying.report import HIDDEN, LONGEST, NOTHING, as_dict, lines, markdown
from include.trying.rows import RowExample, TableDiffers
from include.trying.trying import Tried

WHAT = ("models/planhat/enduser.sql differ from main",)
BASE = Tried(WHAT, 7, date(2026, 3, 31))


def pushed(*fields: Field, **counts) -> PushedModelDiffers:
    return PushedModelDiffers("segment", "enduser", fields=fields, **counts)


FOUND = Tried(
    WHAT, 7, date(2026, 3, 31),
    pushed=(
        pushed(
            Field("email", 2, (Example("e1", "ann@acme.example", "ben@acme.example"),)),
            Field("seats", 1, (Example("e1", 3, 4),)),
            changed=2, problems=("a guard would hold it: 2 of 2 objects changed",),
        ),
    ),
    moved=Moved(
        5, (("resolved → blocked_identity", 5),), 1,
        (Move("c1", "e1", None, None, None, "blocked_identity", 5),), 0, 1,
    ),
    numbers=(NumbersDiffer("health", 1, (Number("company c1", "8.5", None),)),),
    tables=(
        TableDiffers(
            "marts.endusers", "table", 0, 1, 0, {"email": 1}, ("seats is new",),
            (
                RowExample(
                    {"enduser_id": "e1"}, {"email": "ann@acme.example", "seats": 1},
                    {"email": None, "seats": 2},
                ),
            ),
        ),
    ),
    personal=frozenset({"email"}), of_people=frozenset({"marts.endusers", "planhat.enduser"}),
)  # fmt: skip


def test_it_tells_from_the_outside_in():
    said = "\n".join(lines(FOUND))
    places = [
        said.index(each)
        for each in (
            "The next push would say 2 objects otherwise than now (enduser)",
            "a guard would hold it", "5 events would be somebody else's; 1 enduser would disappear",
            "What would be pushed otherwise", "seats: of 1 object", "e1: 3 → 4",
            "resolved → blocked_identity", "enduser e1 → nobody (blocked_identity)",
            "company c1: 8.5 → none", "marts.endusers: 0 added, 1 changed, 0 gone", "seats is new",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert FOUND.exit_code == 2


def test_nobody_is_named_unless_it_is_asked_for():
    for said in ("\n".join(lines(FOUND)), markdown(FOUND)):
        assert "acme" not in said
        assert HIDDEN in said
        assert "seats 1 → 2" in said
    assert "ann@acme.example → ben@acme.example" in "\n".join(lines(FOUND, personal=True))
    assert "ann@acme.example" in markdown(FOUND, personal=True)
    assert json.dumps(as_dict(FOUND)).count("ann@acme.example") == 2


def test_nothing_outside_is_said_in_a_line():
    inside = TableDiffers("intermediate.int_x", "compare", 1, 0, 0, {}, (), ())
    for found in (BASE, Tried(WHAT, 7, date(2026, 3, 31), tables=(inside,))):
        assert found.exit_code == 0
        assert NOTHING in markdown(found)
        assert any(NOTHING in line for line in lines(found))


def test_a_comment_is_folded_and_has_room():
    text = "```</details>" * 5
    many = tuple(
        Field(f"field_{n}", 1, (Example("x" * 60, "a" * 79, "b" * 79),)) for n in range(20)
    )
    tables = tuple(
        TableDiffers(
            f"marts.table_{n}", "table", 3, 0, 0, {}, (),
            tuple(RowExample({"object_id": text}, None, {"t": "t" * 70}) for _ in "123"),
        )
        for n in range(400)
    )  # fmt: skip
    said = markdown(Tried(WHAT, 7, date(2026, 3, 31), pushed=(pushed(*many),), tables=tables))
    assert len(said) < LONGEST
    assert said.count("<details>") == said.count("</details>\n") == 3
    # what a stranger wrote ends no block
    assert said.count("```") == 2 * said.count("<details>")
    assert "JSON=file" in said
