"""Ask a warehouse something."""

import psycopg


def answers(url: str, query: str, *values: object) -> list[tuple]:
    """The rows that a query has."""
    with psycopg.connect(url) as connection:
        return connection.execute(query, values or None).fetchall()
