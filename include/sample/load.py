"""Put the sample customer base into a warehouse."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include.errors import ProblemError
from include.planhat.reading import ReadReport, read_folder
from include.sample import accounts, base_date
from include.sample.days import Days
from include.sample.declared import declare
from include.sample.exports import write_earlier_exports, write_exports
from include.warehouse.connection import connect


@dataclass(frozen=True)
class Loaded:
    """The sample's base date in this warehouse, and what the read changed."""

    base_date: date
    report: ReadReport
    # True if the warehouse had no sample before
    is_first: bool


def load(
    url: str,
    folder: Path,
    *,
    say: Callable[[str], None] = print,
    on: date | None = None,
) -> Loaded:
    """Write the sample's exports into `folder`, read them into the warehouse, make its settings.

    The first load fixes the base date (`on`, else the last whole UTC day) and first reads a few
    objects that Planhat deletes before the second read: the cases about deleted ones need them.
    Every later load finds the stored date, writes the same bytes and changes nothing. Interrupted
    anywhere and run again, it ends the same. Raises `ProblemError` when the warehouse holds other
    companies, which reading the sample would mark deleted, and what `read_folder` raises.
    """
    _check_holds_nothing_else(url)
    stored = base_date.stored(url)
    day = stored or on or base_date.for_first_load()
    if stored is None:
        with tempfile.TemporaryDirectory() as earlier:
            write_earlier_exports(Path(earlier), day)
            read_folder(url, Path(earlier), say=say)
    write_exports(folder, day)
    report = read_folder(url, folder, say=say)
    declare(url)
    return Loaded(day, report, stored is None)


def _check_holds_nothing_else(url: str) -> None:
    days = Days(date(2026, 1, 1))  # ids do not depend on it
    own = [each["_id"] for each in (*accounts.companies(days), *accounts.gone_companies(days))]
    with connect(url, application_name="sample", autocommit=True) as connection:
        row = connection.execute(
            "select count(*) from raw_planhat.objects where model = 'company'"
            " and deleted_at is null and planhat_id <> all(%s)",
            [own],
        ).fetchone()
    if row and row[0]:
        raise ProblemError(
            f"This warehouse holds {row[0]:,} companies that are not the sample's: the sample is "
            "for a warehouse of its own (another DATA_DIR, or `make clean`)."
        )
