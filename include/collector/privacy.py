"""What the privacy settings say, as a running collector knows it: fresh, and without the warehouse.

Read every two seconds; what was written to the list of suppressed people since is all that comes.
Kept in a file beside the spool, for a start while the warehouse is away. Who lands calls by other
ways reads the same once, and again between its steps.
"""

import asyncio
import logging
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from include.collector.errors import Unavailable
from include.collector.event import Row, without_ruled_out
from include.collector.field_rules import FieldRules, SourceRules, united
from include.collector.landing import Parcel
from include.collector.screening import Screen
from include.collector.turned_away import TurnedAway
from include.privacy.field_rules import KEY_PATHS, Rule
from include.privacy.keys import HashKey
from include.privacy.suppressed import PREFIX_BYTES, Suppressed, number_of, packed

log = logging.getLogger("collector")

REFRESH_SECONDS = 2.0
# The first reading of a long list may take so long, each other much less.
_SECONDS = 60.0

# In the spool's folder. It names nobody, but has the key: whoever reads the spool reads calls.
FILE = "privacy.msgpack"

_SETTINGS = """
select
    suppression.version, privacy_key.key,
    array(
        select array[names.key, names.path] from sync.key_names as names
        where names.key in ('user_id', 'email', 'anonymous_id', 'property_email')
        order by names.key, names.position
    ) as names,
    -- none: no call is looked at for them
    case when exists (select from sync.field_rules where lifted_at is null) then jsonb_build_object(
        'rules', (
            select jsonb_agg(
                jsonb_build_object(
                    'rule_id', rules.rule_id, 'source', coalesce(rules.source, ''),
                    'type', coalesce(rules.type, ''), 'what', rules.what,
                    'path', coalesce(rules.path, ''),
                    'action', rules.action, 'length', rules.length, 'allowed',
                    string_to_array(coalesce(rules.allowed, ''), E'\\n')
                )
                order by rules.rule_id
            )
            from sync.field_rules as rules
            where rules.lifted_at is null
        ),
        'keys', (
            select jsonb_agg(jsonb_build_array(keys.key, keys.path) order by keys.key, keys.path)
            from ({key_paths}) as keys
        )
    )::text else '' end as rules
from sync.suppression, sync.privacy_key
""".replace("{key_paths}", KEY_PATHS)
# The same and the list: asked only when something was written to it, because a server that knows
# little of a long list looks through all of it.
_READ = """
select
    settings.version, settings.key, settings.names, settings.rules, listed.hashes, listed.tags,
    listed.lifted, listed.lifted_from
from
    ({settings}) as settings,
    lateral (
        select
            string_agg(substr(key_hash, 1, 8), ''::bytea order by key_hash) as hashes,
            -- sync.tag_pad, written out: called, it takes four times as long
            string_agg(
                int4send(tag # ('x' || encode(substr(
                    sha256(settings.key || '\\x7461671f'::bytea || key_hash), 1, 4
                ), 'hex'))::bit(32)::integer),
                ''::bytea order by key_hash
            ) as tags,
            string_agg(substr(key_hash, 1, 8), ''::bytea order by key_hash)
                filter (where lifted_from is not null) as lifted,
            coalesce(
                array_agg(extract(epoch from lifted_from)::float8 order by key_hash)
                    filter (where lifted_from is not null),
                '{}'
            ) as lifted_from
        from sync.suppressed
        where version > %(known)s
    ) as listed
""".replace("{settings}", _SETTINGS)


class Said(msgspec.Struct, frozen=True, gc=False):
    """What was read, and is kept: `version` of the list, the key, where keys stand in a call."""

    version: int
    key: bytes
    names: list[tuple[str, str]]
    hashes: bytes
    tags: bytes
    lifted: bytes
    lifted_from: list[float]
    # Written after `hashes` were read: of the file alone.
    recent: bytes = b""
    recent_tags: bytes = b""
    # JSON of the field rules in force and of where keys stand; empty without a rule.
    rules: str = ""

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> "Said":
        """What a row of the query says."""
        version, key, names, rules, hashes, tags, lifted, lifted_from = row
        return cls(
            version, bytes(key), [(key, path) for key, path in names], bytes(hashes or b""),
            bytes(tags or b""), bytes(lifted or b""), lifted_from, rules=rules,
        )  # fmt: skip

    def times(self) -> dict[int, datetime]:
        """From when on the calls of whom land again."""
        return {
            number_of(self.lifted[place * PREFIX_BYTES :]): datetime.fromtimestamp(each, UTC)
            for place, each in enumerate(self.lifted_from)
        }


