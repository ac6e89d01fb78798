"""What a read did, and how it is said."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from include.planhat.objects import KEPT_SAMPLES, ModelRead

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
class Unread:
    """A model that could not be read, and why. `is_missed`: the warehouse has objects of it."""

    model: str
    reason: str
    is_missed: bool


@dataclass(frozen=True)
class ReadReport:
    """What a read did, model by model. Printed, it is a table."""

    models: tuple[ModelRead, ...]
    # files that belong to no model, as "file: reason"
    unknown_files: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()

    @property
    def rejected(self) -> int:
        """Everything that could not be loaded, unknown files included."""
        return sum(each.rejected for each in self.models) + len(self.unknown_files)

    @property
    def doubtful(self) -> list[str]:
        """The models that somebody should look at; everything else of the read is good."""
        return [each.model for each in self.models if each.is_doubtful] + [
            each.model for each in self.unread if each.is_missed
        ]

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


def say_read(read: ModelRead, command: str, say: Callable[[str], None]) -> None:
    """Say what somebody may want to look at. `command` reads the same again."""
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
            f"{command} DELETED={read.model}"
        )
