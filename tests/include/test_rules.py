"""New rules wait beside the old tables until somebody has seen what they move, and accepts it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include import rules
from include.build import BuildReport, build
from include.settings import Settings
from tests.dbt_project.conftest import ask, module_settings, module_warehouse  # noqa: F401
from tests.dbt_project.landing import land_calls, land_objects

AT = datetime.now(UTC) - timedelta(days=3)
VERSION = rules.current_version()


@pytest.fixture
def lived(module_warehouse: str, module_settings: Settings) -> Callable[..., BuildReport]:  # noqa: F811
    """A warehouse of one's own with a history that older rules made; builds it again."""

    def rebuild(**options: object) -> BuildReport:
        said: list[str] = []
        report = build(
            module_warehouse, module_settings, requested_by="test", say=said.append, **options
        )
        report_lines.extend(said)
        return report

    report_lines: list[str] = []
    rebuild.said = report_lines  # type: ignore[attr-defined]
    return rebuild


def test_new_rules_are_shown_and_wait_until_they_are_accepted(
    module_warehouse: str,  # noqa: F811
    module_settings: Settings,  # noqa: F811
    lived: Callable[..., BuildReport],
    ask: Callable[..., list[dict]],  # noqa: F811
):
    with psycopg.connect(module_warehouse) as connection:
        assert rules.find_waiting(connection, module_settings) is None, "nothing has landed"
    land_objects(
        module_warehouse,
        "company",
        [{"_id": f"{n:024x}", "name": f"c{n}", "externalId": f"c{n}"} for n in (1, 2)],
    )
    calls = [
        {"messageId": f"m{n}", "type": "track", "event": "Opened", "userId": f"u{n}",
         "properties": {"company_id": "c1"}}
        for n in range(4)
    ]  # fmt: skip
    land_calls(module_warehouse, calls, received_at=AT)
    first = lived()
    assert not first.waits_for_rules, "a first build has nothing to move"

    # as if by older rules two endusers had not been created, and a company not been outbound
    with psycopg.connect(module_warehouse) as connection:
        connection.execute("update sync.builds set rules_version = %s", [VERSION - 1])
        connection.execute("update sync.builds set code_fingerprint = 'older'")
        connection.execute("delete from marts.endusers where external_id in ('u0', 'u1')")
        connection.execute("delete from planhat.company where external_id = 'c2'")
        connection.execute(
            "insert into sync.objects (destination, model, object_id, payload, fingerprint, "
            "version, message_id, acknowledged_at) "
            "values ('elsewhere', 'company', %s, '{}', 'x', 1, 'x', now())",
            [f"{1:024x}"],
        )
    land_calls(
        module_warehouse, [{**calls[0], "messageId": "later"}], received_at=AT + timedelta(hours=1)
    )
    waiting = lived()
    assert (waiting.waits_for_rules, waiting.build_id) == (True, first.build_id)
    said = "\n".join(lived.said)  # type: ignore[attr-defined]
    assert "until somebody accepts" in said
    assert ask("select count(*) as n from marts.event_resolution")[0]["n"] == 4, "nothing new"
    assert not ask("select 1 from pg_namespace where nspname like 'next%%'"), "nothing is left"
    [kept] = ask("select shown, accepted_at from sync.rule_changes")
    assert kept["accepted_at"] is None
    # the call that has come since is one more of the calls that are told otherwise
    assert kept["shown"]["calls"]["all"] == 5
    assert kept["shown"]["calls"]["moved"] == 1
    assert kept["shown"]["endusers"] == {"added": 2, "removed": 0, "changed": 0}
    assert kept["shown"]["company_days"] == 1
    assert kept["shown"]["pushed"] == {"elsewhere": 2}, "the company that is there then, its usage"

    told: list[rules.Waiting] = []
    rules.tell_waiting(module_warehouse, module_settings, told.append)
    rules.tell_waiting(module_warehouse, module_settings, told.append)
    assert [each.fields["rules_version"] for each in told] == [VERSION], "once"

    with psycopg.connect(module_warehouse) as connection:
        rules.accept(connection, by="somebody")
        rules.accept(connection, by="somebody else")
    accepted = lived()
    assert not accepted.waits_for_rules
    assert ask("select count(*) as n from marts.event_resolution")[0]["n"] == 5
    assert ask("select accepted_by from sync.rule_changes") == [{"accepted_by": "somebody"}]
    assert ask("select rules_version from sync.builds order by build_id desc limit 1") == [
        {"rules_version": VERSION}
    ]
