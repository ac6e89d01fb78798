"""All of Planhat through its API: a list that moves, objects out of sight, reads that end early."""

import threading
from dataclasses import replace

import psycopg
import pytest

from include.errors import BusyError, ProblemError
from include.planhat.api.errors import PlanhatAwayError, TokenError
from include.planhat.api.fields import selected
from include.planhat.api.reading import read_api
from include.planhat.models import MODELS, MOVING_FIELDS, custom_model
from include.played_planhat.documents import Documents
from include.played_planhat.faults import Fault
from include.played_planhat.kinds import ALWAYS, KINDS
from include.sample.documents import objects
from tests.include.planhat.api.world import World
from tests.include.planhat.world import company, ident
from tests.include.sample.test_exports import BASE


def test_each_read_says_what_was_added_changed_deleted_and_returned(world: World):
    world.have(1, 2, 3)
    assert world.counts() == {"added": 3}
    assert world.counts() == {"unchanged": 3}
    world.have(2, phase="Live")
    world.lose(3)
    assert world.counts() == {"changed": 1, "unchanged": 1, "deleted": 1}
    assert world.counts() == {"unchanged": 2}
    world.have(3)
    assert world.counts() == {"returned": 1, "unchanged": 2}
    assert world.present() == [1, 2, 3]


def test_the_sample_read_through_the_api_is_the_sample_read_from_files(world: World, tmp_path):
    from include.planhat.reading import read_folder
    from tests.include.sample.exports import write_exports

    for model, rows in objects(BASE).items():
        path = next(each.path for each in MODELS if each.name == model)
        world.played.documents.load(path, rows)
    world.read()
    report = world.read()
    assert not report.has_changed
    assert report.doubtful == []
    through_the_api = world.rows(
        "select model, planhat_id, payload - '{createdAt,updatedAt}'::text[]"
        " from raw_planhat.objects order by 1, 2"
    )
    with psycopg.connect(world.url) as connection:
        connection.execute("truncate raw_planhat.objects")
    write_exports(tmp_path, BASE)
    read_folder(world.url, tmp_path, say=lambda line: None)
    from_files = world.rows(
        "select model, planhat_id, payload - '{createdAt,updatedAt}'::text[]"
        " from raw_planhat.objects order by 1, 2"
    )
    assert len(from_files) == len(through_the_api)
    for (model, identifier, api), (_, same, file) in zip(through_the_api, from_files, strict=True):
        assert identifier == same
        # CSV has empty cells for what an object has not; a currency is an object when read
        known = {name: value for name, value in file.items() if value not in (None, "", [], {})}
        for name in set(known) - {"_currency", "custom"}:
            if name in selected(next(each for each in MODELS if each.name == model)):
                assert api.get(name) == known[name], (model, name)


def test_pages_that_come_short_without_a_word_lose_nothing(world: World):
    world.have(*range(1, 24))
    for size in (1, 2, 7, 22, 23, 24):
        world.pages_of(size)
        report = world.read()
        assert world.present() == list(range(1, 24))
        assert not report.doubtful or size == 1
    world.pages_of(100, page_bytes=400)
    assert world.counts() == {"unchanged": 23}


def test_a_limit_that_is_refused_is_halved_until_it_is_taken(world: World):
    world.have(*range(1, 400))
    world.pages_of(150, cap="refuse")
    assert world.counts() == {"added": 399}
    limits = [each.query["limit"] for each in world.played.requests.all if each.path == "companies"]
    assert limits[:5] == ["2000", "1000", "500", "250", "125"]
    assert set(limits[5:]) == {"125"}


def test_a_row_deleted_between_two_pages_hides_no_other(world: World):
    world.have(*range(1, 41))
    world.pages_of(10)
    world.read()
    count = 0

    def meanwhile(method: str, path: str) -> None:
        nonlocal count
        if path == "companies":
            count += 1
            if count in (2, 3):
                world.lose(count)

    world.played.faults.meanwhile = meanwhile
    assert world.counts() == {"unchanged": 40}  # both were seen before
    assert world.present() == list(range(1, 41))
    assert world.counts() == {"unchanged": 38, "deleted": 2}


