"""How a message reaches people: by e-mail or webhook, as an Airflow connection says."""

import html
from collections.abc import Callable
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException


def channel(name: str, context: Any) -> Callable[[Any], None] | None:
    """What tells a message to the connection `name`; None without one: nobody is told.

    A connection of type smtp with `to` in its extra fields, or http.
    """
    try:
        connection = Connection.get(name)
    except AirflowNotFoundException:
        return None
    return lambda message: _tell(connection, name, message, context)


def _tell(connection: Connection, name: str, message: Any, context: Any) -> None:
    if connection.conn_type in ("smtp", "email"):
        to = connection.extra_dejson.get("to")
        if not to:
            raise AirflowException(
                f"Nobody was told: the Airflow connection {name} names no recipient. Put `to`, and "
                "`from_email`, in its extra fields."
            )
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        # Called as it is, so that nothing of the text is taken for a template.
        SmtpNotifier(
            to=to,
            subject=message.subject,
            html_content=html.escape(message.text).replace("\n", "<br>\n"),
            smtp_conn_id=name,
        ).notify(context)
    else:
        from include.connections import webhook_address
        from include.webhook import post

        post(webhook_address(connection), connection.password, message)
