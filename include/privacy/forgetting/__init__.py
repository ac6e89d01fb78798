"""Forgetting people: everything of theirs goes, and what must stay is said (docs/privacy.md).

person.py   who an id is: by which ids they are known, and why one is refused
calls.py    their calls, and the daily sums that stay for their companies
rows.py     every other row that names them, in every table that no build makes
built.py    what builds made of them, and what a build leaves behind
words.py    their ids as words of a text, apart from those of others
exact_json.py  numbers as they were written
files.py    what the processes have written
plan.py     how much of each there is, before anything is done
doing.py    from the plan to the receipt, however often it is interrupted
outward.py  what Segment and Planhat are asked for
requests.py whoever was asked for on the page, and by calls, and waits
known.py    everything that is known of one person, for whoever asks
again.py    what receipts say, after a backup was restored
"""

from include.privacy.forgetting.doing import Builds, Forgotten, forget, keep_away
from include.privacy.forgetting.person import Person, RefusedError, find, find_all
from include.privacy.forgetting.plan import Plan, plan_for

__all__ = [
    "Builds", "Forgotten", "Person", "Plan", "RefusedError", "find", "find_all", "forget",
    "keep_away", "plan_for",
]  # fmt: skip
