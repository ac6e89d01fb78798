"""A real HTTP server that plays Segment's Public API, as far as regulations go.

It keeps every regulation that it was asked for. A `script` is asked before each creation what
happens to it; the shapes are those of Segment's own client (segmentio/public-api-sdk-python).
"""

import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from include.connections import SegmentApiConnection

TOKEN = "a-token-of-the-workspace"
MOST_SUBJECTS = 5_000
KINDS = {
    "DELETE_INTERNAL", "DELETE_ONLY", "SUPPRESS_ONLY", "SUPPRESS_WITH_DELETE",
    "SUPPRESS_WITH_DELETE_INTERNAL", "UNSUPPRESS",
}  # fmt: skip
# Rows of a page, however many are asked for: so that lists have several.
PAGE = 2


@dataclass(frozen=True)
class Happens:
    """What happens to one creation."""

    status: int = 200
    takes: bool = True
    # the connection is reset instead of answered
    resets: bool = False
    ms_before_next: int = 1


Script = Callable[[int, dict], Happens]


@dataclass
class PlayedSegmentApi:
    """`with PlayedSegmentApi(script) as api:`; `script(number, body)`, numbers from 1."""

    script: Script = lambda number, body: Happens()
    regulations: list[dict[str, Any]] = field(default_factory=list)
    created: int = 0
    lists: int = 0

    def __enter__(self) -> "PlayedSegmentApi":
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.played = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def connection(self) -> SegmentApiConnection:
        return SegmentApiConnection(f"http://127.0.0.1:{self._server.server_port}", TOKEN)

    def finish(self, status: str = "FINISHED") -> None:
        for each in self.regulations:
            each["status"] = status

    def create(self, body: dict) -> tuple[int, dict, bool]:
        """Status and body of the answer, and whether it is lost."""
        self.created += 1
        happens = self.script(self.created, body)
        if happens.status == 429:
            data = {"remainingPoints": 0, "msBeforeNext": happens.ms_before_next}
            return 429, _error("Too many requests", data), False
        if happens.status >= 400 and not happens.takes:
            return happens.status, _error("no"), happens.resets
        subjects = body.get("subjectIds")
        is_valid = (
            body.get("regulationType") in KINDS
            and body.get("subjectType") == "USER_ID"
            and isinstance(subjects, list)
            and 0 < len(subjects) <= MOST_SUBJECTS
            and all(isinstance(each, str) and each for each in subjects)
        )
        if not is_valid:
            return 422, _error("Validation failure"), False
        if happens.takes:
            self.regulations.insert(0, {
                "id": f"regulation-{len(self.regulations) + 1}",
                "subjectType": "USER_ID", "subjects": subjects, "status": "INITIALIZED",
                "regulationType": body["regulationType"],
                "createdAt": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            })  # fmt: skip
        if happens.status >= 400 or happens.resets:
            return happens.status, _error("no"), happens.resets
        return 200, {"data": {"regulateId": self.regulations[0]["id"]}}, False

    def listed(self, query: dict[str, list[str]]) -> dict:
        self.lists += 1
        kinds = query.get("regulationTypes", [])
        of = [each for each in self.regulations if not kinds or each["regulationType"] in kinds]
        begin = int(query.get("pagination[cursor]", ["0"])[0])
        end = begin + PAGE
        page: dict[str, Any] = {"current": str(begin), "totalEntries": len(of)}
        if end < len(of):
            page["next"] = str(end)
        return {"data": {"regulations": of[begin:end], "pagination": page}}

    def one(self, name: str) -> tuple[int, dict]:
        for each in self.regulations:
            if each["id"] == name:
                said = {
                    "id": name, "workspaceId": "w", "overallStatus": each["status"],
                    "createdAt": each["createdAt"], "streamStatus": [],
                }  # fmt: skip
                return 200, {"data": {"regulation": said}}
        return 404, _error("Resource not found")


def _error(message: str, data: dict | None = None) -> dict:
    return {"errors": [{"type": "RequestError", "message": message, "data": data or {}}]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    played: PlayedSegmentApi


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if not self._is_let_in():
            return
        parts = urlsplit(self.path)
        if parts.path == "/regulations":
            self._answer(200, self.server.played.listed(parse_qs(parts.query)))
        else:
            self._answer(*self.server.played.one(parts.path.rpartition("/")[2]))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_let_in():
            return
        status, said, is_lost = self.server.played.create(json.loads(body))
        if is_lost:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            return
        self._answer(status, said)

    def _is_let_in(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self._answer(401, _error("Unauthorized"))
        return False

    def _answer(self, status: int, said: dict) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""
