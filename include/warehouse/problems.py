"""What Postgres says and a person can put right, in one line each: the one table of it.

`connecting` is for a connection that does not come about, `line` for a statement that is refused.
What is in neither is a defect of ours, or of the server's, and worth a report.
"""

import re

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

RIGHTS = "docs/server.md, *A Postgres of your own*, has the rights that it needs"
MIGRATE = "run `make up`, or `python -m include.cli migrate` where it does not start the services"
NOT_MIGRATED = f"The warehouse lacks tables of this version ({{said}}): {MIGRATE}."
NOT_BUILT = "Nothing of it has been built yet ({said}): run `make build`."
POOLED = (
    "The warehouse is reached through a pool that hands its connections on after each transaction "
    "({said}): locks and temporary tables would be lost. Set pgbouncer's pool_mode to session, or "
    "name the server itself."
)

# Connecting: libpq gives no codes, only texts. What is looked for in them, in order → what to say.
# {server} is host:port/database, {said} the reason as Postgres has it.
_CONNECTING = (
    (
        r"failed to resolve host|could not translate host name|name or service not known",
        "No host named {host} is known, where Postgres is looked for: correct the connection's "
        "host, or the name server.",
    ),
    (
        r"password authentication failed|authentication failed|sasl authentication|wrong password",
        "Postgres at {server} refuses the password of {user}: correct it in the connection. In a "
        "URL its special characters are percent-encoded (@ is %40, % is %25).",
    ),
    (
        r"no password supplied",
        "Postgres at {server} wants a password of {user} and the connection has none.",
    ),
    (
        r"no encryption|ssl off|ssl/tls required|ssl connection is required",
        "Postgres at {server} takes encrypted connections only ({said}): add ?sslmode=require.",
    ),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        "Postgres at {server} does not let {user} in from here: its pg_hba.conf needs a line for "
        "that.",
    ),
    (
        r"does not support ssl|ssl negotiation|\bssl\b|\btls\b|certificate",
        "No encrypted connection to Postgres at {server} ({said}): correct sslmode and sslrootcert "
        "in the connection, or the server's certificate.",
    ),
    (
        r"unsupported startup parameter",
        "The pool at {server} refuses what a connection says of itself ({said}): set pgbouncer's "
        "ignore_startup_parameters = extra_float_digits,options.",
    ),
    (
        r'database ".*" does not exist|no such database',
        "There is no database {dbname} at {host}:{port}: create it, or correct the connection.",
    ),
    (
        r'role ".*" does not exist|no such user|not permitted to log in',
        "Postgres at {server} has no {user} who may sign in: create role … login, or correct the "
        "connection.",
    ),
    (
        r"permission denied for database",
        "{user} may not connect to the database {dbname} at {host}:{port}: "
        "grant connect on database {dbname} to {user}.",
    ),
    (
        r"too many connections|too many clients|connection slots are reserved|no more connections",
        "Postgres at {server} has no connection left ({said}): raise max_connections, or the limit "
        "of the role, or end others.",
    ),
    (
        r"starting up|shutting down|in recovery mode|not yet accepting",
        "Postgres at {server} is just starting or stopping ({said}): try again in a moment.",
    ),
    (
        r"timeout expired|timed out|no route to host|network is unreachable",
        "Postgres at {server} does not answer ({said}): are host and port right, and is no "
        "firewall between?",
    ),
)
_SILENT = (
    "Postgres at {server} does not answer ({said}). Is it running? `make up` starts the embedded "
    "one."
)

