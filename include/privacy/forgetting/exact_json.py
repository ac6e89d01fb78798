"""JSON of a connection with its numbers as they were written: a call that lands again is the same.

A float of Python's would lose digits, and has no word for 1e400 that Postgres takes.
"""

from decimal import Decimal

import msgspec
import psycopg
from psycopg.types.json import set_json_dumps, set_json_loads

_read = msgspec.json.Decoder(float_hook=Decimal).decode
_write = msgspec.json.Encoder(decimal_format="number").encode


def keep_numbers(connection: psycopg.Connection) -> None:
    """From now on, what this connection reads and writes of JSON."""
    set_json_loads(_read, connection)
    set_json_dumps(_write, connection)
