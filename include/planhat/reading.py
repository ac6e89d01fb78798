"""Read Planhat into the warehouse: a folder of exports now, the live API beside it later."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import psycopg

from include.errors import ProblemError, ServiceError
from include.nearest import refuse_unknown
from include.planhat.check import Found
from include.planhat.columns import Columns
from include.planhat.deletions import Deletions
from include.planhat.exports import fields_in, look, objects_in
from include.planhat.models import BY_NAME, MODELS
from include.planhat.objects import (
    KEPT_SAMPLES,
    ModelRead,
    where,
    write_model,
    write_unknown_files,
)
from include.warehouse.connection import connect

# Seconds after which a read that takes long says how far it is.
SILENCE = 4.0

_COUNTS = (
    "considered",
    "added",
    "changed",
    "returned",
    "unchanged",
    "deleted",
    "rejected",
    "cells",
)


@dataclass(frozen=True)
class ReadReport:
    """What a read did, model by model. Printed, it is a table."""

    models: tuple[ModelRead, ...]
    # files that belong to no model, as "file: reason"
    unknown_files: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        """Everything that could not be loaded, unknown files included."""
        return sum(each.rejected for each in self.models) + len(self.unknown_files)

    @property
    def doubtful(self) -> list[str]:
        """The models that somebody should look at; everything else of the read is good."""
        return [each.model for each in self.models if each.is_doubtful]

    @property
    def has_nothing(self) -> bool:
        """True if there were objects, and none of them could be read."""
        return (
            bool(self.models)
            and not any(each.considered for each in self.models)
            and any(each.has_nothing for each in self.models)
        )

    @property
    def has_changed(self) -> bool:
        """True if the warehouse differs from before."""
        return any(each.added + each.changed + each.returned + each.deleted for each in self.models)

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Counts by model, for a task's value."""
        return {
            each.model: {
                column.name: getattr(each, column.name)
                for column in fields(each)
                if column.name not in ("model", "samples")
            }
            for each in self.models
        }

    def __str__(self) -> str:
        rows = [["model", *_COUNTS]]
        rows += [[each.model, *(f"{getattr(each, c):,}" for c in _COUNTS)] for each in self.models]
        rows.append(
            ["all", *(f"{sum(getattr(each, c) for each in self.models):,}" for c in _COUNTS)]
        )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if at == 0 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )


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
                _say(read, folder, say)
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


def _say(read: ModelRead, folder: Path, say: Callable[[str], None]) -> None:
    for sample in read.samples:
        say(f"! {sample}")
    more = read.rejected + read.cells - KEPT_SAMPLES
    if more > 0:
        say(f"! {read.origin}: {more:,} more rejects, all in raw_planhat.rejects")
    if read.cells == 1:
        say(f"! {read.origin}: 1 value was left out, and its object read without it")
    elif read.cells:
        say(f"! {read.origin}: {read.cells:,} values were left out, and their objects read without")
    if read.reason is not None:
        objects, were = ("objects", "were") if read.withheld > 1 else ("object", "was")
        not_in_it = "are not in it" if read.withheld > 1 else "is not in it"
        say(
            f"! {read.origin}: {read.withheld:,} {objects} that {not_in_it} {were} not marked "
            f"deleted, because {read.reason}. If gone all the same: "
            f'make planhat DIR="{folder}" DELETED={read.model}'
        )


def _as_said(found: Found) -> str:
    assert found.problem is not None
    return where(found.origin, found.line, found.problem.reason)
