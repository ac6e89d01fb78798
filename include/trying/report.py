"""What a try found, for people: a table in the terminal, Markdown for a pull request, JSON.

In Markdown nothing of a person's stands unless it is asked for: no value of a column that holds
people's data, and of tables with such columns no text at all but ids of ours.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from include.counting import counted
from include.trying.moved import Move
from include.trying.rows import RowExample, TableDiffers
from include.trying.trying import Tried

# GitHub takes 65,536 characters of a comment.
LONGEST = 60_000
HIDDEN = "(hidden)"
# Texts that say nothing of anybody, in tables with people too.
_OURS = {
    "object_id", "planhat_id", "company_id", "enduser_id", "asset_id", "project_id", "object_type",
    "event", "type", "model", "reason", "matched_by", "company_matched_by", "trend", "kind",
    "origin", "metric", "aggregation", "dimension", "finding", "day", "activity_date", "opened_on",
    "closed_on", "as_of_date", "keyset", "mention",
}  # fmt: skip
_SHOWN = 80
NOTHING = (
    "Nothing outside differs: the next push, whose events these are, every number and every table "
    "that is read are the same."
)


class _Teller:
    """Says values, and hides those of people where nobody asked for them."""

    def __init__(self, tried: Tried, *, personal: bool) -> None:
        self._tried, self._personal = tried, personal

    def value(self, relation: str, column: str, value: Any) -> str:
        """A value of a column, in a few characters."""
        if self._is_hidden(relation, column.split(".", maxsplit=1)[0], value):
            return HIDDEN
        if isinstance(value, str):
            text = value
        else:
            text = json.dumps(value, ensure_ascii=False, default=str)
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"

    def _is_hidden(self, relation: str, column: str, value: Any) -> bool:
        if self._personal or value is None or isinstance(value, bool | int | float):
            return False
        if column in self._tried.personal:
            return True
        return relation in self._tried.of_people and column not in _OURS


def as_dict(tried: Tried) -> dict[str, Any]:
    """All of it as JSON has it, people's data included."""
    found = asdict(tried)
    del found["personal"], found["of_people"]
    return {
        "differs_outside": tried.differs_outside,
        "exit_code": tried.exit_code,
        **json.loads(json.dumps(found, default=str)),
    }


def lines(tried: Tried, *, personal: bool = False) -> list[str]:
    """For a terminal."""
    return [line for _, said in _sections(tried, personal=personal) for line in ("", *said)][1:]


def markdown(tried: Tried, *, personal: bool = False) -> str:
    """For a pull request: what matters at a glance, and the rest folded."""
    sections = list(_sections(tried, personal=personal))
    head = [
        "### What this would change",
        "",
        *(f"- {_escaped(line)}" for line in _glance(tried)),
        "",
        f"<sub>Beside build {tried.build_id}, as of {tried.as_of}. Tried: "
        + _escaped("; ".join(tried.what) or "nothing")
        + f". {tried.seconds:.0f} s.</sub>",
        "",
    ]
    parts = ["\n".join(head)]
    room = LONGEST - len(parts[0]) - 200
    for title, said in sections:
        body = "\n".join(line.replace("```", "'''") for line in said[1:])
        part = f"<details><summary>{_escaped(title)}</summary>\n\n```\n{body}\n```\n\n</details>\n"
        if len(part) > room:
            kept = body[: max(room - 400, 0)].rsplit("\n", 1)[0]
            part = (
                f"<details><summary>{_escaped(title)}</summary>\n\n```\n{kept}\n```\n\n"
                "There is more: `make try JSON=file` has all of it.\n\n</details>\n"
            )
            parts.append(part)
            break
        parts.append(part)
        room -= len(part)
    return "\n".join(parts)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;")


def _glance(tried: Tried) -> Iterator[str]:
    """A line a subject, the outermost first."""
    if not tried.differs_outside:
        yield NOTHING
        return
    objects = sum(each.added + each.changed + each.removed for each in tried.pushed)
    yield (
        f"The next push would say {counted(objects, 'object')} otherwise than now"
        + (f" ({', '.join(sorted({each.model for each in tried.pushed}))})" if tried.pushed else "")
    )
    for each in tried.pushed:
        yield from (f"{each.model}: {problem}" for problem in each.problems)
    yield f"{counted(tried.moved.events, 'event')} would be somebody else's" + _people(tried)
    if tried.numbers:
        yield "Numbers: " + ", ".join(f"{each.name} of {each.objects:,}" for each in tried.numbers)
    outside = [each for each in tried.tables if each.is_outside]
    if outside:
        yield f"Rows of {counted(len(outside), 'table')} that are read outside differ"
    if tried.failed_tests:
        yield f"{counted(len(tried.failed_tests), 'test', ('fails', 'fail'))}"


