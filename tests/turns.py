"""Which tests run in one process, and which of them begin: so that two processes end together."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

# What shares something that takes long to make: Airflow with the page, a built warehouse.
TOGETHER = (
    ("tests/plugins/", "tests/include/why/"),
    (
        "tests/dbt_project/test_changes.py",
        "tests/dbt_project/test_mutations.py",
        "tests/dbt_project/test_unit_tests.py",
        "tests/dbt_project/test_columns.py",
    ),
)

# By what they took when they were measured. Where a file is not named, its turn comes later.
LONGEST_FIRST = (
    "tests/dbt_project/test_increments.py",
    "tests/plugins/",
    "tests/dbt_project/test_changes.py",
    "tests/dbt_project/test_any_order.py",
    "tests/dbt_project/test_identity_settings.py",
    "tests/dbt_project/test_alerts_over_time.py",
    "tests/include/trying/test_trying.py",
    "tests/include/test_services.py",
    "tests/include/build/test_build.py",
    "tests/dbt_project/",
    "tests/include/cli/",
    "tests/dags/",
    "tests/include/collector/test_faults.py",
    "tests/include/collector/test_once.py",
    "tests/include/build/",
    "tests/include/segment_warehouse/",
    "tests/include/planhat/api/",
    "tests/include/push/",
)


def scope_of(nodeid: str) -> str:
    """What a test shares its process with: its file, or what that is named together with."""
    file = nodeid.partition("::")[0]
    return next(
        (starts[0] for starts in TOGETHER if file.startswith(starts)),
        file,
    )


def turn_of(nodeid: str) -> tuple[int, str]:
    """What tests are sorted by."""
    scope = scope_of(nodeid)
    places = (place for place, start in enumerate(LONGEST_FIRST) if scope.startswith(start))
    return next(places, len(LONGEST_FIRST)), scope


class Turns(LoadScopeScheduling):
    """Hands out whole scopes, in the order in which the tests were collected."""

    def __init__(self, config: Any, log: Any = None) -> None:
        # else those with the most tests come first, which are the quick ones
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)