def test_so_many_rows_deleted_before_the_page_are_stepped_back_for(world: World):
    world.have(*range(1, 201))
    world.pages_of(10)
    count = 0

    def meanwhile(method: str, path: str) -> None:
        nonlocal count
        if path == "companies":
            count += 1
            if count == 15:
                world.lose(*range(1, 135))

    world.played.faults.meanwhile = meanwhile
    world.read()
    assert set(range(135, 201)) <= set(world.present())


def test_rows_made_while_the_list_is_read_are_read_or_read_next_time(world: World):
    world.have(*range(10, 31))
    world.pages_of(5)
    numbers = iter(range(100, 103))

    def meanwhile(method: str, path: str) -> None:
        if path == "companies" and (number := next(numbers, None)):
            world.have(number)

    world.played.faults.meanwhile = meanwhile
    assert world.counts()["added"] == 24
    assert world.present() == [*range(10, 31), 100, 101, 102]


def test_archived_endusers_and_finished_tasks_are_read_too(world: World):
    world.have(1)
    world.have_people(11, 12)
    world.have_people(13, archived=True)
    task = {"_id": ident(21), "mainType": "task", "companyId": ident(1), "isArchived": True}
    world.played.documents.load("tasks", [task])
    world.read()
    assert world.present("enduser") == [11, 12, 13]
    assert world.present("task") == [21]
    world.have_people(11, archived=True)
    assert world.counts("enduser") == {"changed": 1, "unchanged": 2}


def test_whoever_is_archived_between_the_two_passes_is_read_as_they_are_then(world: World):
    world.have(1)
    world.have_people(11, 12)

    def meanwhile(method: str, path: str) -> None:
        world.have_people(11, archived=world.asked("endusers") > 2)

    world.read()
    world.played.requests.all.clear()
    world.played.faults.meanwhile = meanwhile
    assert world.counts("enduser") == {"changed": 1, "unchanged": 1}
    assert world.rows(
        "select payload -> 'archived' from raw_planhat.objects where planhat_id like '%b'"
    ) == [(True,)]


def test_what_is_out_of_sight_and_not_gone_is_kept_and_not_asked_for_each_time(world: World):
    rows = [{**company(number), "companyId": ident(1), "subject": "Hi"} for number in (1, 2)]
    world.played.documents.load("conversations", rows)
    world.read()
    # Planhat does not list it any more, for whatever reason
    world.played.documents.of["conversations"].shown.remove(ident(2))
    assert world.counts("conversation") == {"unchanged": 2}
    asked = len(world.played.requests.of("GET", f"conversations/{ident(2)}"))
    assert asked == 1
    world.played.documents.of["conversations"].by_id.pop(ident(2))
    assert world.counts("conversation") == {"unchanged": 1, "deleted": 1}


def test_more_are_missing_than_one_read_asks_for_the_next_ones_ask_for_the_others(world: World):
    world.have(*range(1, 51))
    world.read()
    world.lose(*range(1, 11))
    with psycopg.connect(world.url) as connection:
        connection.execute(
            "update sync.thresholds set value = 4 where threshold = 'read_guard_confirmed'"
        )
    assert world.counts() == {"unchanged": 40, "deleted": 4, "withheld": 6}
    assert any("a read asks Planhat for 4 of a model" in line for line in world.said)
    assert any("make planhat DELETED=company" in line for line in world.said)
    assert world.counts() == {"unchanged": 40, "deleted": 4, "withheld": 2}
    assert world.counts() == {"unchanged": 40, "deleted": 2}


