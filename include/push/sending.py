"""What a sender of batches is to the delivery, whatever the destination, and what it learns.

`include/push/to_segment` and `include/push/to_planhat` have one each.
"""

from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from include.planhat.api.client import ClientOptions
from include.push.ledger import Range
from include.warehouse.pace import Pace


@dataclass(frozen=True)
class Patience:
    """How long one batch is tried. Seconds throughout."""

    attempts: int = 6
    # full jitter: anything up to first_wait * 2^n, at most longest_wait
    first_wait: float = 0.5
    longest_wait: float = 20.0
    # in total for waits that the other side asked for (Retry-After)
    asked_wait: float = 900.0
    timeout: float = 15.0


@dataclass(frozen=True)
class DeliveryOptions:
    """How a process sends."""

    # several, because each waits for its answers
    connections: int = 4
    # events a second of this process; None for no limit
    rate: float | None = 1000.0
    patience: Patience = field(default_factory=Patience)
    # Planhat's own
    client: ClientOptions = field(default_factory=ClientOptions)


@dataclass(frozen=True)
class Rejected:
    """Why one object of a batch was not taken."""

    code: str
    message: str


@dataclass(frozen=True)
class Accepted:
    """Taken, except the objects at these indices of the batch."""

    rejected: dict[int, Rejected] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """Not taken. `is_content`: because of what is in it, so that halves may succeed."""

    code: str
    message: str
    is_content: bool
    # an earlier try had no answer: this one was refused, and that one may have been taken
    is_after_silence: bool = False


@dataclass(frozen=True)
class Unknown:
    """Perhaps taken: no answer, or none that can be relied on, for as long as we tried."""

    code: str
    message: str


Outcome = Accepted | Refused | Unknown


class Sender(Protocol):
    """Sends the batches of one model to one destination; several threads share it."""

    # Limits of a batch; and bytes around each object that the plan does not count.
    batch_bytes: int
    batch_objects: int
    around: int
    # How many batches may be on their way at once; None: as many as the options say.
    connections: int | None
    # Whether a batch whose outcome was lost with its process may be sent again as it was.
    may_repeat: bool

    def send(self, batch: Range, rows: str, *, pace: Pace, stopped: Event) -> Outcome:
        """Send the planned rows of a batch, JSON as `ledger.mark_sent` gives it."""

    def close(self) -> None:
        """Let go of what it holds."""
