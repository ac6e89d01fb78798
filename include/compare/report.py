"""What a comparison found: counts, reasons and examples; as lines, and as JSON."""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from include.compare.days import Days
from include.compare.reasons import in_words

SECTIONS = ("endusers", "metrics", "activity")
OUTCOMES = {
    "equal": "Equal",
    "ours_only": "Ours only",
    "theirs_only": "Theirs only",
    "different": "Different",
}


@dataclass(frozen=True)
class Example:
    """One of those that differ. `object`: an id of Planhat's, or of whom we would create."""

    object: str
    company: str | None
    metric: str | None
    day: str | None
    ours: str | None
    theirs: str | None

    def __str__(self) -> str:
        named = [self.metric, self.object, f"in {self.company}" if self.company else None, self.day]
        values = [
            f"{whose} {value if '@' not in value else 'an address'}"
            for whose, value in (("ours", self.ours), ("theirs", self.theirs))
            if value is not None
        ]
        return " ".join(filter(None, named)) + (f": {', '.join(values)}" if values else "")


@dataclass(frozen=True)
class Reason:
    """Why so many of a section have an outcome."""

    outcome: str
    code: str
    count: int
    examples: tuple[Example, ...] = ()

    @property
    def meaning(self) -> str:
        """In words."""
        return in_words(self.code)[0]

    @property
    def remedy(self) -> str:
        """What to do."""
        return in_words(self.code)[1]


@dataclass(frozen=True)
class Section:
    """One section's counts."""

    name: str
    ours: int
    theirs: int
    equal: int = 0
    ours_only: int = 0
    theirs_only: int = 0
    different: int = 0
    reasons: tuple[Reason, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def adds_up(self) -> bool:
        """Whether each of ours, and each of theirs, has one outcome."""
        both = self.equal + self.different
        return both + self.ours_only == self.ours and both + self.theirs_only == self.theirs


@dataclass(frozen=True)
class Comparison:
    """The whole of it. Printed, it is a table and the reasons."""

    days: Days
    place: str
    sections: tuple[Section, ...]
    remarks: tuple[str, ...] = ()
    compared_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not any(each.ours_only + each.theirs_only + each.different for each in self.sections)

    @property
    def exit_code(self) -> int:
        """0: all equal; 2: look at it."""
        return 0 if self.is_equal else 2

    def as_dict(self, examples: int | None = None) -> dict[str, Any]:
        """As JSON has it; with no more than so many examples of each reason, where that is said."""
        return {
            "since": self.days.first.isoformat(),
            "until": self.days.last.isoformat(),
            "place": self.place,
            "compared_at": self.compared_at.isoformat(timespec="seconds"),
            "is_equal": self.is_equal,
            "remarks": list(self.remarks),
            "sections": [
                {
                    **asdict(each),
                    "reasons": [
                        {
                            **asdict(reason),
                            "meaning": reason.meaning,
                            "remedy": reason.remedy,
                            "examples": [asdict(one) for one in reason.examples[:examples]],
                        }
                        for reason in each.reasons
                    ],
                }
                for each in self.sections
            ],
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, *, with_examples: bool = True) -> list[str]:
        """The table, the reasons, and who they are about; without examples nobody is named."""
        lines = [f"{self.days} (UTC), ours beside {self.place}", "", *self._table()]
        for each in self.sections:
            for outcome, said in OUTCOMES.items():
                reasons = [reason for reason in each.reasons if reason.outcome == outcome]
                if reasons:
                    lines += ["", f"{each.name}, {said.lower()}"]
                for reason in reasons:
                    lines.append(f"  {reason.count:>7,}  {reason.code}: {reason.meaning}")
                    if reason.remedy:
                        lines.append(f"           → {reason.remedy}")
                    if with_examples:
                        lines += [f"           {example}" for example in reason.examples]
        remarks = [
            *self.remarks,
            *(f"{s.name}: {said}" for s in self.sections for said in s.remarks),
        ]
        if remarks:
            lines += ["", *(f"! {said}" for said in remarks)]
        return lines

    def _table(self) -> list[str]:
        rows = [["Section", *OUTCOMES.values()]]
        rows += [
            [each.name, *(f"{getattr(each, outcome):,}" for outcome in OUTCOMES)]
            for each in self.sections
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if at == 0 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return [lines[0], "─" * len(lines[0]), *lines[1:]]


def section_of(
    connection: psycopg.Connection,
    name: str,
    ours: int,
    theirs: int,
    remarks: list[str],
    *,
    examples: int,
) -> Section:
    """A section from its rows of `outcome`, with so many examples of each reason."""
    counted = connection.execute(
        "select outcome, reason, count(*) from outcome where section = %s"
        " group by outcome, reason order by outcome, count(*) desc, reason",
        [name],
    ).fetchall()
    shown: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for outcome, reason, *example in connection.execute(
        """
        select outcome, reason, object, company, metric, day::text, ours, theirs from (
            select
                *,
                row_number() over (
                    partition by outcome, reason order by day desc nulls last, metric, object
                ) as place
            from outcome
            where section = %s and outcome <> 'equal'
        ) as placed
        where place <= %s
        order by outcome, reason, place
        """,
        [name, examples],
    ):
        shown[outcome, reason].append(Example(*example))
    counts: dict[str, int] = defaultdict(int)
    for outcome, _, count in counted:
        counts[outcome] += count
    reasons = tuple(
        Reason(outcome, reason, count, tuple(shown[outcome, reason]))
        for outcome, reason, count in counted
        if outcome != "equal"
    )
    return Section(name, ours, theirs, reasons=reasons, remarks=tuple(remarks), **counts)
