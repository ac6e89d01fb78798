"""Landing files of Segment calls, exactly once however often they are loaded."""

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from include.collector.event import Bad, Envelope, Row, read_event
from include.collector.intake import Intake, now
from include.collector.landing import Outcome, Parcel
from include.collector.options import WEBHOOK_LIMITS
from include.collector.sources import must_exist
from include.errors import ProblemError

# Calls of one transaction.
STEP = 5_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Loaded:
    """What became of calls: `calls` = `landed` + `duplicates` + `quarantined`."""

    calls: int = 0
    landed: int = 0
    duplicates: int = 0
    quarantined: int = 0

    @classmethod
    def of(cls, outcome: Outcome) -> "Loaded":
        """The figures of one outcome."""
        bad = len(outcome.quarantined)
        calls = outcome.accepted + outcome.duplicates + bad
        return cls(calls, outcome.accepted, outcome.duplicates, bad)

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(
            self.calls + other.calls,
            self.landed + other.landed,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
        )

    def __str__(self) -> str:
        return (
            f"{self.calls:,} calls: {self.landed:,} landed, {self.duplicates:,} were there, "
            f"{self.quarantined:,} quarantined"
        )


def load_files(url: str, files: Iterable[str | Path], source: str, say: Say = print) -> Loaded:
    """Land files of calls, one JSON object a line (`.gz` is decompressed), as calls of `source`.

    A bad line goes to the quarantine with its file and line, the rest lands; loading a file again
    lands nothing twice. Raises `ProblemError` before anything is landed when a file or the source
    is not there, `ServiceError` when Postgres does not answer.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        if not path.is_file():
            raise ProblemError(f"There is no file {path}.")
    must_exist(url, source)
    return asyncio.run(_load_files(url, paths, source, say))


async def _load_files(url: str, paths: list[Path], source: str, say: Say) -> Loaded:
    total = Loaded()
    intake = Intake(url, application_name="load")
    await intake.start()
    try:
        for path in paths:
            done = Loaded()
            for step in _steps(path):
                done += Loaded.of(await intake.land(_parcel(path, step, source)))
            say(f"{path.name}: {done}")
            total += done
    finally:
        await intake.stop()
    return total


def _parcel(path: Path, lines: list[tuple[int, bytes]], source: str) -> Parcel:
    rows: list[Row] = []
    wrong: list[Bad] = []
    for number, line in lines:
        if not (raw := line.strip()):
            continue
        found = read_event(raw, number, source, Envelope(), WEBHOOK_LIMITS)
        if isinstance(found, Row):
            rows.append(found)
        else:
            wrong.append(found._replace(detail=f"{path.name} line {number}: {found.detail}"))
    return Parcel(source, rows, wrong, now())


def _steps(path: Path) -> Iterator[list[tuple[int, bytes]]]:
    # A file that breaks off: first what was read of it, then the reason.
    step: list[tuple[int, bytes]] = []
    try:
        for numbered in enumerate(_lines(path), start=1):
            step.append(numbered)
            if len(step) == STEP:
                yield step
                step = []
    except ProblemError:
        if step:
            yield step
        raise
    if step:
        yield step


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise ProblemError(
            f"{path} cannot be read on: {error}. What was before it landed."
        ) from None
