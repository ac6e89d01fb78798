"""Which of Unicode's encodings a file has, by its first bytes."""

import codecs
from typing import BinaryIO, cast


def encoding_of(head: bytes) -> str:
    """`utf-8-sig`, unless a byte order mark, or a zero beside each of the first two characters,
    shows UTF-16: what we read begins with ASCII.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = [byte == 0 for byte in head[:4]]
    if zeros == [False, True, False, True]:
        return "utf-16-le"
    if zeros == [True, False, True, False]:
        return "utf-16-be"
    return "utf-8-sig"


def as_utf_8(stream: BinaryIO, encoding: str) -> BinaryIO:
    """The same text as UTF-8, recoded as it is read. Raises `UnicodeError` where it is torn."""
    if encoding == "utf-8-sig":
        return stream
    return cast(BinaryIO, codecs.EncodedFile(stream, "utf-8", encoding))
