"""What a build sees beside calls and objects: the day, the settings, the code."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from include.build import project

# The tables whose rows are settings of a build: written down whole with each build.
SETTINGS_TABLES = (
    "switches", "company_metrics", "key_names", "object_keys", "blocked_identities", "excluded",
    "company_aliases", "usage_events", "thresholds",
)  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    as_of: date
    # by somebody, to look at another day
    is_as_of_set: bool
    settings: dict[str, Any]
    code_fingerprint: str


def read_inputs(holder: psycopg.Connection, as_of: date, *, is_set: bool) -> Inputs:
    rows = {
        table: holder.execute(
            sql.SQL(
                "select coalesce(jsonb_agg(to_jsonb(each) order by to_jsonb(each)), '[]')"
                " from sync.{} as each"
            ).format(sql.Identifier(table))
        ).fetchone()[0]  # type: ignore[index]
        for table in SETTINGS_TABLES
    }
    rows["sources"] = holder.execute(
        "select coalesce(jsonb_agg(jsonb_build_object('source', source, 'kind', kind,"
        " 'original_timestamp_first', original_timestamp_first) order by source), '[]')"
        " from raw_segment.sources"
    ).fetchone()[0]  # type: ignore[index]
    return Inputs(as_of, is_set, rows, project.fingerprint())
