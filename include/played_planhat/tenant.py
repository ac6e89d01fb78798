"""What a request gets for an answer: of the main host, and of the analytics host's sinks."""

import json
import time
from base64 import b64decode
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from include.played_planhat import bulk, listing
from include.played_planhat.documents import Collection, Documents, Refusal
from include.played_planhat.faults import Faults
from include.played_planhat.quota import Quota
from include.played_planhat.requests import Asked, Requests
from include.played_planhat.sinks import Sinks
from include.played_planhat.switches import Switches
from include.played_planhat.writing import create, update

TOKEN = "played-token"  # noqa: S105  of the played one, known to everybody
TENANT = "00000000-0000-4000-8000-000000000001"
LARGEST_BODY = 32 * 2**20


class Answer(NamedTuple):
    """An answer; `body` None: an empty one."""

    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


class Tenant:
    """One tenant, and everything that was done to it."""

    def __init__(self, switches: Switches | None = None, kept_in: Path | None = None) -> None:
        """`kept_in`: a file that holds the documents from one start to the next."""
        self.switches = switches or Switches()
        self.token = TOKEN
        self.tenant_token = TENANT
        self._kept_in = kept_in
        self.reset()
        if kept_in is not None and kept_in.exists():
            self.documents.restore(kept_in)

    def reset(self) -> None:
        """A tenant without documents, to which nothing was done; the switches stay."""
        self.documents = Documents()
        self.sinks = Sinks(self.documents)
        self.faults = Faults()
        self.quota = Quota()
        self.requests = Requests()

    def keep(self) -> None:
        """Write the documents where they are kept, if they are."""
        if self._kept_in is not None:
            self.documents.save(self._kept_in)

    def answer(self, asked: Asked, path: str, authorization: str, body: bytes) -> Answer:
        """What a request gets. `path`: as it was asked, with the tenant's token."""
        if len(body) > LARGEST_BODY:
            return self.refused(Refusal(413, "the body is too large"))
        if asked.is_sink:
            return self._sink(path, body)
        self.sinks.settle(until=time.monotonic())
        if not self._is_let_in(authorization):
            return self.refused(Refusal(401, "Unauthorized"))
        if not self.quota.take(self.switches) or self.requests.now > self.switches.parallel:
            return self._too_many()
        headers = tuple(self.quota.headers(self.switches, is_refused=False))
        try:
            answer = self._main(asked, path, body)
        except Refusal as refused:
            answer = self.refused(refused)
        if asked.method != "GET":
            self.keep()
        return answer._replace(headers=(*headers, *answer.headers))

    def _too_many(self) -> Answer:
        headers = self.quota.headers(self.switches, is_refused=True)
        return self.refused(Refusal(429, "Too many requests"))._replace(headers=tuple(headers))

    def refused(self, why: Refusal) -> Answer:
        """An error in the shape that is switched on."""
        bodies = {"empty": None, "text": why.message, "json": {"message": why.message}}
        return Answer(why.status, bodies[self.switches.error_body])

    def _main(self, asked: Asked, path: str, body: bytes) -> Answer:
        head, _, word = path.partition("/")
        self._check_permission(asked.method, head, word)
        if asked.method == "GET" and path == "leancompanies":
            chosen = {**asked.query, "select": "name,externalId,sourceId"}
            return Answer(200, listing.page(self.documents, "companies", chosen, self.switches))
        if asked.method == "GET" and path == "dimensiondata":
            return Answer(200, self.sinks.read_metrics(asked.query, self.switches))
        collection = self.documents.of.get(head)
        if collection is None:
            raise Refusal(404, "Not found")
        if word:
            return self._document(asked.method, collection, unquote(word), body)
        return self._model(asked, collection, body)

    def _check_permission(self, method: str, path: str, word: str) -> None:
        if method == "GET" and path in self.switches.denied_reads:
            raise Refusal(403, "The service account may not read this model")
        # the bulk upsert says so of each row
        is_bulk = method == "PUT" and not word
        if method != "GET" and path in self.switches.denied_writes and not is_bulk:
            raise Refusal(403, "The service account may not write this model")

    def _model(self, asked: Asked, collection: Collection, body: bytes) -> Answer:
        kind = collection.kind
        if asked.method == "GET" and "l" in kind.methods:
            return Answer(200, listing.page(self.documents, kind.path, asked.query, self.switches))
        if asked.method == "PUT" and "b" in kind.methods:
            return Answer(*bulk.upsert(self.documents, kind.path, read(body), self.switches))
        if asked.method == "POST" and "c" in kind.methods:
            made = create(self.documents, collection, read(body))
            return Answer(200, listing.one(made, self.switches))
        raise Refusal(404, "Not found")

    def _document(self, method: str, collection: Collection, word: str, body: bytes) -> Answer:
        letter = {"GET": "g", "PUT": "u", "DELETE": "d"}.get(method, "?")
        if letter not in collection.kind.methods:
            raise Refusal(404, "Not found")
        try:
            document = collection.named(word)
        except Refusal:
            if collection.kind.path != "conversations":
                raise
            collection = self.documents.of["tickets"]  # which live there too
            document = collection.named(word)
        if method == "PUT":
            document, _ = update(self.documents, collection, document, read(body))
        if method == "DELETE":
            collection.remove(document["_id"])
            is_said = self.switches.delete_body == "json"
            return Answer(200, {"n": 1, "ok": 1, "deletedCount": 1} if is_said else None)
        return Answer(200, listing.one(document, self.switches))

    def _sink(self, path: str, body: bytes) -> Answer:
        head, _, word = path.partition("/")
        try:
            sent = read(body)
        except Refusal as refused:
            return self.refused(refused)
        is_ours = head == "dock" or word.rpartition("/")[2] == self.tenant_token
        if not is_ours and self.switches.sink_checks_tenant:
            return self.refused(Refusal(404, "Not found"))
        if head == "dimensiondata":
            taken = self.sinks.take_metrics(sent, self.switches, is_kept=is_ours)
            return Answer(200, taken)
        if head == "dock":
            self.sinks.take_segment_event(sent, self.switches)
        elif is_ours:
            self.sinks.take_activities(sent, self.switches)
        return Answer(201 if head == "analytics" and "/" not in word else 200, {})

    def _is_let_in(self, authorization: str) -> bool:
        if self.switches.revoked or self.switches.wrong_region:
            return False
        scheme, _, given = authorization.partition(" ")
        if scheme == "Basic":
            try:
                return b64decode(given).decode() == f"{self.token}:"
            except ValueError:
                return False
        return scheme == "Bearer" and given == self.token


def read(body: bytes) -> Any:
    """What was sent. Raises `Refusal` for what is no JSON."""
    try:
        return json.loads(body)
    except ValueError:
        raise Refusal(400, "the body is not JSON") from None
