"""The sample customer base: about 40 companies, 400 endusers and 90 days of usage.

Everything follows from one date, the base date: the last day of usage, fixed when the sample is
first loaded. The same date gives the same bytes and the same message ids.

    load.py         puts it into a played Planhat, and reads it into a warehouse: `load`
    placing.py      documents put there and taken away
    traffic.py      everything it sends, in order: `calls`
    send.py         sends calls with the real Segment client: `send`
    base_date.py    which date a warehouse's sample has
    documents.py    its Planhat objects · accounts.py, objects.py: those objects
    customers.py    ordinary customers and how they develop · usage.py: what their people do
    known.py        customers whose trend, alerts and health are known beforehand
    cases/          every difficult case of the rules, in words, with its expected outcome
    declared.py     the settings an operator of this sample would have made
"""
