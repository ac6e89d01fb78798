"""What a build sees beside calls and objects: the day, the settings, the code."""

import functools
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

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
    # how often settings were written before they were read
    setting_changes: int
    code_fingerprint: str
    # of the dbt project, each with a hash (`project.files`)
    files: dict[str, str]


def read_inputs(holder: psycopg.Connection, as_of: date, *, is_set: bool) -> Inputs:
    return Inputs(as_of, is_set, *read_settings(holder), *_read_code(holder))


def read_settings(holder: psycopg.Connection) -> tuple[dict[str, Any], int]:
    """The rows of all settings by table, and how often settings were written before."""
    (changes,) = holder.execute("select last_value from sync.setting_changes").fetchone()  # type: ignore[misc]
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
    return rows, changes


def _read_code(holder: psycopg.Connection) -> tuple[str, dict[str, str]]:
    """The fingerprint of the dbt project, and its files; looked at once for what they hold."""
    content_hash = project.content_hash()
    row = holder.execute(
        "select code_fingerprint, files from sync.project_files where content_hash = %s",
        [content_hash],
    ).fetchone()
    if row is not None:
        return row[0], row[1]
    files = _files_of(content_hash)
    holder.execute(
        "insert into sync.project_files (content_hash, code_fingerprint, files)"
        " values (%s, %s, %s) on conflict do nothing",
        [content_hash, project.fingerprint(files), Jsonb(files)],
    )
    return project.fingerprint(files), files


@functools.lru_cache(maxsize=1)
def _files_of(content_hash: str) -> dict[str, str]:
    """Read once a process for each state of the project: 160 YAML files take a second."""
    return project.files()