def test_a_large_part_that_is_gone_at_once_is_withheld_until_somebody_says_so(world: World):
    world.have(1, 2, 3, 4, 5)
    world.read()
    world.lose(1, 2, 3)
    report = world.read()
    assert report.doubtful == ["company"]
    assert world.present() == [1, 2, 3, 4, 5]
    assert world.counts(gone=["company"]) == {"unchanged": 2, "deleted": 3}


def test_the_last_object_of_a_model_can_be_deleted(world: World):
    world.have(1)
    world.read()
    world.lose(1)
    assert world.counts() == {"deleted": 1}


def test_tickets_are_asked_for_where_single_ones_are(world: World):
    world.have(1)
    rows = [
        {"_id": ident(n), "companyId": ident(1), "sourceId": f"{n}", "email": "a@x.example"}
        for n in (31, 32)
    ]
    world.played.documents.load("tickets", rows)
    world.read()
    world.lose(32, path="tickets")
    assert world.counts("ticket") == {"unchanged": 1, "deleted": 1}


def test_a_model_whose_objects_cannot_be_asked_for_loses_none(world: World):
    world.played.documents.load("churn", [
        {"_id": ident(n), "companyId": ident(1), "isChurn": True} for n in (1, 2)
    ])  # fmt: skip
    world.read()
    world.lose(2, path="churn")
    kind = world.played.documents.of["churn"].kind
    world.played.documents.of["churn"].kind = replace(kind, methods="l")
    assert world.counts("churn") == {"unchanged": 1, "withheld": 1}
    assert any("not even for those that it lists" in line for line in world.said)


def test_a_list_in_another_order_is_read_and_nothing_of_it_deleted(world: World):
    world.have(*range(1, 30))
    world.pages_of(7, sorts=False)
    assert world.counts() == {"added": 29}
    world.lose(5)
    assert world.counts() == {"unchanged": 28, "withheld": 1}
    assert any("not come in the order of their ids" in line for line in world.said)


def test_a_model_without_permission_or_that_is_not_there_costs_no_other(world: World):
    world.have(1)
    world.have_people(11)
    world.read()
    switches = {"denied_reads": ["endusers", "nps"]}
    world.played.switches = world.played.switches.turned(**switches)
    del world.played.documents.of["workspaces"]
    report = world.read()
    assert {each.model: each.is_missed for each in report.unread} == {
        "enduser": True, "nps": False, "workspace": False,
    }  # fmt: skip
    assert report.doubtful == ["enduser"]
    assert world.present("enduser") == [11]
    assert sum(line.startswith("! enduser is not read") for line in world.said) == 1


def test_a_200_that_is_no_list_deletes_nothing_and_costs_no_other(world: World):
    world.have(1)
    world.have_people(11)
    world.read()
    world.played.faults.waiting.append(Fault("object", path="companies", times=99))
    world.have_people(12)
    report = world.read()
    assert report.doubtful == ["company"]
    assert world.present() == [1]
    assert world.present("enduser") == [11, 12]


def test_rows_that_are_no_objects_or_have_no_id_are_rejects_with_their_place(world: World):
    world.have(1, 2)
    world.read()
    world.played.faults.waiting.clear()
    documents = world.played.documents.of["companies"]
    documents.by_id[ident(2)] = {"_id": ident(2), "name": 5.5}
    documents.by_id[ident(1)] = {"_id": "", "name": "Nobody"}
    # it is asked for besides, since it is missing, and has no id then either
    assert world.counts() == {"changed": 1, "withheld": 1, "rejected": 2}
    rejects = world.rows(
        "select file, line, reason from raw_planhat.rejects where model = 'company' order by line"
    )
    assert rejects[0] == ("/companies", 1, "_id is missing")


@pytest.mark.parametrize("kind", ["throttle", "error", "hang", "cut", "lost", "reset", "page"])
def test_faults_that_pass_are_not_noticed(world: World, kind: str):
    world.have(*range(1, 30))
    world.pages_of(10)
    world.played.faults.waiting += [
        Fault(kind, path="companies", after=after, seconds=0.01) for after in (0, 2, 4)
    ]
    assert world.counts() == {"added": 29}


