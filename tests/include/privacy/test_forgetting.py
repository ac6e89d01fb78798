"""Somebody who is forgotten is nowhere, and nobody else's numbers move."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from include.build import build
from include.collector.books import check_books
from include.connections import PlanhatConnection
from include.planhat.reading import read_folder
from include.played_planhat.app import PlayedPlanhat
from include.privacy import forgetting
from include.privacy.forgetting import calls, outward, requests, rows
from include.privacy.forgetting.doing import Builds
from include.privacy.forgetting.exact_json import keep_numbers
from include.privacy.forgetting.known import known_of
from include.privacy.forgetting.words import INSTEAD, Words
from include.privacy.receipts import receipts
from include.settings import Settings
from tests.conftest import copied
from tests.dbt_project.test_any_order import read_everything
from tests.include.privacy import people
from tests.include.privacy.people import (
    COMPANY,
    DEVICE,
    EMAIL,
    HER_ID,
    TODAY,
    USER,
    WORD,
    builds,
    quietly,
)
from tests.include.privacy.played_segment_api import PlayedSegmentApi
from tests.include.warehouse_asked import answers

Tables = dict[str, Counter]


@dataclass(frozen=True)
class World:
    """A warehouse from which she was forgotten, and what was seen on the way."""

    url: str
    data_dir: Path
    said_before: dict[str, int]
    before: Tables
    known: dict
    look: requests.Look
    done: forgetting.Forgotten
    # what Segment was asked for
    regulations: list[dict]
    said_after: dict[str, int]
    after: Tables
    full: Tables

    @property
    def of_her(self) -> list[dict]:
        """Her receipts, without that of the delete call."""
        return [each for each in self.done.receipts if each["reason"] == "she asked"]


@pytest.fixture(scope="module")
def world(
    server: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    served_planhat: tuple[PlayedPlanhat, str],
) -> Iterator[World]:
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "logs").mkdir()
    (data_dir / "logs" / "collector.log").write_text(f"refused {EMAIL} twice\n")
    with copied(server, "test") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_EXCLUDE_RESOURCE_TYPES", "test")
        settings = replace(server, airflow_conn_warehouse=url)
        people.land_world(url)
        people.land_delete_calls(url)
        build(url, settings, requested_by="test", today=TODAY, say=quietly)
        check_books(url)
        said_before, before = people.tables_that_say(url, WORD, HER_ID), read_everything(url)
        with psycopg.connect(url) as connection:
            known = known_of(connection, forgetting.find(connection, EMAIL.upper()))
        look = requests.look(url, data_dir, f"{EMAIL.upper()}\n\n{USER}")
        requests.ask_for(
            url, f"{EMAIL.upper()}\n{USER}", fingerprint=look.fingerprint, by="somebody",
            reason="she asked", at_segment=True, in_planhat=True,
        )  # fmt: skip
        # the forgetting's own builds prove what we guarantee of tables as well
        patch.delenv("DBT_EXCLUDE_RESOURCE_TYPES")
        done = requests.work_off(
            url, data_dir, builds=builds(url, settings), by="the clock", say=quietly
        )
        patch.setenv("DBT_EXCLUDE_RESOURCE_TYPES", "test")
        played, address = served_planhat
        with PlayedSegmentApi() as api:
            outward.ask_others(
                url, data_dir, segment=api.connection,
                planhat=PlanhatConnection(address, played.token), say=quietly,
            )  # fmt: skip
        with psycopg.connect(url) as connection:
            names = [each["receipt"] for each in done.receipts]
            done = replace(done, receipts=receipts(connection, names))
        said_after, after = people.tables_that_say(url, WORD, HER_ID), read_everything(url)
        build(url, settings, requested_by="test", today=TODAY, full=True, say=quietly)
        yield World(
            url,
            data_dir,
            said_before,
            before,
            known,
            look,
            done,
            api.regulations,
            said_after,
            after,
            read_everything(url),
        )  # fmt: skip


def test_she_was_in_many_tables_and_is_in_none(world: World):
    assert len(world.said_before) > 40
    assert world.said_after == {}


def test_no_dump_and_no_file_says_a_word_of_her(world: World):
    files = [file for file in world.data_dir.rglob("*") if file.is_file()]
    assert len(files) >= 2
    texts = {file.name: file.read_text() for file in files}
    assert [name for name, text in texts.items() if WORD in text or HER_ID in text] == []
    assert texts["collector.log"] == f"refused {'*' * len(EMAIL)} twice\n"


def test_a_full_build_afterwards_makes_the_same_tables(world: World):
    assert len(world.full) > 80
    assert {name for name in world.full if world.after[name] != world.full[name]} == set()


@pytest.mark.parametrize("table", ["marts.usage_daily", "marts.usage_trends"])
def test_of_all_others_only_how_many_people_a_company_has_differs(world: World, table: str):
    def rows(tables: Tables) -> list[dict]:
        found = [json.loads(text) for text in tables[table].elements()]
        kept = [row for row in found if row["object_id"] != HER_ID]
        for row in kept:
            for name in [each for each in row if each.startswith(("active_endusers", "endusers_"))]:
                del row[name]
        return sorted(kept, key=repr)

    assert rows(world.after) == rows(world.before)
    assert len(world.after[table]) < len(world.before[table])


def test_what_was_said_of_a_company_stays_and_says_nobody(world: World):
    rows = answers(
        world.url,
        "select payload from raw_segment.events where type = 'group' and message_id like 'kept-%'",
    )
    ((payload,),) = rows
    assert payload["traits"] == {"seats": 5}
    assert "userId" not in payload


def test_whoever_named_her_by_the_way_keeps_the_rest(world: World):
    ((payload,),) = answers(
        world.url, "select payload from raw_segment.events where message_id = 'bo-2'"
    )
    assert payload["properties"] == {"seats": 3}


def test_the_books_agree_with_the_table(world: World):
    assert check_books(world.url).differences == []


def test_the_plan_says_beforehand_what_went(world: World):
    (receipt,) = world.of_her
    plan = world.look.plan
    assert plan.calls == len(people.her_calls())
    assert plan.mentions == 1
    # without the two that landed again, and with the one delete call
    assert receipt["done"]["raw_segment.events"] == plan.calls + plan.mentions + 1
    assert "places in the file logs/collector.log: 1" in plan.lines()


def test_segment_and_planhat_were_asked_for_her_alone_and_the_receipt_says_so(world: World):
    (regulation,) = world.regulations
    assert (regulation["regulationType"], regulation["subjects"]) == ("DELETE_ONLY", [USER])
    (receipt,) = world.of_her
    assert [(each["system"], each["state"], each["ids"]) for each in receipt["elsewhere"]] == [
        ("segment", "accepted", 1), ("planhat", "not_there", 1),
    ]  # fmt: skip
    # a delete call asks for nothing elsewhere
    assert [each["elsewhere"] for each in world.done.receipts if each is not receipt] == [[]]


def test_two_lines_that_mean_her_are_one_person_and_one_receipt(world: World):
    assert [(line.number, line.refused) for line in world.look.lines] == [(1, None), (3, None)]
    assert len(world.look.people) == 1
    assert len(world.of_her) == 1
    # nothing asks for her any more, not even her own delete call
    assert answers(
        world.url, "select origin, asked, meant, requested_by from sync.forget_requests"
        " where finished_at is not null order by 1 desc, 4",
    ) == [
        ("page", None, None, "somebody"),
        ("delete_call", None, None, "a delete call of demo-app"),
        ("delete_call", None, None, "a delete call of demo-app"),
    ]  # fmt: skip


def test_a_delete_call_forgets_its_person_where_it_may_and_asks_once(world: World):
    (receipt,) = (each for each in world.done.receipts if each not in world.of_her)
    assert (receipt["requested_by"], receipt["reason"]) == (
        "a delete call of demo-app", "deletion asked for at Segment"
    )  # fmt: skip
    assert people.tables_that_say(world.url, "di-user-44") == {}
    waiting = "select asked, refused from sync.forget_requests where finished_at is null order by 2"
    company, before = answers(world.url, waiting)
    assert before == ("ed-user-55", None)
    assert (company[0], "is a company" in company[1]) == (COMPANY, True)
    with psycopg.connect(world.url) as connection:
        # its call is gone, and the others have their requests
        assert requests.note_delete_calls(connection) == 0


def test_delete_calls_wait_for_a_word_where_the_switch_is_off_now_or_was_then(world: World):
    class BuiltError(Exception):
        """A build was asked for."""

    def make() -> None:
        raise BuiltError

    def work_off(**more: bool) -> forgetting.Forgotten:
        built = Builds(make=make, lock=lambda holder: None)
        return requests.work_off(
            world.url, world.data_dir, by="ada", builds=built, say=quietly, **more
        )

    turn = (
        b"insert into sync.switches (switch, is_on, valid_from)"
        b" values ('forget_delete_calls', false, '2026-03-10T13:00Z')"
    )
    with psycopg.connect(world.url, autocommit=True) as connection:
        # the company's was received while it was on, and is asked for again each time
        with pytest.raises(BuiltError):
            work_off()
        connection.execute(turn)
        assert work_off() == forgetting.Forgotten([], [])
        with pytest.raises(BuiltError):
            work_off(every=True)
        connection.execute("delete from sync.switches where valid_from = '2026-03-10T13:00Z'")


def test_what_is_no_user_id_is_no_person_of_a_delete_call(world: World):
    with psycopg.connect(world.url) as connection:
        assert requests.find_user(connection, "bo-user-22").is_known
        with pytest.raises(forgetting.RefusedError, match="is no user id here"):
            requests.find_user(connection, "e" * 23 + "2")


def test_who_waits_is_looked_up_again_and_what_is_refused_stays_with_the_reason(world: World):
    lines = f"bo@acme.example\n{COMPANY}"
    look = requests.look(world.url, world.data_dir, lines)
    assert [line.refused is None for line in look.lines] == [True, False]
    assert "is a company" in look.lines[1].refused
    with pytest.raises(requests.RequestError, match="nothing was done: line 2"):
        requests.ask_for(world.url, lines, fingerprint=look.fingerprint, by="x", reason="y")
    with pytest.raises(requests.RequestError, match="mean others than those looked at"):
        requests.ask_for(world.url, "cy-user-33", fingerprint=look.fingerprint, by="x", reason="y")
    with pytest.raises(requests.RequestError, match="Say why"):
        requests.ask_for(world.url, lines, fingerprint=look.fingerprint, by="x", reason=" ")
    of_the_page = "select count(*) from sync.forget_requests where origin = 'page'"
    assert answers(world.url, of_the_page) == [(1,)]
    ask = {"fingerprint": look.fingerprint, "by": "x", "reason": "y", "suppresses": True}
    assert requests.ask_for(world.url, "bo@acme.example", **ask) == 1
    # until it is worked off, the address has become that of another one
    with psycopg.connect(world.url) as connection:
        connection.execute("update sync.forget_requests set meant = 'x' where origin = 'page'")

    done = requests.work_off(
        world.url, world.data_dir, by="x", say=quietly,
        builds=Builds(make=lambda: None, lock=lambda holder: None),
    )  # fmt: skip

    assert done.receipts == []
    ((number, asked, refused),) = answers(
        world.url,
        "select request_id, asked, refused from sync.forget_requests"
        " where finished_at is null and origin = 'page'",
    )
    assert (asked, refused) == (
        "bo@acme.example", "By now this is somebody else than when it was asked for."
    )  # fmt: skip
    assert requests.look(world.url, world.data_dir, lines).suppressed == {1: 2}
    assert requests.dismiss(world.url, number, by="x")
    assert not requests.dismiss(world.url, number, by="x")
    assert people.tables_that_say(world.url, "bo@acme.example").get("sync.forget_requests") is None


def test_the_receipt_proves_it_and_names_nobody(world: World):
    (receipt,) = world.of_her
    file = world.data_dir / "receipts" / f"{receipt['receipt']}.json"
    assert file in world.done.files
    assert json.loads(file.read_text()) == receipt
    assert (receipt["requested_by"], receipt["reason"]) == ("somebody", "she asked")
    ((hash_of_her,),) = answers(
        world.url, "select encode(sync.keyed_hash('email', %s), 'hex')", EMAIL
    )
    assert hash_of_her in receipt["hashes"]
    assert answers(world.url, "select distinct identifiers from sync.forgettings") == [(None,)]


@pytest.mark.parametrize("asked", [USER, EMAIL, DEVICE, HER_ID])
def test_nobody_is_known_by_her_ids_any_more(world: World, asked: str):
    with psycopg.connect(world.url) as connection:
        assert not forgetting.find(connection, asked).is_known


def test_a_company_is_nobody(world: World):
    with (
        psycopg.connect(world.url) as connection,
        pytest.raises(forgetting.RefusedError, match="is a company, with 2 endusers"),
    ):
        forgetting.find(connection, COMPANY)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "insert into marts.endusers (enduser_id, company_id, email, origin)"
            " values ('another', 'c2', 'bo@acme.example', 'planhat')",
            "bo@acme.example is 2 people. Say which, each by an id of its own: ID=another",
        ),
        (
            "insert into sync.blocked_identities (kind, value, key)"
            " values ('value', 'bo@acme.example', 'all')",
            "bo@acme.example is blocked",
        ),
        (
            "drop view intermediate.int_quality__shared_addresses cascade;"
            " create view intermediate.int_quality__shared_addresses as"
            " select 'address' as kind, 'bo@acme.example' as address, 1204 as companies",
            "bo@acme.example is shared: 1,204 companies have it",
        ),
    ],
)
def test_an_id_that_is_not_one_persons_is_refused_with_what_to_say(
    world: World, statement: str, said: str
):
    with psycopg.connect(world.url) as connection, connection.transaction(force_rollback=True):
        assert forgetting.find(connection, "bo@acme.example").is_known
        connection.execute(statement.encode())
        with pytest.raises(forgetting.RefusedError, match=said):
            forgetting.find(connection, "bo@acme.example")


def test_nobody_gets_a_receipt_that_says_so_and_no_build_is_made(world: World, tmp_path: Path):
    def no_build() -> None:
        raise AssertionError("there is nothing to build")

    with psycopg.connect(world.url) as connection:
        person = forgetting.find(connection, "Nobody@acme.example")
    forgetting.keep_away(world.url, [person], by="somebody")
    done = forgetting.forget(
        world.url, tmp_path, [person], by="somebody", say=quietly,
        builds=Builds(make=no_build, lock=lambda holder: no_build()),
    )  # fmt: skip
    (receipt,) = done.receipts
    assert receipt["done"] == {}
    assert len(receipt["hashes"]) == 1
    # what comes of them is stored nowhere, whatever the id was
    (suppressed,) = answers(
        world.url,
        "select array_agg(kind order by kind), bool_and(reason = 'forgotten') from sync.suppressed"
        " where key_hash in (sync.keyed_hash('email', 'nobody@acme.example'),"
        " sync.keyed_hash('user_id', 'Nobody@acme.example'))",
    )
    assert suppressed == (["email", "user_id"], True)


def test_an_id_like_theirs_and_numbers_of_others_stay_as_they_were(world: World):
    person = forgetting.Person("somebody-9", user_ids=frozenset({"somebody-9"}))
    words = Words(person.identifiers)
    says = "update raw_segment.events set payload = payload || %s::jsonb where message_id = %s"
    with psycopg.connect(world.url) as connection, connection.transaction(force_rollback=True):
        keep_numbers(connection)
        named = '{"properties": {"n": 1e400, "rate": 0.10, "said": "somebody-9, not somebody-91"}}'
        connection.execute(says, [named, "bo-1"])
        connection.execute(says, ['{"properties": {"said": "somebody-91"}}', "cy-2"])
        connection.execute(
            "insert into sync.objects (destination, model, object_id, user_id) values"
            " ('segment', 'enduser', 's1', 'somebody-9'),"
            " ('segment', 'enduser', 's2', 'somebody-91')"
        )

        calls.select_calls(connection, [person])
        assert calls.select_mentions(connection, words) == 1
        calls.remove_calls(connection, [person], words)
        rows.remove_rows(connection, words)

        said = connection.execute(
            "select message_id, payload #>> '{properties,n}', payload #>> '{properties,rate}',"
            " payload #>> '{properties,said}' from raw_segment.events"
            " where message_id in ('bo-1', 'cy-2') order by 1"
        ).fetchall()
        assert said == [
            ("bo-1", "1" + "0" * 400, "0.10", f"{INSTEAD}, not somebody-91"),
            ("cy-2", None, None, "somebody-91"),
        ]
        assert connection.execute(
            "select object_id from sync.objects where model = 'enduser' and object_id like 's_'"
        ).fetchall() == [("s2",)]


def test_what_was_known_of_her_is_all_there_was(world: World):
    known = json.dumps(world.known)
    assert {call["call"]["message_id"] for call in world.known["calls"]} == {
        call["messageId"] for call in people.her_calls()
    }
    assert world.known["made_of_them"]["marts.endusers"][0]["email"] == EMAIL
    for said in ("phone", "note", "shoes", "comment", "event", "former"):
        assert f"{WORD}-{said}" in known
    raw = {table for table in world.said_before if table.split(".")[0] in ("raw_planhat", "sync")}
    assert raw <= set(world.known["rows_that_name_them"])


def test_a_read_of_planhat_does_not_bring_her_back(world: World, tmp_path: Path):
    there = {
        "endusers.jsonl": [
            {"_id": HER_ID, "email": EMAIL, "companyId": COMPANY, "externalId": USER},
            {"_id": "e" * 23 + "2", "email": "bo@acme.example", "companyId": COMPANY,
             "externalId": "bo-user-22"},
        ],
        "nps.jsonl": [{"_id": "f" * 23 + "1", "cId": COMPANY, "euId": HER_ID, "score": 9,
                       "email": EMAIL}],
    }  # fmt: skip
    for name, objects in there.items():
        (tmp_path / name).write_text("".join(json.dumps(each) + "\n" for each in objects))
    report = read_folder(world.url, tmp_path, say=quietly)
    assert [read.considered for read in report.models] == [1, 0]
    assert people.tables_that_say(world.url, WORD, HER_ID) == {}
