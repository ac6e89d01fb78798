"""Planhat as a destination: endusers that we created, metrics, activities.

    planning.py     what its plan leaves out: withheld by a rule, waiting for a person
    marker.py       which of our environments writes to a tenant
    looking.py      the endusers that Planhat has in some companies
    endusers.py     rows of `to_planhat.enduser` → a bulk upsert, looked at before and after
    metrics.py      … of `to_planhat.metric` → the sink of metrics; sums by their difference
    activities.py   … of `to_planhat.activity` → the sink of activities, once
    sender.py       the three of them, as the delivery knows them
    read_back.py    what the sinks did with what they took

What a repeat does: of an enduser nothing (it is looked for first), of a LAST metric nothing, of a
SUM metric it would count twice (so its outcome is read back), of an activity it would count twice
and nothing can be read back (so a person answers). Nothing is deleted there, and no enduser of
Planhat's own is changed.
"""
