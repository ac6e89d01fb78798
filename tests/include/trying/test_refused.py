"""What cannot be tried is said in one line, the truth is untouched, and nothing is left."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from include.build.lock import share_lock
from include.errors import ProblemError, SettingError
from include.page.changes import ChangeError
from include.settings import Settings
from include.trying import setting
from include.trying.environment import clean, environment
from include.trying.trying import Asked, try_it
from include.warehouse.connection import connect
from tests.dbt_project.landing import land_calls
from tests.include.trying.conftest import read_all
from tests.include.why.world import quietly

ENDUSERS = "models/marts/core/endusers.sql"
COMPANY = "models/planhat/company.sql"
LATE = datetime(2026, 3, 31, 20, tzinfo=UTC)

EDITS = {
    "no SQL": (ENDUSERS, "select * from final", "select * form final", "endusers"),
    "no Jinja": (ENDUSERS, "select * from final", "select * from {{ final", "endusers"),
    "a circle": (
        "models/intermediate/identity/int_identity__keyset_endusers.sql", "with keyset_companies",
        "-- {{ ref('event_resolution') }}\nwith keyset_companies", "cycle",
    ),
    "a broken contract": (COMPANY, "companies.name,", "1 as name,", "company"),
}  # fmt: skip


@pytest.fixture
def trying_it(truth: str, settings: Settings) -> Callable[..., object]:
    def run(**asked) -> object:
        return try_it(truth, settings, Asked(**asked), by="a test", say=quietly)

    return run


@pytest.mark.usefixtures("tables_alone")
def test_an_edit_that_cannot_be_made_is_one_line(truth: str, project: Path, trying_it):
    everything = read_all(truth)
    for name, (file, old, new, said) in EDITS.items():
        text = (project / file).read_text()
        assert old in text
        (project / file).write_text(text.replace(old, new, 1))
        with pytest.raises(ProblemError, match=said) as refused:
            trying_it()
        assert "\n" not in str(refused.value), name
        (project / file).write_text(text)
    assert read_all(truth) == everything


def test_what_cannot_be_meant_is_one_line(truth: str, trying_it):
    everything = read_all(truth)
    for asked, said in (
        ({"models": ("endusres",)}, "did you mean endusers"),
        ({"since": "no-such-revision"}, "git does not know SINCE=no-such-revision"),
        ({"since": "--output=x"}, "a revision of git"),
        ({"settings": ("sync.blocked_identity + x",)}, "did you mean blocked_identities"),
        ({"settings": ("sync.blocked_identities",)}, "no change of a setting"),
        ({"settings": ("thresholds health_weight_breadth",)}, "neither"),
        ({"settings": ("thresholds health_weight_breadth=much",)}, "is no number"),
        ({"settings": ("thresholds health_weight_breadth=1",)}, "so already"),
        ({"settings": ("thresholds health_wait=1",)}, "There is no threshold health_wait"),
        ({"settings": ("thresholds push_guard_removed_share=1",)}, "change no table"),
        ({"settings": ("switches auto_create=maybe",)}, "is on or off"),
        ({"settings": ("key_names + person=x",)}, "is refused"),
        ({"settings": ("company_aliases + old",)}, "does not say the company"),
    ):
        with pytest.raises(SettingError, match=said):
            trying_it(**asked)
    for text, said in (
        ("sync.blocked_identities + * kind=pattern", "would block every user id"),
        ("sync.blocked_identities + *-* kind=pattern", "would block"),
        ("sync.blocked_identities - nobody@example.com", "not blocked"),
        ("sync.company_aliases + old=nowhere", "Planhat has no company"),
        ("sync.company_metrics + seats=MEAN", "SUM or LAST"),
        ("sync.switches auto_crate=off", "no switch of that name"),
    ):
        with pytest.raises(ChangeError, match=said):
            trying_it(settings=(text,))
    assert read_all(truth) == everything


def test_several_changes_of_a_setting_are_one(truth: str):
    changes = setting.read(
        ["key_names + company=traits.firm position=1; sync.key_names - company=groupId"]
    )
    with psycopg.connect(truth, autocommit=True) as connection:
        rows = setting.rows_with(connection, changes, by="a test")["key_names"]
        stands = connection.execute(
            "select path from sync.key_names where key = 'company' order by position"
        ).fetchall()
    paths = sorted((row["position"], row["path"]) for row in rows if row["key"] == "company")
    assert [path for _, path in paths] == [
        "traits.firm", *(path for (path,) in stands if path != "groupId"),
    ]  # fmt: skip


def test_the_truth_must_be_what_there_is_to_compare_with(truth: str, trying_it):
    with psycopg.connect(truth, autocommit=True) as connection:
        connection.execute(
            "update sync.thresholds set value = 7 where threshold = 'health_weight_breadth'"
        )
        with pytest.raises(ProblemError, match="A setting was changed"):
            trying_it()
        connection.execute(
            "update sync.thresholds set value = 1 where threshold = 'health_weight_breadth'"
        )
        connection.execute(
            "insert into raw_planhat.reads (model, origin, considered, added, changed, returned,"
            " unchanged, deleted, withheld, rejected)"
            " values ('company', 'x', 1, 1, 0, 0, 0, 0, 0, 0)"
        )
        with pytest.raises(ProblemError, match="Planhat was read"):
            trying_it()
        connection.execute("update sync.builds set status = 'failed', reason = 'x (no)'")
        with pytest.raises(ProblemError, match=r"did not succeed.*: x \(no\)"):
            trying_it()
        connection.execute("delete from sync.builds")
        with pytest.raises(ProblemError, match="Nothing was built"):
            trying_it()


@pytest.mark.usefixtures("tables_alone")
def test_two_try_at_once_and_what_a_killed_one_left_is_dropped(truth: str, trying_it):
    # what lands after the build belongs to neither
    land_calls(truth, [{"messageId": "late", "type": "track", "userId": "u"}], received_at=LATE)
    with connect(truth, application_name="try for ann", autocommit=True) as other:
        share_lock(other, quietly)
        with environment(other) as made:
            # beside it, another goes on, and leaves it alone
            found = trying_it(models=("stg_segment__calls", "company_health"))
            assert found.tables == ()
            assert found.exit_code == 0
            assert _schemas(truth) == sorted(made.schemas)
        assert _schemas(truth) == []

    with connect(truth, application_name="try for ann", autocommit=True) as killed:
        leaves = environment(killed)
        leaves.__enter__()
        with psycopg.connect(truth, autocommit=True) as admin:
            assert clean(admin) == []
            # waits until it is gone
            admin.execute("select pg_terminate_backend(%s, 60000)", [killed.info.backend_pid])
            assert _schemas(truth) != []
            assert len(clean(admin)) == 1
    assert _schemas(truth) == []


def _schemas(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [
            name
            for (name,) in connection.execute(
                "select nspname::text from pg_namespace where nspname like 'try%' order by 1"
            )
        ]
