"""The signature of Segment's webhook: `X-Signature`, hex HMAC-SHA1 of the raw text.

Of a batch only the first event is signed, as it stands in the body: parsing and writing it again
gives other bytes. The rest of a batch is unsigned, therefore the key is asked for as well.
"""

import hashlib
import hmac


def is_signed(first_event: bytes, signature: str, secret: str) -> bool:
    """Whether `signature` was made with `secret` over these bytes; compared in constant time."""
    made = hmac.new(secret.encode(), first_event, hashlib.sha1).hexdigest()
    return hmac.compare_digest(made.encode(), signature.strip().lower().encode("utf-8", "replace"))
