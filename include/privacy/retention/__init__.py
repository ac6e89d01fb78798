"""How long calls are kept as they came, and what is kept of them after (docs/privacy.md).

rules.py   for how many months, by source and type, and what is due by them
kept.py    what of a payload identifies the call or is counted: the rest goes
alike.py   calls of a day that are alike: the first, the last, and one for those between
keeping.py both done, in steps that may be interrupted
"""
