"""What Planhat has, held against what we would give it, over chosen days. Nothing is sent.

    days.py        the chosen days
    theirs.py      what Planhat has, asked of its API, into temporary tables
    tables.py      what is compared, and the calls that nobody was found for
    endusers.py    people whom the hosted integration has created, and those whom we would
    metrics.py     values of metrics, by object and day
    activity.py    on which day an enduser was last active
    reasons.py     why two differ, in words, and what to do
    report.py      counts, reasons and examples; as lines, and as JSON
    kept.py        the last comparisons, for the page
    comparing.py   `compare`: the whole of it

Each section pairs what is ours with what is theirs, one to one, and writes a row of the temporary
table `outcome` for each pair and for each that has none: so the counts of a section add up.
"""

from include.compare.comparing import compare
from include.compare.days import Days, chosen
from include.compare.report import SECTIONS, Comparison

__all__ = ["SECTIONS", "Comparison", "Days", "chosen", "compare"]
