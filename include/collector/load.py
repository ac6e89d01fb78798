"""Landing files of Segment calls, exactly once however often they are loaded."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from include.collector.event import Bad, Row, read_wanted
from include.collector.files import BrokenOff, Call, calls_of, must_hold_calls
from include.collector.intake import Intake, now
from include.collector.landing import Outcome, Parcel
from include.collector.made_ids import MadeIds, file_name
from include.collector.options import WEBHOOK_LIMITS
from include.collector.privacy import PrivacySettings
from include.collector.screening import Screen
from include.collector.sources import must_exist
from include.counting import counted
from include.errors import ProblemError

# Calls of one transaction, and bytes after which one of fewer calls is full.
STEP = 5_000
STEP_BYTES = 8 * 1024 * 1024

Say = Callable[[str], None]


@dataclass(frozen=True)
class Loaded:
    """What became of calls: `calls` is the sum of the others."""

    calls: int = 0
    landed: int = 0
    duplicates: int = 0
    quarantined: int = 0
    turned_away: int = 0

    @classmethod
    def of(cls, outcome: Outcome) -> "Loaded":
        """The figures of one outcome."""
        bad, gone = len(outcome.quarantined), outcome.turned_away
        calls = outcome.accepted + outcome.duplicates + bad + gone
        return cls(calls, outcome.accepted, outcome.duplicates, bad, gone)

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(
            self.calls + other.calls,
            self.landed + other.landed,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
            self.turned_away + other.turned_away,
        )

    def __str__(self) -> str:
        return (
            f"{counted(self.calls, 'call')}: {self.landed:,} landed, "
            f"{were_there(self.duplicates)}, {self.quarantined:,} quarantined"
            f"{were_turned_away(self.turned_away)}"
        )


def were_there(duplicates: int) -> str:
    """How many calls landed before."""
    return f"{duplicates:,} {'was' if duplicates == 1 else 'were'} there"


def were_turned_away(calls: int) -> str:
    """How many calls were of suppressed people, behind other figures; nothing for none."""
    return f", {calls:,} turned away" if calls else ""


def load_files(url: str, files: Iterable[str | Path], source: str, say: Say = print) -> Loaded:
    """Land files of calls (include/collector/files.py says in which forms) as calls of `source`.

    A bad call goes to the quarantine with its file and line, the rest lands; loading a file again,
    or a longer version of it, lands nothing twice. Raises `ProblemError` before anything is landed
    when a file or the source is not there or a file is none of calls, and in the end for a file
    that breaks off: what was before that landed, and so did the other files. Raises `ServiceError`
    when Postgres does not answer.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        if not path.is_file():
            raise ProblemError(f"There is no file {path}.")
        must_hold_calls(path)
    must_exist(url, source)
    return asyncio.run(_load_files(url, paths, source, say))


async def _load_files(url: str, paths: list[Path], source: str, say: Say) -> Loaded:
    total = Loaded()
    broken: list[str] = []
    privacy = PrivacySettings(url)
    intake = Intake(url, application_name="load", privacy=privacy)
    await intake.start()
    try:
        for path in paths:
            done = Loaded()
            ids = MadeIds(source, file_name(path))
            try:
                for step in _steps(path):
                    screen = (await privacy.must_be_known()).screen(source)
                    parcel = _parcel(path, step, ids, source, screen)
                    done += Loaded.of(await intake.land(parcel))
            except BrokenOff as error:
                broken.append(str(error))
            say(f"{path.name}: {done}")
            total += done
    finally:
        await intake.stop()
        await privacy.stop()
    if broken:
        raise ProblemError(" ".join(broken))
    return total


def _parcel(path: Path, calls: list[Call], ids: MadeIds, source: str, screen: Screen) -> Parcel:
    rows: list[Row] = []
    wrong: list[Bad] = []
    made_before, at = ids.made, now()
    for place, call in enumerate(calls):
        found = read_wanted(call.raw, place, ids, call.envelope, WEBHOOK_LIMITS, screen, at)
        if isinstance(found, Row):
            rows.append(found)
        elif found is not None:
            wrong.append(found._replace(detail=f"{path.name} line {call.line}: {found.detail}"))
    gone = len(calls) - len(rows) - len(wrong)
    made = ids.made - made_before
    return Parcel(source, rows, wrong, at, made_ids=made, turned_away=gone)


def _steps(path: Path) -> Iterator[list[Call]]:
    # A file that breaks off: first what was read of it, then the reason.
    step: list[Call] = []
    size = 0
    try:
        for call in calls_of(path):
            step.append(call)
            size += call.size
            if len(step) == STEP or size >= STEP_BYTES:
                yield step
                step, size = [], 0
    except BrokenOff:
        if step:
            yield step
        raise
    if step:
        yield step
