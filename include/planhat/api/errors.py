"""What the API may say instead of an answer, drawn for what a caller can do about it.

    PlanhatError
        PlanhatAwayError      nobody answers, or only with faults that pass: try later
        OutcomeUnknownError   a write may have been done: look, never just send it again
        RefusedError          it will be said again to the same request
            TokenError        401: token or region
            NoPermissionError 403: this model is not the token's
            NotThereError     404: no such object, or no such path
        OddAnswerError        an answer that is none: neither docs nor clients know it

A message names host, path and status, never a token or what was sent.
"""

from include.errors import ProblemError, ServiceError


class PlanhatError(ProblemError):
    """Any of these. `is_after_silence`: of a write, an earlier try of which had no answer that can
    be relied on. This one was turned down, and that one may have been done.
    """

    is_after_silence = False


class PlanhatAwayError(PlanhatError, ServiceError):
    """Nobody answers, or only with what passes."""


class OutcomeUnknownError(PlanhatError):
    """A write that must not be repeated got no answer: it may have been done."""


class RefusedError(PlanhatError):
    """Turned down, with a status that does not pass."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TokenError(RefusedError):
    """The token is not known at this host."""


class NoPermissionError(RefusedError):
    """The service account may not do this with this model."""


class NotThereError(RefusedError):
    """There is no such object, or no such path."""


class OddAnswerError(PlanhatError):
    """A good status, and not what is due."""
