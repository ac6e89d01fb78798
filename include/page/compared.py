"""The last comparison of what Planhat has with ours, as `make compare` kept it."""

from typing import Any

import psycopg

from include.warehouse.reading import one, shortened
from include.why.asking import HIDDEN


def last(connection: psycopg.Connection, *, with_persons: bool) -> dict[str, Any]:
    """`{"comparison": …}`, None before the first: its days, and `sections` with counts and reasons.

    What endusers are called by is told only to who may see it (`with_persons`).
    """
    kept = one(
        connection,
        "select found, requested_by from sync.comparisons order by comparison_id desc limit 1",
    )
    if kept is None:
        return {"comparison": None}
    found = kept["found"]
    for section in found["sections"]:
        for reason in section["reasons"]:
            for example in reason["examples"]:
                for key in ("object", "metric", "ours", "theirs"):
                    example[key] = shortened(example[key], 100)
                if section["name"] == "endusers" and not with_persons:
                    for key in ("ours", "theirs"):
                        example[key] = example[key] and HIDDEN
    return {"comparison": {**found, "requested_by": kept["requested_by"]}}
