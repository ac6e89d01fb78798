"""Planned rows to Planhat, batch by batch, one at a time."""

from dataclasses import dataclass
from functools import partial
from threading import Event

from include.connections import PlanhatConnection
from include.planhat.api.client import Client
from include.planhat.api.errors import PlanhatError, RefusedError
from include.push.ledger import Range
from include.push.sending import DeliveryOptions, Outcome, Refused, Unknown
from include.push.to_planhat import activities, endusers, metrics
from include.push.to_planhat.rows import Row, read_rows
from include.warehouse.pace import Pace
from include.warehouse.session import Session


@dataclass(frozen=True)
class BatchLimits:
    """As `include.push.batches.Limits`."""

    batch_objects: int
    # A body's limit is 32 MB; a lost answer leaves a whole batch unknown, so batches are smaller.
    batch_bytes: int = 8_000_000
    around: int = 100


LIMITS = {
    "enduser": BatchLimits(1_000), "metric": BatchLimits(5_000), "activity": BatchLimits(2_000),
}  # fmt: skip

# Statuses that blame what a batch holds: halves of it may succeed.
_CONTENT = frozenset({400, 413, 422})


class PlanhatSender:
    """As `include.push.sending.Sender`."""

    # bulk calls go one after another
    connections: int | None = 1

    def __init__(
        self, url: str, to: PlanhatConnection, call: str, options: DeliveryOptions
    ) -> None:
        """`call`: what the model's rows become; `url`: the warehouse."""
        self.batch_bytes = LIMITS[call].batch_bytes
        self.batch_objects = LIMITS[call].batch_objects
        self.around = LIMITS[call].around
        # an enduser is looked for before it is sent
        self.may_repeat = call == "enduser"
        self._url = url
        self._to = to
        self._call = call
        self._options = options
        self._session = Session(url)
        self._client: Client | None = None
        self._custom_fields: dict[str, str] | None = None

    def send(self, batch: Range, rows: str, *, pace: Pace, stopped: Event) -> Outcome:
        """Send the batch, and say what became of each of its objects."""
        if self._client is None:
            self._client = Client(self._to, self._url, self._options.client, stopped=stopped)
        read = self._session.run(partial(read_rows, batch=batch, planned=rows))
        try:
            return self._send(self._client, read)
        except RefusedError as error:
            return Refused(
                f"http_{error.status}", str(error), is_content=error.status in _CONTENT,
                is_after_silence=error.is_after_silence,
            )  # fmt: skip
        except PlanhatError as error:
            # a sink that nobody could be asked at has taken nothing
            if self._call != "enduser" and not error.is_after_silence:
                return Refused("unreachable", str(error), is_content=False)
            return Unknown("unreachable", str(error))

    def close(self) -> None:
        """Let go of the client and the connection."""
        self._session.close()
        if self._client is not None:
            self._client.__exit__()

    def _send(self, client: Client, rows: list[Row]) -> Outcome:
        if self._call == "metric":
            return metrics.send(client, rows)
        if self._call == "activity":
            return activities.send(client, rows)
        return endusers.send(client, rows, self._fields(client, rows))

    def _fields(self, client: Client, rows: list[Row]) -> dict[str, str]:
        """Custom fields of endusers by name; asked for where a row has any."""
        if self._custom_fields is None and any(row.payload.get("custom") for row in rows):
            self._custom_fields = custom_fields(client)
        return self._custom_fields or {}


def custom_fields(client: Client) -> dict[str, str]:
    """`{name: type}` of the custom fields of endusers. Raises `PlanhatError`."""
    return {
        str(each.get("name")): str(each.get("type"))
        for each in client.rows("customfields")
        if str(each.get("parent")).replace(" ", "").lower() == "enduser"
    }
