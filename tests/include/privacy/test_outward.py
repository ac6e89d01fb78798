"""What Segment and Planhat are asked for, of people who are forgotten: by real HTTP, each once."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from include.connections import PlanhatConnection
from include.errors import ProblemError
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.faults import Fault
from include.privacy import receipts
from include.privacy.forgetting import Person, outward
from include.privacy.forgetting.doing import write_down
from include.privacy.forgetting.outward import Elsewhere, ask_others
from include.settings import ROOT
from tests.include.privacy.people import quietly
from tests.include.privacy.played_segment_api import Happens, PlayedSegmentApi

SEGMENT = Elsewhere(at_segment=True)


@dataclass(frozen=True)
class Here:
    """A warehouse from which people are forgotten."""

    url: str
    data_dir: Path
    connection: psycopg.Connection

    def forgotten(self, *user_ids: str, enduser: str | None = None, elsewhere: Elsewhere = SEGMENT):
        """One who is forgotten, and wanted gone elsewhere too."""
        person = Person(
            user_ids[0], frozenset({enduser} if enduser else ()), frozenset(user_ids)
        )  # fmt: skip
        number = write_down(
            self.connection, person, by="ada", reason="asked", occasion="forget",
            elsewhere=elsewhere,
        )  # fmt: skip
        self.finish(number)
        return number

    def finish(self, number: int) -> None:
        self.connection.execute(
            "update sync.forgettings set finished_at = now(), identifiers = null"
            " where forgetting_id = %s",
            [number],
        )

    def ask(
        self, segment: PlayedSegmentApi | None = None, planhat: PlanhatConnection | None = None
    ):
        ask_others(
            self.url, self.data_dir, segment=segment and segment.connection, planhat=planhat,
            say=quietly,
        )  # fmt: skip

    def states(self) -> list[tuple]:
        return self.connection.execute(
            "select state, subject, regulation_id from sync.removals order by removal_id"
        ).fetchall()


@pytest.fixture
def here(warehouse: str, tmp_path: Path) -> Iterator[Here]:
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield Here(warehouse, tmp_path, connection)


def test_people_are_one_regulation_and_the_receipt_says_its_id_and_status(here: Here):
    here.connection.execute(
        "insert into sync.objects (destination, model, object_id, user_id)"
        " values ('segment', 'enduser', 'e1', 'acme:ann')"
    )
    here.forgotten("ann", enduser="e1")
    here.forgotten("bo", elsewhere=Elsewhere(at_segment=True, suppresses=True))
    here.forgotten("cy", elsewhere=Elsewhere())
    with PlayedSegmentApi() as api:
        here.ask(api)
        here.ask(api)
        assert {each["regulationType"]: sorted(each["subjects"]) for each in api.regulations} == {
            "DELETE_ONLY": ["acme:ann", "ann"], "SUPPRESS_WITH_DELETE": ["bo"],
        }  # fmt: skip
        assert api.created == 2
        first = receipts.receipts(here.connection)[2]
        assert [(each["status"], each["ids"]) for each in first["elsewhere"]] == [
            ("INITIALIZED", 2)
        ]  # fmt: skip
        # while it is not done, each run asks how far it is
        api.finish("PARTIAL_SUCCESS")
        here.ask(api)
    said = receipts.receipts(here.connection)
    assert [[each["status"] for each in receipt["elsewhere"]] for receipt in said] == [
        [], ["PARTIAL_SUCCESS"], ["PARTIAL_SUCCESS"],
    ]  # fmt: skip
    file = here.data_dir / "receipts" / f"{said[2]['receipt']}.json"
    assert json.loads(file.read_text()) == said[2]
    # whoever is named nowhere else is named here no more
    assert {subject for _, subject, _ in here.states()} == {None}
    assert len(outward.lines(here.connection)) == 2


def test_nobody_is_asked_for_before_they_are_forgotten_here(here: Here):
    number = here.forgotten("ann")
    here.connection.execute("update sync.forgettings set finished_at = null")
    with PlayedSegmentApi() as api:
        here.ask(api)
        assert api.created == 0
        here.finish(number)
        here.ask(api)
        assert api.created == 1


@pytest.mark.parametrize("takes", [True, False])
def test_what_has_no_answer_is_looked_up_before_it_is_asked_for_again(here: Here, takes: bool):
    here.forgotten("ann", "ann@acme.example")
    lost = Happens(resets=True, takes=takes)
    with PlayedSegmentApi(lambda number, body: lost if number == 1 else Happens()) as api:
        with pytest.raises(ProblemError, match="does not answer"):
            here.ask(api)
        assert [state for state, *_ in here.states()] == ["asked", "asked"]
        # of others there are so many that the list has pages
        for other in ("x", "y", "z"):
            api.create(
                {"regulationType": "DELETE_ONLY", "subjectType": "USER_ID", "subjectIds": [other]}
            )
        before = api.created
        here.ask(api)
        assert api.created - before == (0 if takes else 1)
        of_hers = [each for each in api.regulations if "ann" in each["subjects"]]
    assert len(of_hers) == 1
    assert here.states() == [("accepted", None, of_hers[0]["id"])] * 2


def test_killed_as_soon_as_segment_has_it_it_is_not_asked_for_twice(here: Here):
    here.forgotten("ann")
    processes: list[subprocess.Popen] = []

    def kill(number: int, body: dict) -> Happens:
        if number == 1:
            processes[0].send_signal(signal.SIGKILL)
            processes[0].wait()
        return Happens()

    with PlayedSegmentApi(kill) as api:
        code = (
            "import sys; from pathlib import Path;"
            "from include.connections import SegmentApiConnection as C;"
            "from include.privacy.forgetting.outward import ask_others;"
            "sys.stdin.readline();"
            "ask_others(sys.argv[1], Path(sys.argv[2]), segment=C(*sys.argv[3:]), planhat=None)"
        )
        to = api.connection
        command = [sys.executable, "-c", code, here.url, str(here.data_dir), to.host, to.token]
        processes.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True))
        processes[0].communicate("go\n")
        assert processes[0].returncode == -signal.SIGKILL
        here.ask(api)
        assert (api.created, len(api.regulations)) == (1, 1)
    assert here.states() == [("accepted", None, "regulation-1")]


def test_ids_that_segment_refuses_are_found_by_halves_and_the_others_go(here: Here):
    here.forgotten("a", "b", "refused", "d", "e")
    refuse = Happens(422, takes=False)
    with PlayedSegmentApi(
        lambda number, body: refuse if "refused" in body["subjectIds"] else Happens()
    ) as api:
        here.ask(api)
        assert sorted(one for each in api.regulations for one in each["subjects"]) == [
            "a", "b", "d", "e",
        ]  # fmt: skip
    assert sorted(state for state, *_ in here.states()) == ["accepted"] * 4 + ["refused"]


def test_at_the_limit_it_waits_as_long_as_the_answer_says(here: Here):
    here.forgotten("ann")
    with PlayedSegmentApi(lambda number, _: Happens(429) if number < 3 else Happens()) as api:
        here.ask(api)
        assert (api.created, len(api.regulations)) == (3, 1)


def test_more_than_a_regulation_takes_are_several(here: Here):
    here.forgotten(*(f"user-{number}" for number in range(5_001)))
    with PlayedSegmentApi() as api:
        here.ask(api)
        assert sorted(len(each["subjects"]) for each in api.regulations) == [1, 5_000]


def test_a_token_that_is_none_asks_for_nothing_and_everything_waits(here: Here):
    here.forgotten("ann")
    with PlayedSegmentApi() as api:
        wrong = replace(api.connection, token="another")
        with pytest.raises(ProblemError, match=r"refused it \(401\)"):
            ask_others(here.url, here.data_dir, segment=wrong, planhat=None, say=quietly)
        assert here.states() == [("waits", "ann", None)]
        here.ask(None)  # not connected: said, and no more
        here.ask(api)
    assert here.states() == [("accepted", None, "regulation-1")]


# Planhat


@pytest.fixture
def planhat(played: PlayedPlanhat, played_address: str, here: Here) -> PlanhatConnection:
    """Two endusers of a company, of whom we have read one and another that is gone there."""
    played.documents.load("companies", [{"_id": "c" * 24, "name": "Acme"}])
    played.documents.load(
        "endusers",
        [{"_id": letter * 24, "companyId": "c" * 24, "email": f"{letter}@acme.example"}
         for letter in "ab"],
    )  # fmt: skip
    for letter in "abd":
        here.connection.execute(
            "insert into raw_planhat.objects (model, planhat_id, payload)"
            " values ('enduser', %s, '{}')",
            [letter * 24],
        )
    return PlanhatConnection(played_address, played.token)


IN_PLANHAT = Elsewhere(in_planhat=True)


def endusers(played: PlayedPlanhat) -> set[str]:
    return set(played.documents.of["endusers"].by_id)


def test_only_the_persons_enduser_is_deleted_in_planhat(
    here: Here, planhat: PlanhatConnection, played: PlayedPlanhat
):
    here.forgotten("a-user", enduser="a" * 24, elsewhere=IN_PLANHAT)
    here.forgotten("d-user", enduser="d" * 24, elsewhere=IN_PLANHAT)
    # one that calls made is no enduser of Planhat's
    here.forgotten("made", enduser="segment-made", elsewhere=IN_PLANHAT)
    here.ask(planhat=planhat)
    assert endusers(played) == {"b" * 24}
    assert here.states() == [("done", None, None), ("not_there", None, None)]


@pytest.mark.parametrize("is_done", [True, False])
def test_a_deletion_without_an_answer_is_looked_at(
    here: Here, planhat: PlanhatConnection, played: PlayedPlanhat, is_done: bool
):
    here.forgotten("a-user", enduser="a" * 24, elsewhere=IN_PLANHAT)
    played.faults.waiting.append(Fault("lost" if is_done else "reset", method="DELETE"))
    here.ask(planhat=planhat)
    assert endusers(played) == {"b" * 24}
    assert here.states() == [("done", None, None)]