class PrivacySettings:
    """The settings, and what they make of calls. Belongs to one event loop."""

    def __init__(self, url: str, folder: Path | None = None):
        self._url = url
        self._file = folder / FILE if folder else None
        self._said: Said | None = None
        self._turned_away: TurnedAway | None = None
        self._rules: FieldRules | None = None
        self._connection: psycopg.AsyncConnection | None = None
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def screen(self, source: str) -> Screen:
        """What they make of a source's calls."""
        return Screen(self._turned_away, None if self._rules is None else self._rules.of(source))

    async def start(self) -> None:
        """Know what is set and keep it fresh. While the warehouse is away, what the file says."""
        if not await self.refresh() and self._file is not None:
            kept = await asyncio.to_thread(_from_file, self._file)
            if kept is not None:
                await self._begin(kept)
        self._task = asyncio.create_task(self._keep_fresh(), name="privacy")

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._close()

    async def refresh(self, *, if_older: float = 0) -> bool:
        """Read what is new, unless that was done within `if_older` seconds; whether it could be.

        While the warehouse is away, what is known stays in force.
        """
        async with self._reading:
            began = time.monotonic()
            if began - self._read_at < if_older:
                return True
            try:
                async with asyncio.timeout(_SECONDS):
                    await self._read()
            except (psycopg.Error, TimeoutError):
                await self._close()
                return False
            self._read_at = began
            return True

    async def must_be_known(self) -> "PrivacySettings":
        """The settings as they are now. Raises `Unavailable`."""
        if not await self.refresh(if_older=REFRESH_SECONDS):
            raise Unavailable("The privacy settings cannot be read from the warehouse.")
        return self

    def looked_at_again(self, parcel: Parcel) -> Parcel:
        """A parcel that was made before, as the settings of now leave it."""
        turned_away, rules = self.screen(parcel.source)
        if turned_away is not None:
            parcel = _without_turned_away(parcel, turned_away)
        if rules is None:
            return parcel
        rows = [_ruled(row, rules) for row in parcel.rows]
        bad = [without_ruled_out(each, rules, "") for each in parcel.bad]
        return replace(parcel, rows=rows, bad=bad)

    def as_stored(self, parcel: Parcel) -> Parcel:
        """A parcel whose bytes are to be kept as they are, on a disk: without values that only a
        database would pass over (`SourceRules.call`)."""
        rules = self.screen(parcel.source).rules
        if rules is None:
            return parcel
        return replace(parcel, rows=[_ruled(row, rules) for row in parcel.rows])

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh()
            except Exception:
                # A fault of ours must not leave a collector with what is old for ever.
                log.exception("the privacy settings could not be read; they are asked for again")

    async def _read(self) -> None:
        # After a connection was lost the server may be another one, of which nothing is known.
        known = self._said
        if self._connection is None or self._connection.closed:
            known = None
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, application_name="collector privacy", connect_timeout=3
            )
        if known is not None:
            version, key, names, rules = await self._ask_settings()
            if (version, key, names, rules) == (
                known.version, known.key, known.names, known.rules,
            ):  # fmt: skip
                return
            if key != known.key or version < known.version:
                known = None
        said = await self._ask(-1 if known is None else known.version)
        if known is None:
            await self._begin(said)
        else:
            await self._go_on(said)
        if self._file is not None:
            await asyncio.to_thread(_to_file, self._file, self._kept())

    async def _ask_settings(self) -> tuple[int, bytes, list[tuple[str, str]], str]:
        assert self._connection is not None
        cursor = await self._connection.execute(_SETTINGS)
        row = await cursor.fetchone()
        assert row is not None, "the migrations make the rows"
        return row[0], bytes(row[1]), [(key, path) for key, path in row[2]], row[3]

    async def _ask(self, version: int) -> Said:
        assert self._connection is not None
        cursor = await self._connection.execute(_READ, {"known": version}, binary=True)
        row = await cursor.fetchone()
        assert row is not None, "the migrations make the rows"
        return Said.of(row)

    async def _begin(self, said: Said) -> None:
        """With the whole list; a long one takes a moment, in which calls go on."""
        listed = await asyncio.to_thread(Suppressed, said.hashes, said.tags, said.times())
        listed.add(said.recent, said.recent_tags, said.times())
        key = HashKey(said.key)
        self._turned_away = TurnedAway(key, listed, said.names) if len(listed) else None
        self._rules = _rules_of(said)
        self._said = msgspec.structs.replace(
            said, hashes=b"", tags=b"", lifted=b"", lifted_from=[], recent=b"", recent_tags=b""
        )

    async def _go_on(self, said: Said) -> None:
        """With what was written since."""
        assert self._said is not None
        if said.rules != self._said.rules:
            self._rules = _rules_of(said)
            self._said = msgspec.structs.replace(self._said, rules=said.rules)
            if said.version == self._said.version and said.names == self._said.names:
                return
        turned_away, is_same = self._turned_away, self._said.names == said.names
        more = len(said.hashes) // PREFIX_BYTES
        if turned_away is None or not is_same or turned_away.listed.is_long(more):
            await self._begin(await self._ask(-1))
            return
        turned_away.listed.add(said.hashes, said.tags, said.times())
        self._said = msgspec.structs.replace(self._said, version=said.version)

    def _kept(self) -> Said:
        """All that is known now, as it is read from a file."""
        assert self._said is not None
        listed = self._turned_away.listed if self._turned_away else Suppressed()
        lifted = sorted(listed.lifted)
        return msgspec.structs.replace(
            self._said,
            hashes=packed("Q", listed.hashes),
            tags=packed("I", listed.tags),
            recent=packed("Q", listed.recent),
            recent_tags=packed("I", listed.recent_tags),
            lifted=packed("Q", lifted),
            lifted_from=[listed.lifted[each].timestamp() for each in lifted],
        )

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


