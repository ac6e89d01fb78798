"""What is read from Planhat: its models, where they are found, and what their fields hold."""

import re
from dataclasses import dataclass, field
from enum import Enum

from include.errors import SettingError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PATH = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


class Kind(Enum):
    """What a field holds; the value is how a reject names it."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    # ISO 8601, a date or a date with a time, kept as text
    TIME = "an ISO date"
    # whole days since 1970-01-01, as invoices have them
    DAY = "a whole number of days since 1970-01-01"
    LIST = "a list"
    OBJECT = "an object"
    # a code when written, an object {_id, symbol, rate, …} when read
    CURRENCY = "a currency code or object"


@dataclass(frozen=True)
class Model:
    """One of Planhat's models.

    `name` is the model's name in every table (snake case, singular), `path` the API's path and the
    export file's stem. `fields` holds the fields with a known type; every other field of an object
    is kept as it came. `labels` holds what Planhat's UI calls a field where the label is not the
    field's own name in words.
    """

    name: str
    path: str
    fields: dict[str, Kind]
    required: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    # one that a customer made: its fields are not known here
    is_custom: bool = False


# Fields that move although nobody changed the object: every write moves `updatedAt`, every day
# `renewalDaysFromNow`, and Planhat's own activity counters echo the usage that is tracked. A read
# that differs in nothing else is unchanged, and the stored payload keeps the values it had when
# the content last changed. Every other field is content, health, score and last touch included.
MOVING_FIELDS = (
    "updatedAt",
    "lastUpdated",
    "__v",
    "renewalDaysFromNow",
    "usage",
    "beats",
    "beatTrend",
    "convs14",
    "lastActive",
    "lastActiveTime",
    "lastActivities",
    "lastActive7",
    "lastActive30",
    "lastActive90",
    "lastTouch7",
    "lastTouch30",
    "lastTouch90",
    "nrOpenTasks",
    "nrOverDueTasks",
    "nrTasksDue7Days",
    "nrTasksDue14Days",
    "nrTasksDue30Days",
    "nrTasksDue90Days",
)


def _fields(**by_kind: str) -> dict[str, Kind]:
    kinds = {kind.name.lower(): kind for kind in Kind}
    return {name: kinds[kind] for kind, names in by_kind.items() for name in names.split()}


_CUSTOM = "custom"

MODELS = (
    Model(
        "company",
        "companies",
        _fields(
            text="name externalId sourceId owner coOwner phase status",
            number="h csmScore mrr mrrTotal nrr30",
            time="customerFrom customerTo renewalDate lastTouch",
            list="domains tags",
            object=_CUSTOM,
        ),
        required=("name",),
    ),
    Model(
        "enduser",
        "endusers",
        _fields(
            text="companyId companyName email firstName lastName name externalId sourceId "
            "position phone",
            boolean="featured primary archived",
            list="tags",
            object=_CUSTOM,
        ),
        required=("email", "companyId"),
    ),
    Model(
        "asset",
        "assets",
        _fields(
            text="companyId name externalId sourceId serialNumber status ownerId",
            number="value",
            currency="_currency",
            time="installDate",
            object=_CUSTOM,
        ),
        required=("companyId", "name"),
    ),
    Model(
        "project",
        "projects",
        _fields(
            text="companyId name externalId sourceId",
            number="mrr arr nrr",
            currency="currency",
            time="startDate endDate",
            object=_CUSTOM,
        ),
        required=("companyId", "name"),
    ),
    Model(
        "license",
        "licenses",
        _fields(
            text="companyId product externalId sourceId renewalStatus",
            number="mrr value renewalPeriod noticePeriod",
            boolean="fixedPeriod autoRenews",
            currency="_currency",
            time="fromDate toDate",
            object=_CUSTOM,
        ),
        required=("companyId", "_currency", "fromDate"),
    ),
    Model(
        "sale",
        "sales",
        _fields(
            text="companyId product externalId sourceId",
            number="value",
            currency="_currency",
            time="salesDate",
            object=_CUSTOM,
        ),
        required=("companyId", "_currency", "salesDate", "value"),
    ),
    Model(
        "invoice",
        "invoices",
        _fields(
            text="cId cName extId sourceId invoiceNo status",
            number="amountTotal",
            currency="currency",
            day="invoiceDate dueDate paidDate",
            object=_CUSTOM,
        ),
        required=("currency", "cId"),
        labels={"Company Id": "cId", "Company Name": "cName", "External Id": "extId"},
    ),
    Model(
        "opportunity",
        "opportunities",
        _fields(
            text="companyId title salesStage externalId sourceId ownerId status",
            number="mrr arr nrr contractLength",
            currency="_currency",
            time="dealDate closeDate",
            object=_CUSTOM,
        ),
        required=("companyId",),
    ),
    Model(
        "churn",
        "churn",
        _fields(
            text="companyId churnReason externalId",
            boolean="isChurn",
            time="createDate",
            object=_CUSTOM,
        ),
        required=("companyId", "isChurn"),
    ),
    Model(
        "nps",
        "nps",
        _fields(
            text="cId email euId campaignId comment sourceId",
            number="score",
            time="dateSent dateAnswered",
            object=_CUSTOM,
        ),
        required=("email", "score"),
        labels={"Company Id": "cId", "Enduser Id": "euId"},
    ),
    # Notes too: Planhat keeps them here, with `type` "note".
    Model(
        "conversation",
        "conversations",
        _fields(
            text="subject companyId type externalId",
            boolean="archived",
            time="date",
            list="users endusers activityTags",
            object=_CUSTOM,
        ),
        required=("subject", "companyId"),
    ),
    Model(
        "task",
        "tasks",
        _fields(
            text="mainType companyId action type ownerId status",
            time="startTime endTime dateDone",
            object=_CUSTOM,
        ),
        required=("mainType", "companyId"),
    ),
    Model(
        "ticket",
        "tickets",
        _fields(
            text="companyId sourceId email title type severity product status",
            number="timeSpent",
            object=_CUSTOM,
        ),
        required=("companyId", "sourceId", "email"),
    ),
    Model(
        "issue",
        "issues",
        _fields(
            text="title sourceId priority status",
            number="mrrCombined",
            time="createdAt updatedAt",
            list="companyIds enduserIds",
            object=_CUSTOM,
        ),
        required=("title",),
    ),
    # Of these three only ids and companyId are documented.
    Model("campaign", "campaigns", _fields(text="companyId", object=_CUSTOM)),
    Model("objective", "objectives", _fields(text="companyId", object=_CUSTOM)),
    Model("workspace", "workspaces", _fields(text="companyId", object=_CUSTOM)),
    Model(
        "user",
        "users",
        _fields(
            text="email nickName firstName lastName externalId",
            boolean="inactive",
            list="roles",
            object=_CUSTOM,
        ),
        required=("email", "nickName", "firstName", "lastName"),
    ),
)

BY_NAME = {model.name: model for model in MODELS}
BY_PATH = {model.path: model for model in MODELS}


def custom_model(name: str, path: str) -> Model:
    """A model that a customer made in Planhat: what every model has is typed, the rest kept."""
    known = _fields(text="companyId name externalId sourceId", object=_CUSTOM)
    return Model(name, path, known, is_custom=True)


def models_with(custom: str | None) -> tuple[Model, ...]:
    """All models: Planhat's, and those of PLANHAT_CUSTOM_MODELS (`contract=contracts seat=seats`).

    Raises `SettingError` for one that is no `name=path`, or whose name or path is taken.
    """
    found = list(MODELS)
    for text in (custom or "").replace(",", " ").split():
        name, sign, path = text.partition("=")
        path = path.strip("/")
        if not (sign and _NAME.fullmatch(name) and _PATH.fullmatch(path)):
            raise SettingError(
                f"PLANHAT_CUSTOM_MODELS: {text!r} is not name=path, such as contract=contracts "
                "(the name in small letters, the path as the API has it)."
            )
        if any(name == each.name or path == each.path for each in found):
            raise SettingError(f"PLANHAT_CUSTOM_MODELS: {text!r} names a model that there is.")
        found.append(custom_model(name, path))
    return tuple(found)
