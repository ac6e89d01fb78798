"""Segment as a destination: objects become group, identify and track calls.

    planning.py         what its plan has beside the comparison: user ids, removals, warnings
    preflight.py        what Segment, or a warehouse behind it, would drop without a word
    identity.py         who a message is about
    former_groups.py    companies whose external id has changed
    warehouse_names.py  what becomes of our names in a customer's warehouse
    messages.py         planned rows as messages
    posting.py          one batch over the wire
    sender.py           the two of them, as the delivery knows them
    receipts.py         messages that came back through the collector

A repeat is harmless: it goes under the same message id, which Segment drops.
"""
