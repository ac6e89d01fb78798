"""Whom calls created and we sent to Planhat is the same person there: no history moves.

Random worlds are built, a part of the created endusers comes back from Planhat as it was sent (the
others were refused), and every table says what it said before, up to the ids that Planhat gave.
"""

import psycopg
import pytest
from psycopg.types.json import Json

from include.settings import Settings
from tests.dbt_project.test_any_order import (
    ROUNDS,
    deliver,
    draw_worlds,
    make_build,
    read_tables,
    render,
)

_CREATED = """
    select enduser_id, company_id, external_id, email from marts.endusers
    where origin = 'segment' and email is not null order by enduser_id
"""
_COMES_BACK = """
    insert into raw_planhat.objects (model, planhat_id, payload, made_by_us)
    values ('enduser', %s, %s, true)
"""
_LOG_READ = """
    insert into raw_planhat.reads (
        model, origin, considered, added, changed, returned, unchanged, deleted, withheld, rejected
    )
    values ('enduser', 'read back', %(count)s, %(count)s, 0, 0, 0, 0, 0, 0)
"""


def send(url: str, *, every: int) -> int:
    """Every so manyth created enduser is in Planhat now, under an id of Planhat's."""
    with psycopg.connect(url, autocommit=True) as connection:
        created = connection.execute(_CREATED).fetchall()[::every]
        for number, (_, company_id, external_id, email) in enumerate(created):
            # the number of its world, as the worlds' own ids begin
            planhat_id = f"{company_id[:6]}{number:012x}{every:06x}"
            sent = {"companyId": company_id, "externalId": external_id, "email": email}
            connection.execute(_COMES_BACK, [planhat_id, Json({"_id": planhat_id, **sent})])
        connection.execute(_LOG_READ, {"count": len(created)})
    return len(created)


@pytest.fixture(scope="module")
def history(module_warehouse: str, module_settings: Settings) -> str:
    worlds = render(draw_worlds(300, 11))
    for number in range(ROUNDS):
        with psycopg.connect(module_warehouse, autocommit=True) as connection:
            deliver(connection, worlds, number)
    make_build(module_warehouse, module_settings)
    return module_warehouse


def test_sending_people_to_planhat_moves_no_history(history: str, module_settings: Settings):
    before = read_tables(history)
    assert send(history, every=2) > 15
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
