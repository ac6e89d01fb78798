"""Receipts: what was forgotten, when, by whom, proved by hashes, and naming nobody.

Kept in the warehouse, and as files beside it (`DATA_DIR/receipts`): a backup that is restored has
not the receipts of what was forgotten after it, and brings their people back.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.errors import ProblemError
from include.private_files import open_private
from include.warehouse.reading import plain

FOLDER = "receipts"
_COLUMNS = "receipt, requested_by, reason, occasion, requested_at, finished_at, hashes, done"


def receipts(connection: psycopg.Connection, names: Iterable[str] = ()) -> list[dict[str, Any]]:
    """All that are finished, or those of these names; newest first, as JSON can carry them."""
    wanted = list(names)
    rows = connection.execute(
        f"select {_COLUMNS} from sync.forgettings"  # noqa: S608
        " where finished_at is not null"
        " and (%(wanted)s::text[] = '{}' or receipt = any (%(wanted)s))"
        " order by forgetting_id desc",
        {"wanted": wanted},
    ).fetchall()
    found = [plain(dict(zip(_COLUMNS.split(", "), row, strict=True))) for row in rows]
    others = of_others(connection, [each["receipt"] for each in found])
    return [{**each, "elsewhere": others.get(each["receipt"], [])} for each in found]


def of_others(connection: psycopg.Connection, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What Segment and Planhat were asked for, by receipt: how many ids, and what became of it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            select
                receipt, system, kind, state, regulation_id as regulation, status, detail,
                count(*) as ids, min(asked_at) as asked_at, max(answered_at) as answered_at
            from sync.removals inner join sync.forgettings using (forgetting_id)
            where receipt = any (%s)
            group by 1, 2, 3, 4, 5, 6, 7 order by max(removal_id)
            """,
            [names],
        ).fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row.pop("receipt"), []).append(plain(row))
    return found


def keep_as_files(data_dir: Path, said: Iterable[dict[str, Any]]) -> list[Path]:
    """Write each into the folder of receipts, for its owner alone; where they are."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    for each in said:
        file = folder / f"{each['receipt']}.json"
        with open_private(file) as opened:
            json.dump(each, opened, indent=2, sort_keys=True)
            opened.write("\n")
        written.append(file)
    return written


def all_hashes(connection: psycopg.Connection, data_dir: Path) -> set[str]:
    """The hashes of everybody who was ever forgotten: of the warehouse, and of the files.

    Raises `ProblemError` naming a file that cannot be read.
    """
    found = {
        each
        for (hashes,) in connection.execute(
            "select hashes from sync.forgettings where finished_at is not null"
        )
        for each in hashes
    }
    for file in sorted((data_dir / FOLDER).glob("*.json")):
        found.update(_hashes_of(file))
    return found


def _hashes_of(file: Path) -> list[str]:
    try:
        return [str(each) for each in json.loads(file.read_text(encoding="utf-8"))["hashes"]]
    except (OSError, ValueError, KeyError, TypeError):
        # without it somebody would stay who was forgotten
        raise ProblemError(
            f"{file} is no receipt that can be read: put it right from a copy, or take it away."
        ) from None
