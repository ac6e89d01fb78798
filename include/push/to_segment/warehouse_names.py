"""What becomes of our names in a customer's warehouse, said before anything is sent.

Segment's warehouses write a trait as a column: objects are flattened (`custom` with the key
`Renewal Risk` is `custom_renewal_risk`), names become snake_case, names of Segment's own columns
are discarded. So two keys that people tell apart can be one column there, and of one object only
one value stays. Nothing of this is an error to Segment, and all of it is sent: these are warnings.

Sources: Segment's documentation of warehouse schemas, which names the package go-snakecase, and of
the limits of Unify; Postgres for the length of a column's name.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import psycopg
from psycopg import sql

from include.push import outbound
from include.push.catalogue import PushedModel
from include.push.plan_settings import PlanSettings

# Segment fills these itself, whatever the call; a trait or property of the same name is discarded.
RESERVED = frozenset(
    {
        "id", "uuid", "uuid_ts", "loaded_at", "received_at", "sent_at", "timestamp",
        "original_timestamp", "user_id", "anonymous_id", "group_id", "event", "event_text",
    }
)  # fmt: skip

# Postgres cuts a longer name of a column; other warehouses take more.
COLUMN_LENGTH = 63

# Segment's Unify drops a group call whose groupId is longer than twice this, and destinations cut
# or refuse user ids from here on.
ID_LENGTH = 255

# Unify drops a call with more of them.
TRAITS = 300

# Of a long list, people read the first.
_SHOWN = 5

# What begins as snake_case stays as it is up to the first other character.
_KEPT = re.compile(r"(?:[a-z0-9]|(?!^)_(?=[a-z0-9]))*")
# A word is capitals and digits, then small letters and digits: "MRRTotal" is one, "mrrTotal" two.
# Everything beyond ASCII separates.
_WORD = re.compile(r"[A-Z0-9]+[a-z0-9]*|[a-z][a-z0-9]*")


def column_name(name: str) -> str:
    """The column that a trait's or property's (flattened) name becomes in Segment's warehouses."""
    kept = _KEPT.match(name).group()  # type: ignore[union-attr]
    rest = name[len(kept) :]
    words = [word.lower() for word in _WORD.findall(rest)]
    last_word = kept.rpartition("_")[2]
    if kept and rest[:1].isupper() and rest[0].isascii() and not re.search("[a-z]", last_word):
        # digits and the capitals after them are one word: "5TEst" is 5test
        return kept + "_".join(words)
    return "_".join([kept, *words] if kept else words)


def keep_warnings(connection: psycopg.Connection, model: PushedModel, plan: PlanSettings) -> None:
    """Write what the plan of a model should warn of to `sync.plan_warnings`.

    Within the plan's transaction: it looks at `change`, and at what was sent before.
    """
    warnings = [
        *_of_columns(model),
        *_of_keys(connection, model, plan.destination),
        *_of_ids(connection),
        *_of_many_traits(connection, model),
    ]
    connection.cursor().executemany(
        """
        insert into sync.plan_warnings (run_id, model, position, warning)
        values (%s, %s, %s, %s) on conflict do nothing
        """,
        [(plan.run_id, model.name, at, warning) for at, warning in enumerate(warnings, 1)],
    )


def warnings_of(connection: psycopg.Connection, run_id: int) -> list[str]:
    """What a run's plan warned of, model by model."""
    rows = connection.execute(
        "select model, warning from sync.plan_warnings where run_id = %s order by model, position",
        [run_id],
    )
    return [f"{model}: {warning}" for model, warning in rows]


def _of_columns(model: PushedModel) -> Iterator[str]:
    """Columns of the table itself whose names are Segment's own."""
    for name in sorted(model.column_names):
        if column_name(name) in RESERVED:
            yield (
                f"the column {name} has the name of one that Segment fills itself: its values are "
                "discarded in the warehouse. Give it another name in the model's SQL and YAML."
            )


