"""What must not be sent: an error row with a code each, and the neighbours go."""

import random
from decimal import Decimal

import pytest

from tests.include.push.played_segment import LOST, OK, PlayedSegment
from tests.include.push.world import COMPANY, ENDUSER, World, of


def test_missing_and_repeated_keys(world: World, segment: PlayedSegment) -> None:
    world.put("company", "good", name="Good")
    world.put("company", None, name="No key")
    world.put("company", " ", name="Blank key")
    world.add("company", "twice", name="One")
    world.add("company", "twice", name="Two")
    report = world.push(segment.connection)
    company = of(report, "company")
    assert report.status == "partial"
    assert (company.considered, company.added, company.invalid, company.synced) == (5, 1, 4, 1)
    assert sorted(code for _, _, code, _, _ in world.errors()) == [
        "key_duplicated", "key_duplicated", "key_missing", "key_missing",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "alphabet",
    ["a", "ab", "".join(map(chr, range(33, 127))), "".join(map(chr, range(0x4E00, 0x5000)))],
    ids=["one letter", "two letters", "ascii", "chinese"],
)
@pytest.mark.parametrize("length", [300, 3_000, 30_000])
def test_an_id_of_any_length_fails_itself_alone(
    world: World, segment: PlayedSegment, alphabet: str, length: int
) -> None:
    # of random letters: nothing that Postgres could make shorter
    long = "".join(random.Random(length).choices(alphabet, k=length))
    world.model("enduser", ENDUSER)
    world.put("company", long, name="Long", custom={long: 1})
    world.put("company", "short", name="Short")
    world.put("enduser", "e1", external_id=long, email="ada@example.com")
    fits = len(long.encode()) <= 1_000
    for _ in range(2):  # the second finds the errors of the first
        report = world.push(segment.connection)
        assert of(report, "company").errors == (0 if fits else 1)
    kept = set(segment.latest()) - {"e1"}
    assert kept == ({long, "short"} if fits else {"short"})
    codes = {code for model, _, code, _, _ in world.errors() if model == "company"}
    assert codes == (set() if fits else {"id_too_long"})


