"""What the collector says when it cannot."""

from include.errors import ServiceError


class Unavailable(ServiceError):
    """Nothing durable can take the calls now; the client should come again later (503)."""


class Refused(Exception):
    """A request that is turned down: the HTTP status, a code and a sentence for the client.

    With `retry_after` (seconds) it may succeed later; without, it never can.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None):
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status
        self.code = code
        self.message = message
