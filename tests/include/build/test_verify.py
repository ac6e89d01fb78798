"""An incremental model, made whole beside the truth: the same, or how many rows are not."""

from datetime import UTC, date, datetime

import psycopg
import pytest

from include.build import build
from include.build.verify import verify
from include.errors import ProblemError, SettingError
from tests.dbt_project.conftest import ask, module_settings, module_warehouse  # noqa: F401
from tests.dbt_project.landing import land_calls

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_a_model_is_compared_with_what_a_full_build_would_make(
    module_warehouse,  # noqa: F811
    module_settings,  # noqa: F811
    ask,  # noqa: F811
):
    def land(*message_ids: str) -> None:
        calls = [{"messageId": each, "type": "track", "userId": "u1"} for each in message_ids]
        land_calls(module_warehouse, calls, received_at=AT)

    def build_it() -> None:
        build(
            module_warehouse, module_settings, requested_by="test",
            today=date(2026, 3, 11), say=lambda line: None,
        )  # fmt: skip

    def verify_it(model: str = "stg_segment__calls"):
        return verify(module_warehouse, module_settings, model, say=lambda line: None)

    with pytest.raises(ProblemError, match="`make build` first"):
        verify_it()
    land("m1", "m2")
    build_it()
    land("m3")
    with pytest.raises(ProblemError, match="`make build` first"):
        verify_it()
    build_it()
    found = verify_it()
    assert found.is_same
    assert str(found) == "staging.stg_segment__calls: 3 rows, as a full build would make them"

    # somebody writes into it by hand
    with psycopg.connect(module_warehouse) as connection:
        connection.execute(
            "update staging.stg_segment__calls set type = 'page' where message_id = 'm1'"
        )
        connection.execute("delete from staging.stg_segment__calls where message_id = 'm2'")
    found = verify_it()
    assert not found.is_same
    assert str(found) == (
        "staging.stg_segment__calls: 1 row stands there alone, 2 only in what a full build would"
        " make; of 2"
    )
    # nothing is left of it, and the truth is as it was
    assert ask("select nspname from pg_namespace where nspname like 'next%'") == []
    assert ask("select count(*) as marked from sync.model_marks where build_id = 0") == [
        {"marked": 0}
    ]
    with pytest.raises(SettingError, match="did you mean stg_segment__calls"):
        verify_it("stg_segment_call")