@pytest.mark.parametrize("name", ["x" * 33_000, "é" * 5_500, "🚀" * 2_800])
def test_a_message_over_32_kb(world: World, segment: PlayedSegment, name: str) -> None:
    world.put("company", "large", name=name)
    world.put("company", "nearly", name=name[: len(name) * 9 // 10])
    assert world.push(segment.connection).total("synced") == 1
    assert world.errors() == [("company", "large", "too_large", 1, False)]
    assert segment.refusals == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_json_has_not(world: World, segment: PlayedSegment, value: str) -> None:
    world.put("company", "odd", mrr=Decimal(value))
    world.put("company", "largest", mrr=Decimal("1.7e308"))
    assert world.push(segment.connection).total("synced") == 1
    assert world.errors() == [("company", "odd", "not_a_number", 1, False)]


@pytest.mark.parametrize("digits", [309, 5_000])
def test_a_number_within_custom_that_no_reader_could_hold(
    world: World, segment: PlayedSegment, digits: int
) -> None:
    world.put("company", "c1", name="Good", custom={"Long text": "1" * 400})
    world.put("company", "c2", name="Odd")
    world.run(
        "update planhat.company set custom = %s::jsonb where object_id = 'c2'",
        ['{"list": [1, ' + "1" * digits + ".5]}"],
    )
    assert world.push(segment.connection).total("synced") == 1
    assert world.errors() == [("company", "c2", "not_a_number", 1, False)]


def test_a_custom_value_of_another_type_than_before(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", custom={"Seats": 5})
    world.push(segment.connection)
    world.put("company", "c1", custom={"Seats": "five"})
    world.put("company", "c2", custom={"Seats": 7, "New": True})
    world.put("company", "c3", custom={"Seats": None})
    assert world.push(segment.connection).total("synced") == 2
    assert world.errors() == [("company", "c1", "type_changed", 1, False)]
    (message,) = world.run("select message from sync.run_errors")[0]
    assert message == "custom.Seats is string, and was number when it was first sent"


def test_a_column_that_was_given_another_type(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", name="A", seats=5)
    world.push(segment.connection)
    world.run("drop table planhat.company")
    columns = {**COMPANY["columns"], "seats": "text"}
    world.model("company", {**COMPANY, "columns": columns})
    world.put("company", "c1", name="A", seats="five")
    world.put("company", "c2", name="without the column")
    assert world.push(segment.connection).total("synced") == 1
    assert world.errors() == [("company", "c1", "type_changed", 1, False)]


def test_two_companies_that_would_be_one_group(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", external_id="acme")
    world.put("company", "c2", external_id="acme")
    world.put("company", "c3", external_id=None)
    assert world.push(segment.connection).total("synced") == 1
    assert segment.latest()["c3"]["groupId"] == "planhat-c3"
    assert {code for _, _, code, _, _ in world.errors()} == {"identity_shared"}


def test_an_invalid_object_that_was_put_right_closes_its_error(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", mrr=Decimal("NaN"))
    assert world.push(segment.connection).status == "partial"
    assert world.push(segment.connection, dry_run=True).status == "dry_run"
    assert world.push(segment.connection).total("errors") == 1
    world.put("company", "c1", mrr=Decimal("1"))
    assert world.push(segment.connection).status == "success"
    assert [(attempts, resolved) for *_, attempts, resolved in world.errors()] == [
        (1, True), (2, True), (2, True),
    ]  # fmt: skip


class TestWhoAnEnduserIs:
    """Its externalId if no other enduser has it; decided once."""

    @pytest.fixture(autouse=True)
    def _enduser(self, world: World) -> None:
        world.model("enduser", ENDUSER)

    def ids(self, segment: PlayedSegment) -> dict[str, str]:
        """Each enduser's id in its last message."""
        return {
            key: each["userId"] or each["anonymousId"] for key, each in segment.latest().items()
        }

    def test_shared_and_missing_external_ids(self, world: World, segment: PlayedSegment) -> None:
        company = {"company_id": "c1", "company_external_id": "acme"}
        world.put("enduser", "e1", external_id="u1", **company)
        world.put("enduser", "e2", external_id="7", **company)
        world.put(
            "enduser", "e3", external_id="7", company_id="c2"
        )  # its company has no externalId
        world.put("enduser", "e4", external_id=" ", **company)
        assert world.push(segment.connection).status == "success"
        assert self.ids(segment) == {
            "e1": "u1", "e2": "acme:7", "e3": "planhat-c2:7", "e4": "planhat-e4",
        }  # fmt: skip
        assert segment.latest()["e4"]["userId"] is None

    def test_once_decided_it_stays(self, world: World, segment: PlayedSegment) -> None:
        world.put("enduser", "e1", external_id="7", company_external_id="acme")
        world.put("enduser", "e2", company_external_id="acme")
        world.push(segment.connection)
        world.put("enduser", "e1", external_id="8", company_external_id="acme")
        world.put("enduser", "e2", external_id="9", company_external_id="acme")
        world.put("enduser", "e3", external_id="7", company_external_id="zeta")
        world.push(segment.connection)
        assert self.ids(segment) == {"e1": "7", "e2": "planhat-e2", "e3": "zeta:7"}

    def test_two_of_one_company_with_one_external_id(
        self, world: World, segment: PlayedSegment
    ) -> None:
        for key in ("e1", "e2"):
            world.put("enduser", key, external_id="7", company_external_id="acme")
        assert world.push(segment.connection).total("errors") == 2
        assert segment.messages == []

    def test_one_made_anew_in_planhat_takes_over(
        self, world: World, segment: PlayedSegment
    ) -> None:
        world.put("enduser", "e1", external_id="7", company_external_id="acme")
        world.push(segment.connection)
        world.drop("enduser", "e1")
        world.put("enduser", "e2", external_id="7", company_external_id="acme")
        world.push(segment.connection)
        assert self.ids(segment)["e2"] == "7"

    @pytest.mark.parametrize("is_removed", [True, False])
    def test_one_that_returns_after_another_took_its_id_gets_another(
        self, world: World, segment: PlayedSegment, is_removed: bool
    ) -> None:
        if not is_removed:
            # Nothing was said of its leaving: at its return it is the same as ever.
            world.run("insert into sync.ignored_removals (model) values ('enduser')")
        world.put("enduser", "e1", external_id="7", company_external_id="acme")
        world.put("enduser", "e0", external_id="0", company_external_id="acme")
        world.push(segment.connection)
        world.drop("enduser", "e1")
        world.put("enduser", "e2", external_id="7", company_external_id="zeta")
        world.push(segment.connection)
        assert self.ids(segment)["e2"] == "7"

        world.put("enduser", "e1", external_id="7", company_external_id="acme")
        report = world.push(segment.connection)
        assert (report.status, report.total("synced")) == ("success", 1)
        assert self.ids(segment) == {"e0": "0", "e1": "acme:7", "e2": "7"}
        assert world.push(segment.connection).total("planned") == 0
        held = world.run("select object_id, user_id from sync.objects order by object_id")
        assert held == [("e0", "0"), ("e1", "acme:7"), ("e2", "7")]

    def test_an_id_whose_sending_is_unknown_is_taken_over_as_well(
        self, world: World, segment: PlayedSegment
    ) -> None:
        world.put("enduser", "e1", external_id="7", company_external_id="acme")
        segment.script = lambda number, batch: LOST
        world.push(segment.connection)
        world.drop("enduser", "e1")
        world.put("enduser", "e2", external_id="7", company_external_id="zeta")
        world.push(segment.connection)
        segment.script = lambda number, batch: OK
        world.put("enduser", "e1", external_id="7", company_external_id="acme")
        assert world.push(segment.connection).status == "success"
        assert self.ids(segment) == {"e1": "acme:7", "e2": "7"}
        assert len(segment.accepted) == len(segment.messages) == 4
