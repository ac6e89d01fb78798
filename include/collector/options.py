"""What may be set of a running collector."""

from dataclasses import dataclass, field
from pathlib import Path


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
class Options:
    """The options of `python -m include.collector`."""

    workers: int = 1
    # Where calls wait on disk while the warehouse is away; None: they are refused then.
    spool_folder: Path | None = None
    # Each worker's part of it may grow so far; full, the answer is 503.
    spool_bytes: int = 256 * 1024 * 1024
    limits: Limits = field(default_factory=Limits)
    webhook_limits: Limits = WEBHOOK_LIMITS
    # A body must have arrived after so many seconds; a client that sends slower gets 408.
    body_seconds: float = 20.0
