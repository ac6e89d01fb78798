"""The measurement of a build measures whole builds of events that resolve."""

import psycopg
import pytest

from include.bench import build


def test_a_build_is_measured_over_events_that_resolve(
    warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, amount in {"EVENTS": 400, "NEW_EVENTS": 50, "USERS": 20, "COMPANIES": 4}.items():
        monkeypatch.setattr(build, name, amount)
    rows = build.run(warehouse, say=lambda line: None)
    assert [row.name for row in rows] == [
        "full build, 400 events: every model and test",
        "build of 50 new events on 400 events",
    ]
    assert all(row.ratio for row in rows)
    with psycopg.connect(warehouse) as connection:
        found = connection.execute(
            "select reason, count(*) from marts.event_resolution group by reason"
        ).fetchall()
        builds = connection.execute(
            "select is_full, status from sync.builds order by build_id"
        ).fetchall()
    assert found == [(None, 451)]
    assert builds == [(True, "success"), (False, "success"), (False, "success")]
