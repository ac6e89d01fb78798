"""Check what `make demo` printed: `python .ci/check_demo.py first|second <its output>`.

First: of every model all rows of its table were synced, without an error; people, metrics and usage
went to Planhat, and what can be seen there was. Second: nothing was synced, to neither, and
everything was unchanged.
"""

import re
import sys
from itertools import pairwise
from pathlib import Path

ROW = re.compile(r"^([a-z_]+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)$", re.MULTILINE)
TO_PLANHAT = re.compile(
    r"^(enduser|metric|activity) +([\d,]+) +([\d,]+) +[\d,]+  (.+)$", re.MULTILINE
)
SECONDS = re.compile(r"^\[ *(\d+) s\]", re.MULTILINE)


def problems(which: str, text: str) -> list[str]:
    """What is wrong with the output, a line each."""
    text, _, to_planhat = text.partition("\nTo Planhat")
    found = {
        name: [int(cell.replace(",", "")) for cell in cells] for name, *cells in ROW.findall(text)
    }
    total = found.pop("all", None)
    if total is None or len(found) < 17:
        return [f"the table has {len(found)} models"]
    wrong = []
    for model, (synced, errors, unchanged, rows) in {**found, "all": total}.items():
        wanted = (rows, 0, 0) if which == "first" else (0, 0, rows)
        if (synced, errors, unchanged) != wanted or not rows:
            wrong.append(
                f"{model}: {synced} synced, {errors} errors, {unchanged} unchanged, {rows} rows"
            )
    wrong += problems_at_planhat(which, to_planhat)
    for number, said in enumerate(("Unresolved, by reason", "came back as receipts", "/plugin/")):
        if said not in to_planhat:
            wrong.append(f"line {number} about {said!r} is missing")
    times = [int(each) for each in SECONDS.findall(text)]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    if not times or max(gaps) > 10:
        wrong.append(f"silent for {max(gaps, default=0)} s")
    return wrong


def problems_at_planhat(which: str, text: str) -> list[str]:
    """What is wrong with the table of what went to Planhat."""
    found = TO_PLANHAT.findall(text)
    if [model for model, *_ in found] != ["activity", "enduser", "metric"]:
        return [f"the table of what went to Planhat has {len(found)} models"]
    wrong = []
    for model, synced, errors, receipts in found:
        seen, _, acknowledged = receipts.partition(" of ")
        is_seen = model == "activity" or (seen == acknowledged and seen != "0")
        if (synced != "0") != (which == "first") or errors != "0" or not is_seen:
            wrong.append(f"to Planhat, {model}: {synced} synced, {errors} errors, {receipts} seen")
    return wrong


if __name__ == "__main__":
    name, file = sys.argv[1:]
    if wrong := problems(name, Path(file).read_text()):
        sys.exit("\n".join([f"The {name} demo's output is wrong:", *wrong]))
    print(f"The {name} demo's table is right.")
