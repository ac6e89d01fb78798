"""What may be set of a running collector."""

from dataclasses import dataclass, field
from pathlib import Path

from include.analytics_js import default_folder


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may carry. Segment's own limits for clients are the defaults."""

    event_bytes: int = 32 * 1024
    body_bytes: int = 500 * 1024  # after decompression
    events: int = 2_500

    def at_least(self, other: "Limits") -> "Limits":
        """The larger of both, limit by limit."""
        return Limits(
            max(self.event_bytes, other.event_bytes),
            max(self.body_bytes, other.body_bytes),
            max(self.events, other.events),
        )


# Segment's webhook posts up to 4,000 events a request, each grown by what Segment adds. An answer
# of 4xx to it is final, so its limits only keep memory bounded.
WEBHOOK_LIMITS = Limits(event_bytes=128 * 1024, body_bytes=32 * 1024 * 1024, events=10_000)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What connections may take of a worker."""

    # A head, and then a body, must be there after so many seconds: a client that sends slower is
    # turned away (408).
    seconds: float = 20.0
    # Of all requests that are not answered yet, heads and bodies: more than a webhook's largest. A
    # worker holds about twice as much for it.
    unanswered_bytes: int = 40 * 1024 * 1024
    # Connections of one client's address; 0 is any number.
    an_address: int = 256


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `python -m include.collector`."""

    workers: int = 1
    # Where calls wait on disk while the warehouse is away; None: they are refused then.
    spool_folder: Path | None = None
    # Each worker's part of it may grow so far; full, the answer is 503.
    spool_bytes: int = 256 * 1024 * 1024
    limits: Limits = field(default_factory=Limits)
    webhook_limits: Limits = WEBHOOK_LIMITS
    connections: ConnectionLimits = ConnectionLimits()
    # The addresses at which others reach us, as browsers are told them; none: where we listen.
    public_urls: tuple[str, ...] = ()
    # The npm package of Segment's library for browsers.
    analytics_js_folder: Path = field(default_factory=default_folder)
