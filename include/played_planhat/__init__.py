"""A played Planhat: a real HTTP server over documents, for machines that reach no real one.

It is as faithful as what is publicly known of the API, and as nasty. What is not known is a switch,
so that whoever talks to it can be held against each answer (docs/planhat.md).

    switches.py     every guess, and every permission and limit
    faults.py       what goes wrong on purpose: bursts of 429, cut bodies, answers that are lost …
    kinds.py        the models that it serves: paths, keys, fields
    documents.py    the documents: keys, hidden ones, indexes
    writing.py      create, partial update, delete; what it drops, keeps and refuses of a body
    bulk.py         the bulk upsert, and its answer
    listing.py      a page of a model
    sinks.py        activities and metrics: 200 first, applied later or never
    quota.py        calls a minute, and how the answer says what is left of them
    requests.py     what was asked, kept
    tenant.py       a request → its answer, out of the above
    app.py          HTTP around a tenant, and its faults
    playing.py      the routes of `/played`, which turn the switches from another process
    place.py        where the embedded server's is, and the connection to it
    serve.py        in a thread of this process, or as a process of its own

It is no Planhat and keeps nothing that matters: `make up` starts it on the embedded server only.
"""