def test_an_interrupted_read_goes_on_where_it_was(world: World):
    world.have(*range(1, 41))
    world.have_people(*range(100, 140))
    world.pages_of(10)
    world.played.faults.waiting.append(Fault("error", path="endusers", after=3, times=99))
    with pytest.raises(PlanhatAwayError, match="endusers"):
        world.read()
    assert world.present() == list(range(1, 41))
    asked = world.asked("endusers")
    world.played.faults.waiting.clear()
    companies = world.asked("companies")
    report = world.read()
    assert any(line.startswith("going on with the read of") for line in world.said)
    assert world.asked("companies") == companies
    first = [each for each in world.played.requests.all if each.path == "endusers"][asked]
    assert first.query["offset"] == "27"  # three pages were there, each but the first with overlap
    assert world.present("enduser") == list(range(100, 140))
    assert next(each.model for each in report.models) == "enduser"
    # whole: the next one begins anew
    world.read()
    assert world.asked("companies") > companies


def test_a_read_that_was_interrupted_long_ago_begins_anew(world: World):
    world.have(1)
    world.played.faults.waiting.append(Fault("error", path="endusers", times=4))
    with pytest.raises(PlanhatAwayError):
        world.read()
    with psycopg.connect(world.url) as connection:
        connection.execute(
            "update raw_planhat.api_reads set started_at = started_at - interval '2 hours'"
        )
    before = world.asked("companies")
    world.read()
    assert world.asked("companies") > before


def test_a_token_that_is_revoked_in_the_middle_ends_the_read_and_deletes_nothing(world: World):
    world.have(1, 2)
    world.read()

    def meanwhile(method: str, path: str) -> None:
        if path == "endusers":
            world.played.switches = world.played.switches.turned(revoked=True)

    world.played.faults.meanwhile = meanwhile
    with pytest.raises(TokenError, match="of another region"):
        world.read()
    assert world.present() == [1, 2]


def test_two_reads_at_once_are_one_and_a_word(world: World):
    world.have(1)
    world.played.faults.waiting.append(Fault("hang", path="companies", seconds=0.4))
    first = threading.Thread(target=lambda: world.counts(options=replace(world.options, timeout=5)))
    first.start()
    while not world.played.requests.all:
        pass
    with pytest.raises(BusyError, match="under way"):
        read_api(world.url, world.connection, say=lambda line: None, options=world.options)
    first.join()


def test_a_model_that_a_customer_made_is_read_with_all_of_its_fields(world: World):
    from include.played_planhat.kinds import custom_model as played_model

    world.played.documents.add_kind(played_model("contracts", "Contract"))
    rows = [{"_id": ident(n), "name": f"C{n}", "companyId": ident(1), "signedBy": "Ada"}
            for n in (51, 52)]  # fmt: skip
    world.played.documents.load("contracts", rows)
    models = [*MODELS, custom_model("contract", "contracts")]
    world.read(models=models)
    assert world.present("contract") == [51, 52]
    assert world.rows(
        "select distinct payload ->> 'signedBy' from raw_planhat.objects where model = 'contract'"
    ) == [("Ada",)]
    world.lose(52, path="contracts")
    assert world.counts("contract", models=models) == {"unchanged": 1, "deleted": 1}


def test_a_word_that_is_no_model_is_refused_before_anything_is_asked(world: World):
    with pytest.raises(ProblemError, match="compnay"):
        world.read(gone=["compnay"])
    assert world.played.requests.all == []


def test_nothing_that_planhat_has_not_and_no_large_text_is_asked_for():
    for model in MODELS:
        names = set(selected(model))
        kind = KINDS[model.path]
        assert names - kind.fields - ALWAYS - {kind.external_key} == set(), model.name
        assert set(model.fields) <= names | set(MOVING_FIELDS)
        assert not names & {"description", "transcript", "history", "snippet", "csmScoreLog"}
    assert len(Documents().of) >= len(MODELS)
