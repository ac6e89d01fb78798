"""What forgetting somebody would take away, counted before anything is done."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from include.privacy.forgetting import built, calls, files, rows
from include.privacy.forgetting.person import Person
from include.privacy.forgetting.words import Words

OUT_OF_REACH = (
    "backups, exports and plans that somebody has written elsewhere, the files of Planhat's "
    "exports, and what other systems were sent"
)


@dataclass(frozen=True)
class Plan:
    """How much of everything there is."""

    people: tuple[Person, ...]
    calls: int
    # of others that name them: they stay, without them
    mentions: int
    rows: dict[str, int] = field(default_factory=dict)
    # what a destination has acknowledged of them, by destination and model
    sent: dict[str, int] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    spooled: int = 0

    def lines(self) -> list[str]:
        """In words, a line each."""
        unknown = [each.asked for each in self.people if not each.is_known]
        said = [f"nobody is known as {each}" for each in unknown]
        if len(unknown) == len(self.people):
            return said
        said += [f"calls: {self.calls:,}", f"calls of others that name them: {self.mentions:,}"]
        said += [f"rows of {table}: {count:,}" for table, count in self.rows.items()]
        said += [f"objects at {name}: {count:,}" for name, count in self.sent.items()]
        said += [f"places in the file {name}: {count:,}" for name, count in self.files.items()]
        if self.spooled:
            said.append(
                f"files of calls that wait for the warehouse: {self.spooled:,}; they land first"
            )
        return [*said, f"out of reach: {OUT_OF_REACH}"]


def plan_for(connection: psycopg.Connection, data_dir: Path, people: Iterable[Person]) -> Plan:
    """Count what there is of them. Nothing is written."""
    everybody = tuple(people)
    words = Words(frozenset().union(*(each.identifiers for each in everybody)))
    if not words.identifiers:
        return Plan(everybody, 0, 0)
    with connection.transaction(force_rollback=True):
        theirs = calls.select_calls(connection, everybody)
        mentions = calls.select_mentions(connection, words)
        counted = {
            **built.count_built(connection, everybody),
            **rows.count_rows(connection, words),
        }
        sent = connection.execute(
            "select destination || ', ' || model, count(*) from sync.objects"
            " where object_id = any (%(ids)s) or user_id = any (%(ids)s)"
            " or anonymous_id = any (%(ids)s) group by 1 order by 1",
            {"ids": sorted(words.identifiers)},
        ).fetchall()
    return Plan(
        everybody, theirs, mentions, counted, dict(sent),
        files.count_in_files(data_dir, words), files.waiting_in_the_spool(data_dir, words),
    )  # fmt: skip
