"""Check what `make demo` printed: `python .ci/check_demo.py first|second <its output>`.

First: of every model all rows of its table were synced, without an error. Second: nothing was
synced, everything was unchanged.
"""

import re
import sys
from itertools import pairwise
from pathlib import Path

ROW = re.compile(r"^([a-z_]+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)$", re.MULTILINE)
SECONDS = re.compile(r"^\[ *(\d+) s\]", re.MULTILINE)


def problems(which: str, text: str) -> list[str]:
    """What is wrong with the output, a line each."""
    found = {
        name: [int(cell.replace(",", "")) for cell in cells] for name, *cells in ROW.findall(text)
    }
    total = found.pop("all", None)
    if total is None or len(found) < 16:
        return [f"the table has {len(found)} models"]
    wrong = []
    for model, (synced, errors, unchanged, rows) in {**found, "all": total}.items():
        wanted = (rows, 0, 0) if which == "first" else (0, 0, rows)
        if (synced, errors, unchanged) != wanted or not rows:
            wrong.append(
                f"{model}: {synced} synced, {errors} errors, {unchanged} unchanged, {rows} rows"
            )
    for number, heading in enumerate(
        ("Unresolved, by reason", "came back as receipts", "/plugin/")
    ):
        if heading not in text:
            wrong.append(f"line {number} about {heading!r} is missing")
    times = [int(each) for each in SECONDS.findall(text)]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    if not times or max(gaps) > 10:
        wrong.append(f"silent for {max(gaps, default=0)} s")
    return wrong


if __name__ == "__main__":
    name, file = sys.argv[1:]
    if wrong := problems(name, Path(file).read_text()):
        sys.exit("\n".join([f"The {name} demo's output is wrong:", *wrong]))
    print(f"The {name} demo's table is right.")
