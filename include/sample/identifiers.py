"""Identifiers of the sample: Planhat's `_id`s, made from what an object is, never from a date."""

import hashlib


def planhat_id(model: str, key: str) -> str:
    """24 hexadecimal digits, the same for the same model and key."""
    return hashlib.sha256(f"{model}/{key}".encode()).hexdigest()[:24]
