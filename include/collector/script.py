"""Segment's library for browsers as the collector gives it to a web page: under its own address.

The files are those of an npm package in a folder (`include/analytics_js.py` fetches it). Where they
name Segment's hosts, ours are put, and the write key where the package has a place for it: as
Segment's own host does it, so that a page changes the host of its snippet and nothing else.
"""

import gzip
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from include.collector.answers import Answer, Headers, content
from include.collector.errors import Refused

_ENTRANCE = "standalone.js"
_NAME = re.compile(r"[\w.-]+\.js")
_PLACE_OF_KEY = b'"__WRITE_KEY__"'
_MEDIA = b"application/javascript; charset=utf-8"


class _File(NamedTuple):
    plain: bytes
    compressed: bytes


class Script:
    """The files of the package in `folder`, which may come there later."""

    def __init__(self, folder: Path):
        self._folder = folder
        # A few write keys, or addresses, with about 150 KB each.
        self._made = lru_cache(maxsize=32)(self._make)

    def entrance(self, write_key: str, address: str, headers: Headers) -> Answer:
        """The library for one source, sending to `address`. Raises `Refused` 503 without it."""
        return self._answer(_ENTRANCE, write_key, address, headers, b"public, max-age=300")

    def part(self, name: str, address: str, headers: Headers) -> Answer:
        """A part that the library loads when it needs it. Raises `Refused` 404, or 503."""
        # A part of another content has another name.
        return self._answer(name, "", address, headers, b"public, max-age=31536000, immutable")

    def _answer(
        self, name: str, write_key: str, address: str, headers: Headers, caching: bytes
    ) -> Answer:
        made = self._made(name, write_key, address, self._changed_at(name))
        more = [(b"cache-control", caching), (b"vary", b"Accept-Encoding")]
        if b"gzip" not in headers.get(b"accept-encoding", b""):
            return content(made.plain, _MEDIA, *more)
        return content(made.compressed, _MEDIA, (b"content-encoding", b"gzip"), *more)

    def _changed_at(self, name: str) -> float:
        """When the file was written. Raises `Refused` when it, or the whole package, is missing."""
        scripts = self._folder / "dist" / "umd"
        try:
            if not _NAME.fullmatch(name):
                raise FileNotFoundError
            return (scripts / name).stat().st_mtime
        except OSError:
            if (scripts / _ENTRANCE).is_file():
                raise Refused(404, "not_found", "The library has no such part.") from None
            raise Refused(
                503,
                "no_library",
                "Segment's library for browsers is not installed here. Run `make analyticsjs`, "
                "or name a folder with the npm package @segment/analytics-next as "
                "COLLECTOR_ANALYTICS_JS_DIR.",
            ) from None

    def _make(self, name: str, write_key: str, address: str, _: float) -> _File:
        text = (self._folder / "dist" / "umd" / name).read_bytes()
        text = text.replace(_PLACE_OF_KEY, _literal(write_key) if write_key else _PLACE_OF_KEY)
        text = text.replace(b"https://cdn.segment.com", address.encode())
        text = text.replace(b"api.segment.io/v1", address.partition("://")[2].encode() + b"/v1")
        text = self._licence() + text
        return _File(text, gzip.compress(text, mtime=0))

    def _licence(self) -> bytes:
        """The package's licence, which is to be in every copy. Raises `Refused` without one."""
        try:
            text = (self._folder / "LICENSE.MD").read_text().replace("*/", "").strip()
        except OSError:
            raise Refused(
                503, "no_library", "The library's folder has no LICENSE.MD: copy the whole package."
            ) from None
        return f"/*! @segment/analytics-next\n\n{text}\n*/\n".encode()


def _literal(text: str) -> bytes:
    """A text as JavaScript writes it, safe in a script whatever it holds."""
    return json.dumps(text).replace("<", "\\u003c").encode()
