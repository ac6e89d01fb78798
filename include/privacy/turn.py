"""One at a time changes calls that have landed: a forgetting, or what is kept no longer."""

import psycopg


def take_turn(connection: psycopg.Connection) -> None:
    """Wait for whoever changes landed calls; held for as long as the connection lives."""
    connection.execute("select pg_advisory_lock(hashtext('planhat-segment forgetting'))")