async def screen_now(url: str, source: str) -> Screen:
    """What the settings make of a source's calls, read once. Raises `Unavailable`."""
    settings = PrivacySettings(url)
    try:
        return (await settings.must_be_known()).screen(source)
    finally:
        await settings.stop()


def _without_turned_away(parcel: Parcel, turned_away: TurnedAway) -> Parcel:
    at = parcel.received_at
    rows = [
        row for row in parcel.rows
        if not turned_away.payload(row.payload, row.type.decode(), at)
    ]  # fmt: skip
    bad = [each for each in parcel.bad if not turned_away.text(each.all_text)]
    gone = len(parcel.rows) + len(parcel.bad) - len(rows) - len(bad)
    if not gone:
        return parcel
    return replace(parcel, rows=rows, bad=bad, turned_away=parcel.turned_away + gone)


def _ruled(row: Row, rules: SourceRules) -> Row:
    payload, by = rules.payload(row.payload, row.type.decode())
    return row._replace(payload=payload, rules=united(row.rules.decode(), by).encode())


class _Ruled(msgspec.Struct, frozen=True):
    """The JSON of `Said.rules`."""

    rules: list[Rule]
    keys: list[tuple[str, str]]


def _rules_of(said: Said) -> FieldRules | None:
    if not said.rules:
        return None
    ruled = msgspec.json.decode(said.rules, type=_Ruled)
    return FieldRules(HashKey(said.key), ruled.rules, ruled.keys)


def _to_file(file: Path, said: Said) -> None:
    """Keep it for a start without the warehouse; replaced as a whole."""
    other = file.with_suffix(f".{os.getpid()}")
    try:
        other.touch(mode=0o600)
        other.write_bytes(msgspec.msgpack.encode(said))
        other.replace(file)
    except OSError as error:
        log.warning("the privacy settings could not be kept in %s: %s", file, error.strerror)


def _from_file(file: Path) -> Said | None:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=Said)
    except (OSError, msgspec.DecodeError):
        return None
