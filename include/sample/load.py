"""Put the sample customer base into a played Planhat, and read it into a warehouse."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from include.connections import PlanhatConnection
from include.errors import ProblemError
from include.planhat.api.client import ClientOptions
from include.planhat.api.reading import read_api
from include.planhat.models import BY_NAME
from include.planhat.report import ReadReport
from include.sample import accounts, base_date
from include.sample.days import Days
from include.sample.declared import declare
from include.sample.documents import earlier_objects, gone_objects, objects
from include.sample.placing import Placing
from include.warehouse.connection import connect

# Without a pause: two reads of the sample are some 60 calls, of the 200 that a minute may have.
_AT_ONCE = ClientOptions(calls_per_second=None)


@dataclass(frozen=True)
class Loaded:
    """The sample's base date in this warehouse, and what the read changed."""

    base_date: date
    report: ReadReport
    # True if the warehouse had no sample before
    is_first: bool


def load(
    url: str,
    planhat: PlanhatConnection,
    *,
    say: Callable[[str], None] = print,
    on: date | None = None,
) -> Loaded:
    """Put the sample's documents into `planhat`, read them into the warehouse, make its settings.

    The first load fixes the base date (`on`, else the last whole UTC day) and first reads a few
    objects that Planhat deletes before the second read: the cases about deleted ones need them.
    Every later load finds the stored date, puts nothing and changes nothing. Interrupted anywhere
    and run again, it ends the same. Raises `ProblemError` when the warehouse holds other companies,
    which reading the sample would mark deleted, or `planhat` is not a played one; and what
    `read_api` raises.
    """
    _check_holds_nothing_else(url)
    stored = base_date.stored(url)
    day = stored or on or base_date.for_first_load()
    with Placing(planhat) as placing:
        if stored is None:
            placing.put(earlier_objects(day))
            earlier = [BY_NAME[name] for name in gone_objects(day)]
            read_api(url, planhat, models=earlier, options=_AT_ONCE, say=say)
        placing.put(objects(day))
        placing.remove(gone_objects(day))
    report = read_api(url, planhat, options=_AT_ONCE, say=say)
    declare(url)
    return Loaded(day, report, stored is None)


def _check_holds_nothing_else(url: str) -> None:
    days = Days(date(2026, 1, 1))  # ids do not depend on it
    own = [each["_id"] for each in (*accounts.companies(days), *accounts.gone_companies(days))]
    with connect(url, application_name="sample", autocommit=True) as connection:
        row = connection.execute(
            "select count(*) from raw_planhat.objects where model = 'company'"
            " and deleted_at is null and planhat_id <> all(%s)",
            [own],
        ).fetchone()
    if row and row[0]:
        raise ProblemError(
            f"This warehouse holds {row[0]:,} companies that are not the sample's: the sample is "
            "for a warehouse of its own (another DATA_DIR, or `make clean`)."
        )