def _people(tried: Tried) -> str:
    added, gone = tried.moved.endusers_added, tried.moved.endusers_gone
    said = [f"{counted(added, 'enduser')} would come"] if added else []
    said += [f"{counted(gone, 'enduser')} would disappear"] if gone else []
    return f"; {', '.join(said)}" if said else ""


def _sections(tried: Tried, *, personal: bool) -> Iterator[tuple[str, list[str]]]:
    """`(title, lines)`, the first line being the title."""
    teller = _Teller(tried, personal=personal)
    sections: list[tuple[str, list[str]]] = [
        ("At a glance", [f"  {line}" for line in _glance(tried)]),
        ("What would be pushed otherwise", list(_pushed(tried, teller))),
        ("Whose events these would be", list(_moved(tried))),
        ("Numbers, the largest differences first", list(_numbers(tried))),
        ("Rows that differ", [line for each in tried.tables for line in _table(each, teller)]),
        ("Tests that fail", [f"  {each.name}: {each.message}" for each in tried.failed_tests]),
    ]
    for title, said in sections:
        if said:
            yield title, [title, *said]


def _pushed(tried: Tried, teller: _Teller) -> Iterator[str]:
    if tried.pushed:
        yield f"  {'':24}{'added':>9}{'changed':>9}{'removed':>9}"
    to = None
    for each in tried.pushed:
        if each.to != to:
            yield f"  to {each.to}"
            to = each.to
        yield f"    {each.model:22}{each.added:>9,}{each.changed:>9,}{each.removed:>9,}"
        yield from (f"      ! {problem}" for problem in each.problems)
        if each.ids:
            yield f"      such as {', '.join(each.ids)}"
        folder = "planhat" if f"to_planhat.{each.model}" not in tried.of_people else "to_planhat"
        for field in each.fields[:20]:
            yield f"      {field.name}: of {counted(field.objects, 'object')}"
            for one in field.examples:
                relation = f"{folder}.{each.model}"
                before = teller.value(relation, field.name, one.before)
                after = teller.value(relation, field.name, one.after)
                yield f"        {one.object_id}: {before} → {after}"
        if len(each.fields) > 20:
            yield f"      and {counted(len(each.fields) - 20, 'field')} more"


def _moved(tried: Tried) -> Iterator[str]:
    moved = tried.moved
    for reason, events in moved.by_reason:
        yield f"  {events:>9,}  {reason}"
    for each in moved.largest:
        yield f"  {each.events:>9,}  {_owner(each, 'before')} → {_owner(each, 'after')}"
    if moved.pairs > len(moved.largest):
        yield f"  and {counted(moved.pairs - len(moved.largest), 'pair')} more of from and to"


def _owner(move: Move, side: str) -> str:
    enduser = getattr(move, f"enduser_{side}")
    company = getattr(move, f"company_{side}")
    reason = getattr(move, f"reason_{side}")
    named = f"enduser {enduser}" if enduser else f"company {company}" if company else "nobody"
    return f"{named} ({reason})" if reason else named


def _numbers(tried: Tried) -> Iterator[str]:
    for each in tried.numbers:
        yield f"  {each.name}: of {each.objects:,}"
        for number in each.largest:
            yield f"    {number.of}: {number.before or 'none'} → {number.after or 'none'}"


def _table(table: TableDiffers, teller: _Teller) -> Iterator[str]:
    yield (
        f"  {table.relation}: {table.added:,} added, {table.changed:,} changed, {table.gone:,} gone"
    )
    if table.other_columns:
        yield f"    columns: {', '.join(table.other_columns)}"
    if table.columns:
        named = [f"{column} ({rows:,})" for column, rows in list(table.columns.items())[:8]]
        yield f"    in {', '.join(named)}"
    for example in table.examples:
        yield f"    {_example(table.relation, example, teller.value)}"


def _example(relation: str, example: RowExample, tell: Callable[[str, str, Any], str]) -> str:
    key = ", ".join(tell(relation, name, value) for name, value in example.key.items())
    before, after = example.before, example.after
    if before is not None and after is not None:
        differs = "; ".join(
            f"{name} {tell(relation, name, before[name])} → {tell(relation, name, after[name])}"
            for name in list(after)[:4]
        )
        return f"{key}: {differs}"
    row = after if before is None else before
    assert row is not None
    sign = "+" if before is None else "-"
    rest = [name for name, value in row.items() if name not in example.key and value is not None]
    said = ", ".join(f"{name} {tell(relation, name, row[name])}" for name in rest[:4])
    return f"{sign} {key}{': ' if key and said else ''}{said}"
