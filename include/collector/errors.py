"""What the collector says when it cannot."""

from include.errors import ServiceError


class Unavailable(ServiceError):
    """Nothing durable can take the calls now; the client should come again later (503)."""


class Refused(Exception):
    """A request that can never succeed: the HTTP status, a code and a sentence for the client."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
