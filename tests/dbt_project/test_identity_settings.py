"""What operators and reads say of identity while calls come in: many builds equal one full build.

Between the rounds of random worlds, rows are blocked for one key or another, people are excluded,
links begin to expire, companies get aliases, objects lose keys, endusers turn out to be ours.
"""

import psycopg
import pytest

from include.settings import Settings
from tests.dbt_project.test_any_order import (
    ROUNDS,
    deliver,
    draw_worlds,
    make_build,
    read_everything,
    render,
)
from tests.parts import usually

# by round; each statement is about a part of the worlds
_SAID = {
    1: (
        "insert into sync.blocked_identities (value, key, kind) values"
        " ('*3u1', 'user_id', 'pattern'), ('*4a1', 'anonymous_id', 'pattern'),"
        " ('*5c2', 'company', 'pattern'), ('*6m1@x.example', 'email', 'pattern'),"
        " ('w000007o1', 'object', 'value')",
        "insert into sync.excluded (kind, value) values ('email', 'w000012m1@x.example')",
        # a key that objects had, and the read that saw it last: of two companies it is one's
        "insert into raw_planhat.former_keys"
        " select model, coalesce(payload ->> 'companyId', ''), planhat_id,"
        "  'w' || left(planhat_id, 6)"
        "  || case model when 'company' then 'nowhere' when 'enduser' then 'u2' else 'o3' end,"
        "  ('x' || substr(planhat_id, 9, 2))::bit(8)::int"
        " from raw_planhat.objects on conflict do nothing",
    ),
    2: (
        "update sync.thresholds set value = 1 where threshold = 'link_expires_days'",
        "insert into sync.switches (switch, is_on, valid_from)"
        " values ('block_bots', true, '2026-03-02 12:00:00+00')",
    ),
    4: (
        # the companies of a world by another name
        "insert into sync.company_aliases (alias, planhat_id)"
        " select distinct on (world) 'w' || world || 'c3', planhat_id"
        " from raw_planhat.objects, left(planhat_id, 6) as world"
        " where model = 'company' order by world, planhat_id on conflict do nothing",
        "update raw_planhat.objects set made_by_us = true"
        " where model = 'enduser' and planhat_id ~ '^.....[0-4]'",
        "update raw_planhat.former_keys set last_read_id = 300 where planhat_id ~ '^.....[5-9]'",
        "delete from sync.excluded",
        "insert into sync.excluded (kind, value) values ('domain', 'nobody.example')",
    ),
    6: (
        "update sync.thresholds set value = 2 where threshold = 'link_expires_days'",
        "delete from sync.company_aliases where planhat_id ~ '^.....[0-4]'",
        "delete from sync.blocked_identities where key = 'company'",
        "insert into sync.excluded (kind, value) values ('email', 'w000021m1@x.example')",
    ),
}

# A build before and after what is said; with LONG=1 one after every round.
BUILT = usually({0, 1, 2, 4, 6}, set(range(ROUNDS)))


@pytest.mark.usefixtures("tables_alone")
@pytest.mark.parametrize("seed", [5])
def test_whatever_is_said_meanwhile_many_builds_equal_a_full_one(
    warehouse: str, settings: Settings, seed: int
):
    worlds = render(draw_worlds(150, seed))
    for number in range(ROUNDS):
        with psycopg.connect(warehouse, autocommit=True) as connection:
            deliver(connection, worlds, number)
            for statement in _SAID.get(number, ()):
                connection.execute(statement)
        if number in BUILT:
            make_build(warehouse, settings)
    built = read_everything(warehouse)
    with psycopg.connect(warehouse) as connection:
        seen = connection.execute(
            "select count(*) filter (where reason = 'blocked_identity'),"
            " count(*) filter (where company_reason = 'unknown_company'),"
            " count(*) filter (where reason = 'deleted_enduser') from marts.event_resolution"
        ).fetchone()
        kinds = connection.execute(
            "select array_agg(distinct key_kind order by key_kind)"
            " from intermediate.int_identity__company_keys"
        ).fetchone()
    assert min(seen) > 5
    assert kinds == (["alias", "external_id", "former"],)

    make_build(warehouse, settings, full=True)
    rebuilt = read_everything(warehouse)
    assert {table for table in built if built[table] != rebuilt[table]} == set()
