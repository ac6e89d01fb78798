"""Read a folder of Planhat's exports into the warehouse. The live API: `api/reading.py`."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import psycopg

from include.errors import ProblemError, ServiceError
from include.nearest import refuse_unknown
from include.planhat.check import Found
from include.planhat.columns import Columns
from include.planhat.deletions import Deletions
from include.planhat.exports import fields_in, look, objects_in
from include.planhat.models import BY_NAME, MODELS
from include.planhat.objects import where, write_model, write_unknown_files
from include.planhat.report import ReadReport, say_read
from include.warehouse.connection import connect

# Seconds after which a read that takes long says how far it is.
SILENCE = 4.0


def read_folder(
    url: str,
    folder: Path,
    *,
    say: Callable[[str], None] = print,
    deletions: Deletions = "guarded",
    gone: Collection[str] = (),
    decimal_mark: str | None = None,
) -> ReadReport:
    """Load a folder of exports; a model without a file is not read, and nothing of it deleted.

    `url` is the warehouse's, `deletions` what becomes of objects that are gone from a file that was
    read (see `deletions.Deletions`); `gone` names the models of which somebody says that what is
    missing is gone. `decimal_mark` is what begins decimals in all of these files, where somebody
    says that. Every reject is in `raw_planhat.rejects`; the first of each model are said. Each
    model is a transaction: interrupted and run again, it ends the same. Raises `ProblemError` when
    there is no such folder or nothing in it is an export, `ServiceError` when Postgres fails.
    """
    folder = Path(folder)
    refuse_unknown(gone, BY_NAME, "model")
    held = look(folder)
    reads = []
    with connect(url, application_name="read planhat", autocommit=True) as connection:
        try:
            write_unknown_files(connection, held.unknown)
            for each in held.unknown:
                say(f"! {_as_said(each)}")
            for name, paths in held.files.items():
                origin = ", ".join(path.name for path in paths)
                model = BY_NAME[name]
                columns = Columns(model, fields_in(model, paths))
                found = (
                    each
                    for path in paths
                    for each in objects_in(model, path, columns, decimal_mark)
                )
                read = write_model(
                    connection, model, origin, _counted(origin, found, say), columns=columns,
                    deletions="always" if name in gone else deletions,
                )  # fmt: skip
                say_read(read, f'make planhat DIR="{folder}"', say)
                reads.append(read)
        except psycopg.Error as error:
            raise ServiceError(
                f"Postgres stopped the read of {folder.name}: {str(error).splitlines()[0]}. "
                "What was read before stays; run it again."
            ) from None
    if not reads:
        names = f"{MODELS[0].path}.jsonl, {MODELS[1].path}.csv …"
        held_what = f"{len(held.unknown)} other files" if held.unknown else "nothing"
        if len(held.unknown) == 1:
            held_what = held.unknown[0].origin
        raise ProblemError(
            f"Nothing was read: no file in {folder} is a Planhat export (they are named {names}); "
            f"it holds {held_what}."
        )
    return ReadReport(tuple(reads), tuple(_as_said(each) for each in held.unknown))


def _counted(origin: str, found: Iterable[Found], say: Callable[[str], None]) -> Iterator[Found]:
    """The same, with a line every few seconds for those who watch a large file being read."""
    said = time.monotonic()
    for number, each in enumerate(found, 1):
        yield each
        if time.monotonic() - said > SILENCE:
            said = time.monotonic()
            say(f"  {origin}: {number:,} objects so far")


def _as_said(found: Found) -> str:
    assert found.problem is not None
    return where(found.origin, found.line, found.problem.reason)
