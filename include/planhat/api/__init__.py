"""The live API of Planhat.

    errors.py         what it may say instead of an answer
    answers.py        quota headers in any spelling, the rows of a bulk call, refusals in words
    client.py         one tenant's API: paced, patient, parsed before it raises
    fields.py         what is asked for of each model
    pages.py          one pass over a list that moves
    kept.py           what a read has so far: an interrupted one goes on from it
    asking.py         what was not listed, asked for one by one
    reading.py        `read_api`: the whole of it
    changed.py        `read_changed`: objects that Planhat said to have changed
    tenant_check.py   `check_tenant`: what a tenant is like, by reading alone
    findings.py       what that found out, kept

What a row is worth is said where files are read too: `include/planhat/check.py`.
"""
