"""Activities and metrics: answered 200 before anybody looks, applied later, lost without a word."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from include.played_planhat.documents import Collection, Document, Documents, now
from include.played_planhat.listing import bounded_limit, whole
from include.played_planhat.switches import Switches

# What metrics call their objects' models.
METRIC_MODELS = {
    "Company": "companies", "EndUser": "endusers", "Asset": "assets", "Project": "projects",
}  # fmt: skip
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Activity:
    """What became of one activity that found its enduser."""

    enduser: str
    company: str
    action: str
    day: date
    weight: float
    count: int


@dataclass
class Sinks:
    """What the sinks have taken: what waits to be applied, and what was."""

    documents: Documents
    activities: list[Activity] = field(default_factory=list)
    # (dimension, object's _id, day) → the row that can be read back
    metrics: dict[tuple[str, str, int], dict[str, Any]] = field(default_factory=dict)
    # SUM or LAST of the dimensions for which somebody chose
    aggregations: dict[str, str] = field(default_factory=dict)
    # what found nobody: only whoever plays knows
    vanished: list[dict[str, Any]] = field(default_factory=list)
    _waiting: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)
    _taken: int = 0
    # two endusers with one address: one of them, and nobody says which
    _chance: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311

    def settle(self, *, until: float | None = None) -> None:
        """Apply what waits and is due; all of it where no time is said."""
        while self._waiting and (until is None or self._waiting[0][0] <= until):
            self._waiting.popleft()[1]()

    def take_activities(self, items: Any, switches: Switches) -> None:
        """Take one or several; nothing is said of them, ever."""
        for item in items if isinstance(items, list) else [items]:
            self._later(partial(self._apply_activity, item), switches)

    def take_segment_event(self, event: Any, switches: Switches) -> None:
        """A call in Segment's shape: a track is an activity, of the rest nothing is played."""
        for each in event if isinstance(event, list) else [event]:
            if isinstance(each, dict) and each.get("type") == "track":
                item = {
                    "externalId": each.get("user_id") or each.get("userId"),
                    "companyExternalId": (each.get("properties") or {}).get("companyId"),
                    "action": each.get("event"),
                    "date": each.get("timestamp"),
                }
                self.take_activities(item, switches)

    def take_metrics(self, items: Any, switches: Switches, *, is_kept: bool) -> dict[str, Any]:
        """Take one or several; only what is written wrong is said. A stranger's are not kept."""
        processed, errors = 0, []
        for item in items if isinstance(items, list) else [items]:
            if reason := _wrong(item):
                errors.append({"item": item, "error": reason})
                continue
            processed += 1
            if is_kept:
                self._later(partial(self._apply_metric, item, switches), switches)
        return {"processed": processed, "errors": errors}

    def read_metrics(self, asked: Mapping[str, str], switches: Switches) -> list[dict[str, Any]]:
        """A page of what was applied. Raises `Refusal`."""
        company = asked.get("cId") or asked.get("cid")
        first, last = whole(asked, "from", 0), whole(asked, "to", 10**6)
        rows = [
            row
            for (dimension, _, day), row in sorted(self.metrics.items())
            if first <= day <= last
            and asked.get("dimid") in (None, "", dimension)
            and company in (None, "", row["companyId"])
        ]
        offset = whole(asked, "offset", 0)
        return rows[offset : offset + bounded_limit("dimensiondata", asked, switches)]

    def _later(self, apply: Callable[[], None], switches: Switches) -> None:
        self._taken += 1
        if switches.sink_drops and self._taken % switches.sink_drops == 0:
            return
        delay = float("inf") if switches.sink_delay is None else switches.sink_delay
        self._waiting.append((time.monotonic() + delay, apply))

    def _apply_activity(self, item: Any) -> None:
        enduser = self._enduser(item) if isinstance(item, dict) else None
        if enduser is None:
            self.vanished.append(item)
            return
        activity = Activity(
            enduser["_id"], enduser.get("companyId", ""), str(item.get("action") or ""),
            _day(item.get("date")) or datetime.now(UTC).date(),
            float(item.get("weight") or 1), int(item.get("count") or 1),
        )  # fmt: skip
        self.activities.append(activity)
        at = f"{activity.day.isoformat()}T00:00:00.000Z"
        endusers = self.documents.of["endusers"]
        beats = (enduser.get("beats") or 0) + activity.count
        last = max(enduser.get("lastActive") or "", at)
        endusers.put({**enduser, "lastActive": last, "beats": beats, "updatedAt": now()})

    def _enduser(self, item: dict[str, Any]) -> Document | None:
        """Whose activity it is; of several the primary one, else any."""
        endusers = self.documents.of["endusers"]
        company = self._company(item)
        external = item.get("externalId") or item.get("euExtId")
        email = item.get("email")
        found: Iterable[Document] = ()
        if external:
            found = endusers.with_external(str(external), company)
        elif isinstance(email, str):
            each_company = [company] if company else self.documents.of["companies"].by_id
            found = [one for each in each_company for one in endusers.with_email(email, each)]
        candidates = list(found)
        primary = [each for each in candidates if each.get("primary")]
        candidates = primary or candidates
        return self._chance.choice(candidates) if candidates else None

    def _company(self, item: dict[str, Any]) -> str | None:
        companies = self.documents.of["companies"]
        if external := item.get("companyExternalId"):
            found = companies.with_external(str(external))
            return found[0]["_id"] if found else "none"
        word = item.get("companyId") or item.get("cId")
        return str(word) if word else None

    def _apply_metric(self, item: dict[str, Any], switches: Switches) -> None:
        collection = self.documents.of[METRIC_MODELS[item["model"]]]
        found = _objects(collection, str(item["externalId"]), switches)
        if not found:
            self.vanished.append(item)
            return
        document = self._chance.choice(found)
        day = _day(item.get("date")) or datetime.now(UTC).date()
        number = (day - _EPOCH).days
        dimension = item["dimensionId"]
        key = (dimension, document["_id"], number)
        is_sum = self.aggregations.get(dimension, switches.aggregation) == "SUM"
        before = self.metrics[key]["value"] if is_sum and key in self.metrics else 0
        at = f"{day.isoformat()}T00:00:00.000Z"
        company = document["_id"] if collection.kind.is_company else document.get("companyId")
        owner = self.documents.of["companies"].by_id.get(company or "", {})
        self.metrics[key] = {
            "_id": self.metrics.get(key, {}).get("_id") or self.documents.new_id(),
            "dimensionId": dimension, "value": before + item["value"], "time": at, "date": at,
            "day": number, "timestamp": {"value": at}, "model": item["model"],
            "parentId": document["_id"], "companyId": company, "companyName": owner.get("name"),
        }  # fmt: skip


def _objects(collection: Collection, word: str, switches: Switches) -> list[Document]:
    if switches.metric_by_id and word in collection.by_id:
        return [collection.by_id[word]]
    return collection.with_external(word)


def _wrong(item: Any) -> str | None:
    """What is wrong with how a metric is written; nothing, where it merely finds no object."""
    if not isinstance(item, dict):
        return "not an object"
    value, dimension = item.get("value"), str(item.get("dimensionId") or " ")
    faults = {
        "dimensionId is missing or has a space": " " in dimension,
        "value is not a number": isinstance(value, bool) or not isinstance(value, int | float),
        "model is unknown": item.get("model") not in METRIC_MODELS,
        "externalId is missing": not item.get("externalId"),
        "date is not a date": bool(item.get("date")) and _day(item["date"]) is None,
    }
    return next((said for said, is_so in faults.items() if is_so), None)


def _day(value: Any) -> date | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # of JavaScript
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)).date()
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return read.astimezone(UTC).date() if read.tzinfo else read.date()
