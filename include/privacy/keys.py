"""The warehouse's keyed hash: the same text gives the same hash here, and says nothing elsewhere.

The key is a row of the warehouse (migration 0050), so a copy of it hashes alike, and a list of
hashes without it names nobody: nobody can try ids against it. `sync.keyed_hash` is the same in SQL.
"""

import hashlib
import re
import zlib
from dataclasses import dataclass

import psycopg

from include.blank import cut

# What a person is known by. More kinds may be hashed; the kind is part of what is hashed.
KINDS = ("user_id", "email", "anonymous_id")
# A key of more characters identifies nobody (§3.1).
LONGEST_KEY = 500
HASH_BYTES = 16

# A hash in the place of what was hashed: it is known as one, and not hashed again.
MARK = "hashed-"
HASHED = re.compile(MARK + "([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class HashKey:
    """The key of one warehouse."""

    key: bytes

    def hash(self, kind: str, text: str) -> bytes:
        """16 bytes for a text of a kind. The text is taken as it is: see `normal_form`."""
        return hashlib.sha256(self.head(kind) + text.encode()).digest()[:HASH_BYTES]

    def head(self, kind: str) -> bytes:
        """What stands before the text when it is hashed, for who hashes many."""
        return self.key + kind.encode() + b"\x1f"

    def tag(self, kind: str, text: str) -> int:
        """What `sync.suppressed.tag` has of a text (migration 0052)."""
        pad = hashlib.sha256(self.head("tag") + self.hash(kind, text)).digest()[:4]
        hidden = crc(kind, text.encode()) ^ int.from_bytes(pad, "big")
        return hidden - (1 << 32) if hidden >> 31 else hidden

    def __repr__(self) -> str:
        return "HashKey(…)"


def crc(kind: str, text: bytes) -> int:
    """A quick number of a text, of which a list may hold nothing as it is: anybody can make it."""
    return zlib.crc32(text, KINDS.index(kind))


def warehouse_key(connection: psycopg.Connection) -> HashKey:
    """The key of the warehouse that `connection` leads to."""
    found = connection.execute("select key from sync.privacy_key").fetchone()
    assert found is not None, "the migration makes the key"
    return HashKey(bytes(found[0]))


def normal_form(kind: str, text: str) -> str | None:
    """A key as identity compares it (§3.1): cut at both ends, e-mails in small letters.

    None for what identifies nobody: blank, or of more than 500 characters.
    """
    form = cut(text)
    if not form or len(form) > LONGEST_KEY:
        return None
    return form.lower() if kind == "email" else form
