"""Sources and their keys: who may send. Keys are kept as hashes only.

A key is long and random, so a plain SHA-256 of it tells nothing; looking a hash up takes the same
time however much of a guessed key is right.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg

from include.errors import ProblemError
from include.warehouse.connection import connect

WRITE_KEY = "write_key"
TENANT_TOKEN = "tenant_token"  # noqa: S105  the name of a kind

MAX_RATE = 1_000_000

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class SourceError(ProblemError):
    """A source or key that cannot be made, or does not exist."""


@dataclass(frozen=True)
class Source:
    """A source as it is listed; `keys` counts those that are valid now, of the webhook's secret it
    says only whether there is one."""

    source: str
    kind: str
    is_enabled: bool
    keys: int
    has_webhook_secret: bool = False
    calls_per_second: int | None = None


def key_hash(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def add_source(url: str, source: str, *, kind: str = "product") -> None:
    """Make a source; nothing happens if it is there. `kind`: product, or planhat for receipts.

    Raises `SourceError` for a name that is no lower-case word, an unknown kind, or a source that
    exists with the other kind.
    """
    if not _NAME.fullmatch(source):
        raise SourceError(f"A source's name is a-z, 0-9, - and _ (not {source!r}).")
    if kind not in ("product", "planhat"):
        raise SourceError(f"A source is of kind product or planhat, not {kind!r}.")
    with connect(url, application_name="sources", autocommit=True) as connection:
        connection.execute(
            "insert into raw_segment.sources (source, kind) values (%s, %s) on conflict do nothing",
            [source, kind],
        )
        found = connection.execute(
            "select kind from raw_segment.sources where source = %s", [source]
        ).fetchone()
    if found and found[0] != kind:
        raise SourceError(f"The source {source} exists and is of kind {found[0]}.")


def add_key(
    url: str,
    source: str,
    key: str | None = None,
    *,
    kind: str = WRITE_KEY,
    valid_to: datetime | None = None,
) -> str:
    """Give a source a key and return it; without `key` a new random one. It is shown only now.

    Nothing happens if the source has this key. Raises `SourceError` when the source does not
    exist or another source has the key.
    """
    key = key or secrets.token_urlsafe(24)
    with connect(url, application_name="sources", autocommit=True) as connection:
        try:
            connection.execute(
                "insert into raw_segment.source_keys (key_hash, kind, source, valid_to) "
                "values (%s, %s, %s, %s) on conflict do nothing",
                [key_hash(key), kind, source, valid_to],
            )
        except psycopg.errors.ForeignKeyViolation:
            raise SourceError(f"There is no source {source}: add it first.") from None
        found = connection.execute(
            "select source, kind from raw_segment.source_keys where key_hash = %s", [key_hash(key)]
        ).fetchone()
    if found != (source, kind):
        raise SourceError("This key belongs to another source, or is of another kind.")
    return key


def rotate_key(
    url: str, source: str, *, kind: str = WRITE_KEY, overlap: timedelta = timedelta(days=7)
) -> str:
    """A new key for a source; the ones it has keep working for `overlap`. Returns the new key."""
    until = datetime.now(UTC) + overlap
    with connect(url, application_name="sources", autocommit=True) as connection:
        connection.execute(
            "update raw_segment.source_keys set valid_to = %s "
            "where source = %s and kind = %s and (valid_to is null or valid_to > %s)",
            [until, source, kind, until],
        )
    return add_key(url, source, kind=kind)


def set_enabled(url: str, source: str, is_enabled: bool) -> None:
    """Switch a source on or off; off, its keys answer 401 within seconds."""
    _update(
        url, source, "update raw_segment.sources set is_enabled = %s where source = %s", is_enabled
    )


def make_webhook_secret(url: str, source: str) -> str:
    """A new shared secret for Segment's webhook, returned only now; the one before ends at once."""
    secret = secrets.token_urlsafe(24)
    set_webhook_secret(url, source, secret)
    return secret


def set_webhook_secret(url: str, source: str, secret: str | None) -> None:
    """The shared secret that signs Segment's webhook deliveries; None: unsigned ones are taken."""
    _update(
        url, source, "update raw_segment.sources set webhook_secret = %s where source = %s", secret
    )


def set_rate(url: str, source: str, calls_per_second: int | None) -> None:
    """How many calls a second a source may send before it is answered 429; None: any number."""
    if calls_per_second is not None and not 1 <= calls_per_second <= MAX_RATE:
        raise SourceError(f"A source may send from 1 to {MAX_RATE:,} calls a second.")
    _update(
        url,
        source,
        "update raw_segment.sources set calls_per_second = %s where source = %s",
        calls_per_second,
    )


def list_sources(url: str) -> list[Source]:
    """Every source, by name."""
    with connect(url, application_name="sources") as connection:
        rows = connection.execute(
            "select s.source, s.kind, s.is_enabled, count(k.*) filter ("
            "    where k.valid_from <= now() and (k.valid_to is null or k.valid_to > now())), "
            "s.webhook_secret is not null, s.calls_per_second "
            "from raw_segment.sources as s left join raw_segment.source_keys as k using (source) "
            "group by s.source order by s.source"
        ).fetchall()
    return [Source(*row) for row in rows]


def must_exist(url: str, source: str) -> None:
    """Raises `SourceError`, naming those that there are, when there is no such source."""
    known = [each.source for each in list_sources(url)]
    if source not in known:
        names = ", ".join(known) or "none"
        raise SourceError(f"There is no source {source}: add it first (there are: {names}).")


def add_demo_sources(url: str) -> None:
    """The sources of the embedded server: their names are their keys. Never on a real warehouse."""
    add_source(url, "demo-app")
    add_key(url, "demo-app", "demo-app")
    add_key(url, "demo-app", "demo-token", kind=TENANT_TOKEN)
    add_source(url, "demo-planhat", kind="planhat")
    add_key(url, "demo-planhat", "demo-planhat")


def _update(url: str, source: str, statement: str, value: object) -> None:
    with connect(url, application_name="sources", autocommit=True) as connection:
        if connection.execute(statement, [value, source]).rowcount == 0:
            raise SourceError(f"There is no source {source}: add it first.")
