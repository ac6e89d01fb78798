"""The settings that an operator of the sample's customers would have made."""

from include.sample.cases import company_id
from include.warehouse.connection import connect

# metric → aggregation
COMPANY_METRICS = {"api_calls": "SUM", "seats_used": "LAST", "storage_gb": "LAST"}
# (type, event) → (counted, weight)
USAGE_EVENTS = {
    ("track", "Heartbeat"): (False, 1),
    ("track", "Report Exported"): (True, 3),
    ("screen", "screen"): (True, 0.5),
    ("page", "Order Confirmed"): (True, 1),
}
# (measure, object type, dimension in Planhat)
PLANHAT_MEASURES = (
    ("endusers", "company", "active_people"),
    ("activities", "enduser", "activities"),
)
# (value, key, kind)
BLOCKED_IDENTITIES = (("kiosk", "all", "value"), ("loadtest-*", "user_id", "pattern"))
# (kind, value): one's own staff
EXCLUDED = (("domain", "ourselves.example"),)
# a further key → the company that it leads to
COMPANY_ALIASES = {"quay-marine": company_id("quay")}
# (model, property): events may also name a license
OBJECT_KEYS = (("license", "license_id"),)


def declare(url: str) -> None:
    """Make these settings where nobody made another. Running it again changes nothing."""
    with connect(url, application_name="sample") as connection:
        for metric, aggregation in COMPANY_METRICS.items():
            connection.execute(
                "insert into sync.company_metrics (metric, aggregation, changed_by)"
                " values (%s, %s, 'sample') on conflict do nothing",
                [metric, aggregation],
            )
        for (type_, event), (counted, weight) in USAGE_EVENTS.items():
            connection.execute(
                "insert into sync.usage_events (type, event, counted, weight, changed_by)"
                " values (%s, %s, %s, %s, 'sample') on conflict do nothing",
                [type_, event, counted, weight],
            )
        for measure, object_type, dimension in PLANHAT_MEASURES:
            connection.execute(
                "insert into sync.planhat_measures (measure, object_type, dimension, changed_by)"
                " values (%s, %s, %s, 'sample') on conflict do nothing",
                [measure, object_type, dimension],
            )
        for value, key, kind in BLOCKED_IDENTITIES:
            connection.execute(
                "insert into sync.blocked_identities (value, key, kind, changed_by)"
                " values (%s, %s, %s, 'sample') on conflict do nothing",
                [value, key, kind],
            )
        for kind, value in EXCLUDED:
            connection.execute(
                "insert into sync.excluded (kind, value, changed_by)"
                " values (%s, %s, 'sample') on conflict do nothing",
                [kind, value],
            )
        for alias, company in COMPANY_ALIASES.items():
            connection.execute(
                "insert into sync.company_aliases (alias, planhat_id, changed_by)"
                " values (%s, %s, 'sample') on conflict do nothing",
                [alias, company],
            )
        for model, property_ in OBJECT_KEYS:
            connection.execute(
                "insert into sync.object_keys (model, property, changed_by)"
                " values (%s, %s, 'sample') on conflict do nothing",
                [model, property_],
            )
