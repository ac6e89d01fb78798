"""Tells people over HTTP: one message, one POST, to whatever chat or pager takes it."""

from typing import Any, Protocol

import requests

from include.errors import ServiceError

# How long a webhook may take, in seconds.
TIMEOUT = 10


class Message(Protocol):
    """What is told. No personal data in either text."""

    @property
    def subject(self) -> str:
        """One line."""

    @property
    def text(self) -> str:
        """What an e-mail's body says."""

    @property
    def fields(self) -> dict[str, Any]:
        """The same for programs: JSON-ready."""


def post(address: str, token: str | None, message: Message) -> None:
    """Post the message to a webhook as JSON: its fields, and `text`, which is what chats show.

    `token` is sent as a Bearer token. Raises `ServiceError` when it is not taken.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"text": f"{message.subject}. {message.text}", **message.fields}
    try:
        answer = requests.post(address, json=body, headers=headers, timeout=TIMEOUT)
        answer.raise_for_status()
    except requests.RequestException as error:
        # The address may hold a secret: it is not said.
        status = error.response.status_code if error.response is not None else type(error).__name__
        raise ServiceError(f"The webhook for alerts did not take it ({status}).") from None
