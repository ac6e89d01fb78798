"""What dbt says of a node that failed, in one line: why, and with which row if Postgres tells.

A database's message may quote a value: of each no more than its beginning is kept.
"""

import re

from include.warehouse import problems

# dbt's heading; the node is named by whoever asks.
_HEADING = re.compile(r"^[\w ]*(Error|Failure)( in \w+ \S+( \(.+\))?)?$")
# What is no reason: dbt's, and the parts of Postgres's message that quote our own SQL.
_NOISE = re.compile(r"^(compiled code at |HINT: |LINE \d+:|CONTEXT: |\^$|SQL (statement|function))")
_AFTER_KEY = re.compile(r"\) (already exists|is duplicated|is not present .*|conflicts .*)\.$")
_LONGEST_VALUE = 100
_LONGEST = 400


def reason(message: str | None) -> str:
    """The reason in `message`, at most 400 characters of it, without line breaks."""
    lines = [line.strip() for line in (message or "").splitlines() if line.strip()]
    if broken := _broken_contract(lines):
        return broken[:_LONGEST]
    lines = [line for line in lines if not _HEADING.match(line)] or lines
    said = [line for line in lines if not _NOISE.match(line)] or lines[:1]
    details = [_row(line) for line in said[1:] if line.startswith("DETAIL:")]
    first = _shortened(said[0]) if said else "no reason given"
    known = problems.line_of_text(first)
    return " ".join([known or first, *details])[:_LONGEST]


def _row(detail: str) -> str:
    """`DETAIL:  Key (message_id)=(m1) already exists.` → which row it is, values shortened."""
    detail = detail.removeprefix("DETAIL:").strip()
    if key := re.match(r"Key \((.+?)\)=\((.*)", detail):
        columns, value = key.groups()
        # of several lines the first; what follows the value is said by the reason already
        value = _AFTER_KEY.sub("", value)
        return f"The row: {columns} = {_cut(value)}."
    if failing := re.match(r"Failing row contains \((.*)", detail):
        return f"The row begins with {_cut(failing[1].removesuffix(').'))}."
    return _shortened(detail)


def _shortened(text: str) -> str:
    """Each quoted value of more than 100 characters cut, with how many are left out."""
    return re.sub(r'"([^"]{100})([^"]+)"', lambda found: f'"{_cut(found[1] + found[2])}"', text)


def _cut(value: str) -> str:
    if len(value) <= _LONGEST_VALUE:
        return value
    return f"{value[:_LONGEST_VALUE]}… ({len(value) - _LONGEST_VALUE:,} more characters)"


def _broken_contract(lines: list[str]) -> str | None:
    """Of dbt's table of what a model and its YAML disagree on, each column in words."""
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    if not table or table[0][0] != "column_name":
        return None
    words = {
        "missing in contract": "{0} is in the SQL and not in the YAML",
        "missing in definition": "{0} is in the YAML and not in the SQL",
        "data type mismatch": "{0} is {1} in the SQL and {2} in the YAML",
    }
    rows = [row for row in table[2:] if len(row) == 4]
    said = [
        words.get(row[3], "{0}: {3}").format(row[0], row[1].lower(), row[2].lower(), row[3])
        for row in rows
    ]
    return f"its columns are not those of its YAML: {'; '.join(said)}"
