"""What was found out about a tenant: kept in `raw_planhat.tenants`, asked by reader and writer."""

from dataclasses import asdict, dataclass, field
from typing import Literal

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from include.planhat.api.pages import LIMIT

# However large pages may be, memory has to stay flat.
LARGEST_LIMIT = 5_000


@dataclass(frozen=True)
class ModelFindings:
    """One model: whether the token may read it, and how large its pages are."""

    access: Literal["yes", "denied", "missing", "odd"]
    # rows of the page for which `asked` were asked
    rows: int = 0
    asked: int = 0
    # there are more rows than that page had, although more were asked for
    is_clamped: bool = False
    # a larger limit was refused
    is_refused: bool = False
    is_sorted: bool | None = None
    is_selected: bool | None = None

    @property
    def limit(self) -> int:
        """The limit to ask for."""
        if self.is_refused:
            return min(self.asked, LARGEST_LIMIT)
        return max(LIMIT, min(self.rows, LARGEST_LIMIT))


@dataclass(frozen=True)
class Findings:
    """A tenant; None and empty where it could not be found out."""

    models: dict[str, ModelFindings] = field(default_factory=dict)
    currency: Literal["object", "text"] | None = None
    # names of the headers that told of the quota
    quota_headers: tuple[str, ...] = ()
    quota_limit: int | None = None
    # the archived ones come when they are asked for
    has_archived: bool | None = None
    reads_metrics: bool = False
    unknown_company: Literal["empty", "missing"] | None = None
    # by Planhat's word for the model: name → type
    custom_fields: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def twins(self) -> list[str]:
        """Custom fields whose names differ in letter case only: `Company: Plan, plan`."""
        found = []
        for parent, fields in sorted(self.custom_fields.items()):
            alike: dict[str, list[str]] = {}
            for name in fields:
                alike.setdefault(name.strip().lower(), []).append(name)
            found += [
                f"{parent}: {', '.join(sorted(names))}"
                for names in alike.values()
                if len(names) > 1
            ]
        return found


def keep(connection: psycopg.Connection, tenant: str, findings: Findings) -> None:
    """Keep what was found instead of what was found before."""
    connection.execute(
        "insert into raw_planhat.tenants (tenant, findings) values (%s, %s)"
        " on conflict (tenant) do update set"
        " checked_at = excluded.checked_at, findings = excluded.findings",
        [tenant, Jsonb(asdict(findings))],
    )


def known(connection: psycopg.Connection, tenant: str) -> Findings:
    """What was found out about a tenant; empty where nothing was."""
    row = connection.execute(
        "select findings from raw_planhat.tenants where tenant = %s", [tenant]
    ).fetchone()
    try:
        return msgspec.convert(row[0], Findings) if row else Findings()
    except msgspec.ValidationError:  # of another version: to be found out again
        return Findings()
