"""The live API of Planhat.

errors.py     what it may say instead of an answer
answers.py    quota headers in any spelling, the rows of a bulk call, refusals in words
client.py     one tenant's API: paced, patient, parsed before it raises
"""
