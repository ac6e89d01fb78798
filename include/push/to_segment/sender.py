"""Planned rows to Segment, batch by batch."""

from collections.abc import Collection
from threading import Event

from include.connections import SegmentConnection
from include.push.ledger import Range
from include.push.sending import DeliveryOptions, Outcome
from include.push.to_segment.messages import ENVELOPE_BYTES, FLOAT_BYTES, build_messages
from include.push.to_segment.posting import send_batch
from include.warehouse.pace import Pace

# Segment's limits for a batch, with room for what is added around the messages.
BATCH_BYTES = 475_000
BATCH_EVENTS = 2_500


class SegmentSender:
    """As `include.push.sending.Sender`."""

    connections: int | None = None
    may_repeat = True

    def __init__(
        self,
        segment: SegmentConnection,
        numbers: Collection[str],
        timestamp: str,
        options: DeliveryOptions,
    ) -> None:
        """`numbers`: columns that go out as floats; `timestamp`: that of every message."""
        self.batch_bytes = BATCH_BYTES
        self.batch_objects = BATCH_EVENTS
        self.around = ENVELOPE_BYTES + FLOAT_BYTES * len(numbers)
        self._segment = segment
        self._numbers = numbers
        self._timestamp = timestamp
        self._patience = options.patience

    def send(self, batch: Range, rows: str, *, pace: Pace, stopped: Event) -> Outcome:
        """Post the rows' messages."""
        messages = build_messages(rows, self._numbers, self._timestamp)
        return send_batch(
            self._segment, messages, patience=self._patience, pace=pace, stopped=stopped
        )

    def close(self) -> None:
        """It holds nothing."""