def _of_keys(connection: psycopg.Connection, model: PushedModel, destination: str) -> Iterator[str]:
    """Keys of json columns that become one column with another name, or one that is too long."""
    by_column: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for top, key in sorted(_names(connection, model, destination), key=str):
        name = column_name(top if key is None else f"{top}_{key}")
        by_column[name[:COLUMN_LENGTH]].append((top, key))
    for column, names in by_column.items():
        is_one_of_many = len(names) > 1
        longest = max(len(column_name(t if k is None else f"{t}_{k}")) for t, k in names)
        if not is_one_of_many and longest <= COLUMN_LENGTH:
            continue
        # What was sent once and is gone from the table is no reason to warn for ever.
        current = [each for each in names if _is_there(connection, model, *each)]
        if len(current) > 1:
            yield (
                f"{_listed(current)} will be one column, {column}, in Segment's warehouse: of an "
                "object that has several only one value stays there. Rename all but one in Planhat."
            )
        elif current and longest > COLUMN_LENGTH:
            yield (
                f"{_listed(current)} will be a column of {longest} characters; Postgres keeps the "
                f"first {COLUMN_LENGTH} ({column}). Give it a shorter name in Planhat."
            )


def _names(
    connection: psycopg.Connection, model: PushedModel, destination: str
) -> set[tuple[str, str | None]]:
    """(column, key of it or None) of what is sent now and was sent before."""
    names: set[tuple[str, str | None]] = {(name, None) for name in model.column_names}
    # An object is flattened: it is no column itself.
    for top in _json_columns(model):
        rows = connection.execute(
            """
            select substr(path, length(%(top)s) + 2) from sync.column_types
            where
                destination = %(destination)s and model = %(model)s
                and starts_with(path, %(top)s || '.')
            union
            select key
            from change
            cross join lateral jsonb_each(
                case jsonb_typeof(payload -> %(top)s)
                    when 'object' then payload -> %(top)s else '{}'
                end
            )
            where value <> 'null'
            """,
            {"top": top, "destination": destination, "model": model.name},
        )
        if keys := [key for (key,) in rows]:
            names |= {(top, key) for key in keys}
            names.discard((top, None))
    return names


def _is_there(
    connection: psycopg.Connection, model: PushedModel, top: str, key: str | None
) -> bool:
    if key is None:
        return True
    row = connection.execute(
        sql.SQL(
            "select exists (select from {} as source where to_jsonb({}) ->> %s is not null)"
        ).format(outbound.table(model), sql.Identifier("source", top)),
        [key],
    ).fetchone()
    return row is not None and row[0]


def _of_ids(connection: psycopg.Connection) -> Iterator[str]:
    """Ids that are longer than what destinations keep."""
    row = connection.execute(
        """
        select count(*), min(object_id), max(char_length(coalesce(group_id, user_id)))
        from change
        where action is not null and char_length(coalesce(group_id, user_id)) > %s
        """,
        [ID_LENGTH],
    ).fetchone()
    count, example, longest = row  # type: ignore[misc]
    if count:
        many = f"{count:,} ids have" if count > 1 else "1 id has"
        yield (
            f"{many} more than {ID_LENGTH} characters (up to {longest:,}; {example}, for example): "
            f"destinations may cut or refuse them, and Segment's Unify drops a groupId over 500. "
            "Shorten the external id in Planhat."
        )


def _of_many_traits(connection: psycopg.Connection, model: PushedModel) -> Iterator[str]:
    columns = _json_columns(model)
    if not columns:
        return
    inner = sql.SQL(" + ").join(
        [
            sql.SQL(
                "(select count(*) from jsonb_object_keys(case jsonb_typeof(payload -> {0})"
                " when 'object' then payload -> {0} else '{{}}' end))"
            ).format(name)
            for name in columns
        ]
    )
    row = connection.execute(
        sql.SQL(
            """
            select count(*), min(object_id)
            from change
            where
                action is not null
                -- so many keys need at least so many bytes
                and payload_bytes > {traits} * 4
                and {columns} + {inner} > {traits}
            """
        ).format(traits=TRAITS, columns=len(model.columns), inner=inner)
    ).fetchone()
    count, example = row  # type: ignore[misc]
    if count:
        yield (
            f"{count:,} of its calls {'have' if count > 1 else 'has'} more than {TRAITS} traits "
            f"({example}, for example): warehouses get them, Segment's Unify drops them."
        )


def _json_columns(model: PushedModel) -> list[str]:
    return sorted(each.name for each in model.columns if each.kind == "json")


def _listed(names: Iterable[tuple[str, str | None]]) -> str:
    shown = [top if key is None else f'{top} "{key}"' for top, key in names]
    more = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
