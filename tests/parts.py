"""Which tests are run: FAST=1, PART= and LONG=1 of `make test`."""

import os
from typing import TypeVar

Part = TypeVar("Part")

# What takes long for its value (hundreds of worlds, of kills) runs a seeded part each time, and
# whole with LONG=1.
IS_LONG = os.environ.get("LONG") == "1"

# Each test file is of the first part that one of these is the beginning of its path.
PARTS = {
    "collector": ("tests/include/collector/", "tests/include/segment_warehouse/"),
    "dbt": (
        "tests/dbt_project/",
        "tests/include/test_build",
        "tests/include/build/",
        "tests/include/trying/",
        "tests/include/test_rules",
    ),
    "push": ("tests/include/push/", "tests/dags/", "tests/include/test_usage_alerts"),
    "page": ("tests/include/page/", "tests/plugins/", "tests/include/why/"),
    "planhat": (
        "tests/include/planhat/",
        "tests/include/played_planhat/",
        "tests/include/compare/",
    ),
    "docs": ("tests/test_docs",),
    "house": ("tests/",),
}


def usually(part: Part, whole: Part) -> Part:
    """`part`, or with LONG=1 `whole`: so many worlds, kills, seeds."""
    return whole if IS_LONG else part


def part_of(path: str) -> str:
    """The part of a test file, by its path from the repository's root."""
    return next(part for part, starts in PARTS.items() if path.startswith(starts))
