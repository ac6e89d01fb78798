"""Whom calls created and we sent to Planhat is the same person there: no history moves.

Random worlds are built, half of the created endusers are pushed to a played Planhat (the others not
yet) and read back from it, and every table says what it said before, up to the ids that Planhat
gave.
"""

import psycopg
import pytest

from include.connections import PlanhatConnection
from include.planhat.api.reading import read_api
from include.planhat.models import MODELS
from include.played_planhat.app import PlayedPlanhat
from include.played_planhat.switches import Switches
from include.push.push import push
from include.settings import Settings
from tests.dbt_project.test_any_order import (
    ROUNDS,
    deliver,
    draw_worlds,
    make_build,
    read_tables,
    render,
)
from tests.include.push.to_planhat.world import QUICK

_QUIETLY = {"models": ["enduser"], "options": QUICK, "say": lambda line: None}


def play(url: str, played: PlayedPlanhat) -> None:
    """Let the played Planhat have the companies and endusers that were read from it."""
    played.switches = Switches(quota=None)
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select model, planhat_id, payload from raw_planhat.objects"
            " where model in ('company', 'enduser') and deleted_at is null"
        ).fetchall()
    for model, planhat_id, payload in rows:
        collection = played.documents.of["companies" if model == "company" else "endusers"]
        collection.put({"custom": {}, **payload, "_id": planhat_id})


def send(url: str, settings: Settings, to: PlanhatConnection) -> int:
    """Half of the created endusers are pushed to Planhat, and read back from there."""
    with psycopg.connect(url) as connection:
        # the worlds' days are long over; a push takes no build that somebody set to look back
        connection.execute("update sync.builds set is_as_of_set = false")
    waiting = push(url, to, settings, requested_by="a test", dry_run=True, **_QUIETLY)
    added = sum(each.added for each in waiting.models)
    assert added > 30, waiting.table()
    report = push(url, to, settings, requested_by="a test", limit=added // 2, **_QUIETLY)
    synced = sum(each.synced for each in report.models)
    assert synced == added // 2, report.table()
    endusers = [model for model in MODELS if model.name == "enduser"]
    read = read_api(url, to, models=endusers, options=QUICK.client, say=lambda line: None)
    assert [each.deleted for each in read.models] == [0]
    return synced


@pytest.fixture(scope="module")
def history(module_warehouse: str, module_settings: Settings) -> str:
    worlds = render(draw_worlds(300, 11))
    for number in range(ROUNDS):
        with psycopg.connect(module_warehouse, autocommit=True) as connection:
            deliver(connection, worlds, number)
    make_build(module_warehouse, module_settings)
    return module_warehouse


def test_sending_people_to_planhat_moves_no_history(
    history: str, module_settings: Settings, played: PlayedPlanhat, played_address: str
):
    before = read_tables(history)
    play(history, played)
    to = PlanhatConnection(played_address, played.token, played.tenant_token, played_address)
    assert send(history, module_settings, to) > 15
    make_build(history, module_settings)
    assert _differences(before, read_tables(history)) == []

    make_build(history, module_settings, full=True)
    assert _differences(before, read_tables(history)) == []

    with psycopg.connect(history) as connection:
        origins = connection.execute(
            "select origin, count(*) from raw_planhat.objects"
            " inner join marts.endusers on enduser_id = planhat_id where made_by_us group by 1"
        ).fetchall()
    assert [origin for origin, _ in origins] == ["segment"]


def _differences(before: dict, after: dict) -> list[str]:
    return [
        f"{table} {key}: {rows.get(key)} was {before[table].get(key)}"
        for table, rows in after.items()
        for key in {*rows, *before[table]}
        if rows.get(key) != before[table].get(key)
    ][:20]