# Statements: SQLSTATE, or its first two characters → what to say.
_STATEMENTS = {
    "08": "The connection to Postgres was lost ({said}): is it running? Then run it again.",
    "25006": (
        "The warehouse can only be read ({said}): name the primary server, not a standby, and see "
        "that default_transaction_read_only is off for the role and the database."
    ),
    "26000": POOLED,
    "40001": "Two changes of the same rows met ({said}): run it again.",
    "40P01": "Two changes of the same rows met ({said}): run it again.",
    "42501": f"The warehouse's role lacks a right ({{said}}): {RIGHTS}.",
    "42P05": POOLED,
    "53100": "The disk of Postgres is full ({said}): make room there, then run it again.",
    "53200": "Postgres has no memory left ({said}): lower DBT_THREADS, or give it more.",
    "53300": "Postgres has no connection left ({said}): raise max_connections, or end others.",
    "53400": "A limit set in Postgres is reached ({said}): raise it for the warehouse's role.",
    "55P03": "Something else holds the table ({said}): try again when it is done.",
    "57014": (
        "Postgres gave a statement up ({said}): is statement_timeout set for the role? The "
        "warehouse's needs none."
    ),
    "57P": "Postgres was stopped, or ended the connection ({said}): run it again when it is back.",
    "25P03": "Postgres ended the connection ({said}): the warehouse's role needs no such timeout.",
    "25P04": "Postgres ended the connection ({said}): the warehouse's role needs no such timeout.",
    "58": "Postgres cannot use its files ({said}): its own log says more.",
    "XX001": "Postgres reports damaged data ({said}): restore a backup, its own log says more.",
    "XX002": "Postgres reports a damaged index ({said}): reindex it.",
}


def connecting(url: str, error: psycopg.Error) -> str:
    """Why there is no connection to the server of `url`, and what to do; without the password."""
    known = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    host, port, dbname = known.get("host", ""), known.get("port", "5432"), known.get("dbname", "")
    lines = [each.strip() for each in str(error).splitlines() if each.strip()] or ["no reason"]
    # "connection to server at … failed: FATAL:  reason", then hints; of two attempts the last
    reasons = [each for each in lines if "failed:" in each] or lines
    said = re.sub(r"^.*failed: (?:FATAL: +)?", "", reasons[-1])
    text = " ".join(lines).lower()
    words = next((words for pattern, words in _CONNECTING if re.search(pattern, text)), _SILENT)
    return words.format(
        host=host, port=port, dbname=dbname, user=known.get("user", "its user"), said=said,
        server=f"{host}:{port}/{dbname}",
    )  # fmt: skip


def line(error: psycopg.Error) -> str | None:
    """What a person can do about a statement that Postgres refused; None: nothing that is known."""
    said = (error.diag.message_primary or (str(error).strip().splitlines() or [""])[0]).strip()
    if isinstance(
        error,
        errors.UndefinedTable | errors.UndefinedColumn | errors.UndefinedFunction
        | errors.InvalidSchemaName,
    ):  # fmt: skip
        return _missing(said)
    if error.sqlstate is None:  # from libpq itself
        is_lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return _STATEMENTS["08"].format(said=said) if is_lost else None
    for code in (error.sqlstate, error.sqlstate[:3], error.sqlstate[:2]):
        if code in _STATEMENTS:
            return _STATEMENTS[code].format(said=said)
    return None


# What is read out of a message where only its text is at hand (dbt's), and its code.
_TEXTS = (
    (r"permission denied|must be owner of", "42501"),
    (r"read-only transaction", "25006"),
    (r"No space left on device|could not extend file", "53100"),
    (r"temporary file size exceeds", "53400"),
    (r"^out of memory|could not resize shared memory", "53200"),
    (r"statement timeout", "57014"),
    (r"lock timeout", "55P03"),
    (r"server closed the connection|terminating connection|connection .* (lost|closed)", "57P"),
    (r"prepared statement .* (does not exist|already exists)", "26000"),
)


def line_of_text(said: str) -> str | None:
    """As `line`, of a message without its code."""
    for pattern, code in _TEXTS:
        if re.search(pattern, said):
            return _STATEMENTS[code].format(said=said)
    return None


def _missing(said: str) -> str | None:
    if re.search(r"\b(sync|raw_segment|raw_planhat)\b", said):
        return NOT_MIGRATED.format(said=said)
    if re.search(r"\b(staging|intermediate|marts|planhat)\b", said):
        return NOT_BUILT.format(said=said)
    return None
