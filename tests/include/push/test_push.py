"""A push from outbound tables to Segment: what arrives, what the ledger says, what is counted."""

from tests.include.push.played_segment import PlayedSegment
from tests.include.push.world import ENDUSER, LICENSE, World, of


def test_everything_is_sent_once_and_nothing_the_second_time(
    world: World, segment: PlayedSegment
) -> None:
    world.model("enduser", ENDUSER)
    world.model("license", LICENSE)
    world.put("company", "c1", external_id="acme", name="Acme")
    world.put("enduser", "e1", external_id="u1", company_id="c1", company_external_id="acme")
    world.put("license", "l1", company_id="c1", company_external_id="acme", value="12.50")

    first = world.push(segment.connection)
    assert first.status == "success"
    assert [(each.model, each.synced, each.errors) for each in first.models] == [
        ("company", 1, 0), ("enduser", 1, 0), ("license", 1, 0),
    ]  # fmt: skip
    sent = segment.latest()
    assert (sent["c1"]["type"], sent["c1"]["groupId"], sent["c1"]["userId"]) == (
        "group", "acme", "planhat",
    )  # fmt: skip
    assert (sent["e1"]["type"], sent["e1"]["userId"]) == ("identify", "u1")
    assert (sent["l1"]["type"], sent["l1"]["event"]) == ("track", "License Updated")

    second = world.push(segment.connection)
    assert second.status == "success"
    assert [(each.unchanged, each.synced, each.planned) for each in second.models] == [
        (1, 0, 0), (1, 0, 0), (1, 0, 0),
    ]  # fmt: skip
    assert len(segment.messages) == 3


def test_only_what_changed_is_sent(world: World, segment: PlayedSegment) -> None:
    world.fill("company", 50)
    world.push(segment.connection)
    world.put("company", "c000007", external_id="xc000007", name="Seven")
    world.drop("company", "c000009")
    world.put("company", "new", name="New")
    report = world.push(segment.connection)
    company = of(report, "company")
    assert (company.unchanged, company.added, company.changed, company.removed) == (48, 1, 1, 1)
    assert company.synced == 3
    assert segment.latest()["c000007"]["traits"]["name"] == "Seven"
    removed = segment.latest()["c000009"]
    assert (removed["type"], removed["event"], removed["userId"]) == (
        "track", "Company Removed", "planhat",
    )  # fmt: skip
    assert removed["properties"] == {
        "planhat_id": "c000009",
        "external_id": "xc000009",
        "company_id": None,
        "company_external_id": None,
    }
    assert world.push(segment.connection).total("planned") == 0


def test_a_value_that_changed_back_is_sent_a_third_time(
    world: World, segment: PlayedSegment
) -> None:
    for name in ("A", "B", "A"):
        world.put("company", "c1", name=name)
        world.push(segment.connection)
    assert [each["traits"]["name"] for each in segment.messages] == ["A", "B", "A"]
    assert world.ledger("c1")["version"] == 3


def test_null_to_value_and_back_are_both_seen(world: World, segment: PlayedSegment) -> None:
    for name in (None, "A", None):
        world.put("company", "c1", name=name)
        assert world.push(segment.connection).total("synced") == 1
    assert [each["traits"]["name"] for each in segment.messages] == [None, "A", None]


def test_an_object_that_returns_is_added_again_above_its_last_version(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", name="A")
    world.put("company", "c2", name="stays")
    world.push(segment.connection)
    world.drop("company", "c1")
    assert of(world.push(segment.connection), "company").removed == 1
    assert world.ledger("c1")["removed_at"] is not None
    assert world.push(segment.connection).total("planned") == 0

    world.put("company", "c1", name="A")
    assert of(world.push(segment.connection), "company").added == 1
    assert world.ledger("c1")["version"] == 3
    assert world.ledger("c1")["removed_at"] is None
    assert len(segment.accepted) == 4


def test_a_full_resync_sends_everything_again_under_new_message_ids(
    world: World, segment: PlayedSegment
) -> None:
    world.fill("company", 5)
    world.push(segment.connection)
    report = world.push(segment.connection, full=True)
    assert of(report, "company").changed == of(report, "company").repeated == 5
    assert len(segment.accepted) == 10
    assert world.push(segment.connection).total("planned") == 0


def test_a_custom_key_that_is_gone_is_said_as_null(world: World, segment: PlayedSegment) -> None:
    world.put("company", "c1", custom={"Seats": 5, "Tier": "gold"})
    world.push(segment.connection)
    world.put("company", "c1", custom={"Tier": "gold"})
    world.push(segment.connection)
    assert segment.sent_values("custom")["c1"] == {"Seats": None, "Tier": "gold"}
    assert world.push(segment.connection).total("planned") == 0


def test_another_write_key_starts_with_an_empty_ledger(
    world: World, segment: PlayedSegment
) -> None:
    world.put("company", "c1", name="A")
    world.push(segment.connection)
    with PlayedSegment() as other:
        assert of(world.push(other.connection), "company").added == 1


def test_a_plan_has_memory_where_postgres_has_little(world: World, segment: PlayedSegment) -> None:
    [(database,)] = world.run("select current_database()")
    world.run(f"alter database {database} set work_mem = '4MB'")
    # what each row was planned with
    world.run("alter table sync.planned add memory text default current_setting('work_mem')")
    world.fill("company", 2)
    world.push(segment.connection, dry_run=True)
    assert world.run("select distinct memory from sync.planned") == [("64MB",)]


def test_a_plan_counts_what_the_last_push_has_added(world: World, segment: PlayedSegment) -> None:
    """Planned as for an empty ledger, the next 20,000 objects would take minutes."""
    world.fill("company", 2_000)
    world.push(segment.connection)
    size = "select reltuples::int from pg_class where oid = 'sync.objects'::regclass"
    # what a session has written is in the statistics a moment after it has ended
    for _ in range(20):
        world.push(segment.connection, dry_run=True)
        if world.run(size) == [(2_000,)]:
            break
    assert world.run(size) == [(2_000,)]
