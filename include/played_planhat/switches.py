"""How it behaves where nobody outside knows how Planhat does: each guess is a switch."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import msgspec

# The largest pages that public clients ask for, by path: what a cap would be, if there is one.
CAPS = {
    "companies": 5_000,
    "churn": 1_000,
    "users": 10_000,
    "tickets": 10_000,
    "tasks": 10_000,
    "nps": 10_000,
    "dimensiondata": 10_000,
}
CAP = 2_000


@dataclass(frozen=True)
class Switches:
    """The defaults are what public clients have seen, else what is worse for whoever asks."""

    # A `limit` above a path's cap: fewer rows without a word, 400, or as many as asked for.
    cap: Literal["clamp", "refuse", "none"] = "clamp"
    caps: dict[str, int] = field(default_factory=dict)
    # A page is cut, without a word, where it would have more bytes. None: never.
    page_bytes: int | None = None
    # Which fields come when no `select` names them.
    list_fields: Literal["wide", "lean"] = "wide"
    # Whether `sort` is obeyed; rows come in the order of their making otherwise.
    sorts: bool = True
    # A filter for a company that is not there.
    unknown_company: Literal["empty", "missing"] = "empty"
    currency: Literal["object", "string"] = "object"

    # Calls in so many seconds, for all of the main host; None: any number.
    quota: int | None = 200
    quota_seconds: float = 60.0
    quota_headers: Literal["new", "old", "none"] = "new"
    retry_after: bool = False
    # More than so many at once are refused, whatever the quota says.
    parallel: int = 50

    # The shape of what the bulk upsert says about a row; its status when some rows failed.
    error_item: Literal["object", "string", "message"] = "object"
    bulk_status: Literal[200, 206, 400] = 206
    bulk_rows: int = 5_000
    # The body of any other error.
    error_body: Literal["json", "text", "empty"] = "json"
    delete_body: Literal["json", "empty"] = "json"
    # Two endusers of one company may not share an address.
    one_email_a_company: bool = True
    # The bulk upsert finds endusers by their address too.
    match_email: bool = False

    # A good token at another region's host answers 401, as does one that was revoked.
    wrong_region: bool = False
    revoked: bool = False
    # Paths that the token may not read, or not write.
    denied_reads: frozenset[str] = frozenset()
    denied_writes: frozenset[str] = frozenset()

    # Seconds until a sink applies what it answered 200 to; None: when `/played/settle` says so.
    sink_delay: float | None = 0.0
    # Every so-manieth item of a sink is lost without a word; None: none is.
    sink_drops: int | None = None
    # A sink that looks at the tenant's token before it answers.
    sink_checks_tenant: bool = False
    # Metrics name an object by its `_id` too.
    metric_by_id: bool = True
    # What becomes of a metric's second value on a day, where nothing else was chosen for it.
    aggregation: Literal["SUM", "LAST"] = "SUM"

    # Seconds that every answer takes longer: the way there and back.
    latency: float = 0.0
    # Whether what was sent is kept with each request.
    keep_bodies: bool = True

    def cap_of(self, path: str) -> int:
        """The largest page of a path."""
        return self.caps.get(path, CAPS.get(path, CAP))

    def turned(self, **given: Any) -> "Switches":
        """The same with some turned. Raises `ValueError` for a name or a value that is none."""
        values = asdict(self)
        if unknown := given.keys() - values.keys():
            raise ValueError(f"no such switch: {', '.join(sorted(unknown))}")
        changed = msgspec.convert({**values, **given}, Switches, strict=False)
        return replace(changed, caps={**changed.caps})
