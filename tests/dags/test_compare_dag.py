"""The DAG that compares with Planhat: the days of its form, and nobody named in its log."""

import psycopg
import pytest

from include.compare import SECTIONS
from include.played_planhat.app import PlayedPlanhat
from tests.dags.conftest import Inside
from tests.include.compare.world import World, make_tables

COMPARE = "compare_with_planhat"


@pytest.fixture
def given(warehouse: str, played: PlayedPlanhat, played_address: str) -> dict[str, str]:
    """The connections, as Airflow reads them."""
    make_tables(warehouse)
    return {
        "AIRFLOW_CONN_WAREHOUSE": warehouse,
        "AIRFLOW_CONN_PLANHAT": f"http://:{played.token}@{played_address.split('//')[1]}",
    }


def test_it_compares_the_days_that_are_chosen_and_names_nobody(
    inside: Inside, given: dict[str, str], played: PlayedPlanhat, played_address: str
) -> None:
    url = given["AIRFLOW_CONN_WAREHOUSE"]
    with psycopg.connect(url, autocommit=True) as connection:
        world = World(connection, url, played, played_address)
        world.created("somebody-to-find")
    days = '{"since": "2026-03-02", "until": "2026-03-15", "sections": ["endusers"]}'

    made = inside.ask("run", COMPARE, days, **given)

    assert (made["state"], made["tasks"][0]["state"]) == ("success", "success")
    log = (inside.folder / "stderr").read_text() + (inside.folder / "stdout").read_text()
    assert "not_there: Planhat has nothing of it" in log
    assert "somebody-to-find" not in log
    with psycopg.connect(url) as connection:
        ((since, until, found),) = connection.execute(
            "select since::text, until::text, found from sync.comparisons"
        ).fetchall()
    assert (since, until) == ("2026-03-02", "2026-03-15")
    (section,) = found["sections"]
    assert (section["name"], section["ours_only"]) == ("endusers", 1)


@pytest.mark.parametrize(
    ("conf", "state"),
    [
        ('{"since": "2026-03-15", "until": "2026-03-02"}', "failed"),
        ('{"until": "2026-02-30"}', "failed"),
        ('{"sinse": "2026-03-02"}', "failed"),
    ],
)
def test_days_that_are_none_fail_it_once(
    inside: Inside, given: dict[str, str], played: PlayedPlanhat, conf: str, state: str
) -> None:
    played.documents.load("companies", [{"_id": f"{1:024x}", "name": "Acme"}])
    (task,) = inside.ask("run", COMPARE, conf, **given)["tasks"]
    assert (task["state"], task["tries"]) == (state, 1)


def test_its_form_offers_the_sections_that_there_are(inside: Inside) -> None:
    sections = inside.ask("describe")["dags"][COMPARE]["params"]["sections"]
    assert sections["items"]["enum"] == sections["examples"] == list(SECTIONS)


def test_without_planhat_there_is_nothing_to_do(
    inside: Inside, given: dict[str, str], played: PlayedPlanhat
) -> None:
    played.reset()
    given["AIRFLOW_CONN_PLANHAT"] += "?played=1"
    assert inside.ask("run", COMPARE, "{}", **given)["tasks"][0]["state"] == "skipped"
    del given["AIRFLOW_CONN_PLANHAT"]
    assert inside.ask("run", COMPARE, "{}", **given)["tasks"][0]["state"] == "skipped"
