"""What was found in a customer's data: rows of quality, companies that Planhat lacks, lateness,
and companies that look like one. Nothing of it stops a build or a push.
"""

from typing import Any

import psycopg

from include.page.finding_lists import LISTS, is_personal
from include.warehouse.reading import one, rows, shortened
from include.why.asking import HIDDEN

ROWS_A_PAGE = 50

# What each finding of marts.quality means and what to do: (title, meaning, remedy). A test compares
# them with the model. What is not here is shown by its name.
FINDINGS = {
    "company_external_id_used_twice": (
        "External id of several companies",
        "Several companies have it in Planhat, so calls that name it lead to none of them.",
        "Give each company an external id of its own in Planhat.",
    ),
    "company_without_external_id": (
        "Company without an external id",
        "Calls cannot name it; its endusers lead to it alone.",
        "Set the external id in Planhat that calls name it by.",
    ),
    "enduser_external_id_used_twice": (
        "External id of several endusers",
        "Several endusers of one company have it, so it tells nobody apart.",
        "Give each an external id of its own in Planhat, or delete the copies.",
    ),
    "enduser_of_unknown_company": (
        "Enduser of no known company",
        "Their company is deleted, or was not read.",
        "Move them to a company in Planhat, or read the companies too.",
    ),
    "former_key_of_several": (
        "Former key of several",
        "Several objects had it last, so it leads to none of them.",
        "Give it back to the one that it belongs to, or set an alias.",
    ),
    "former_company_key_in_use": (
        "Former key still in use",
        "Calls still name a company by the external id that it had.",
        "Nothing has to be done. Send the new one as soon as the client can.",
    ),
    "former_enduser_key_in_use": (
        "Enduser's former key still in use",
        "Calls still carry the external id that an enduser had; they are theirs.",
        "Nothing has to be done. Send the new one as soon as the client can.",
    ),
    "former_object_key_in_use": (
        "Object's former key still in use",
        "Calls still name an asset, project … by the external id that it had.",
        "Nothing has to be done. Send the new one as soon as the client can.",
    ),
    "enduser_moved": (
        "Enduser who moved",
        "Planhat has them in another company than before; calls that name none went with them.",
        "Nothing, if the move is right.",
    ),
    "user_id_is_an_address": (
        "User id that is an address",
        "It finds Planhat's enduser with that e-mail, as long as no call tells another.",
        "Send an id that stays when the address changes.",
    ),
    "unknown_company_of_known_users": (
        "Unknown company of known users",
        "Calls name a company that Planhat lacks; their users were found in another.",
        "Create the company in Planhat: it is in the list above.",
    ),
    "company_alias_without_effect": (
        "Alias without effect",
        "Its company is not in Planhat any more, or another company has the key.",
        "Take it back, or lead it to another company.",
    ),
    "export_line_rejected": (
        "Line of an export that could not be read",
        "Its object is as it was read before, if it ever was.",
        "Mend the line that the example names, and read the folder again.",
    ),
    "metric_value_rejected": (
        "Value of a metric that is no number",
        "The day keeps its other values.",
        "Send a JSON number: section Company metrics has them by trait.",
    ),
    "time_unreadable": (
        "Time that cannot be read",
        "The time of receipt counts in its place.",
        "Send RFC 3339, such as 2026-03-10T12:00:00Z.",
    ),
    "time_before_2000": (
        "Time before 2000",
        "The time of receipt counts in its place.",
        "Look at the clock of whoever sends it.",
    ),
    "time_after_receipt": (
        "Time more than a day after receipt",
        "The time of receipt counts in its place.",
        "Look at the clock of whoever sends it.",
    ),
}
# Of these one in a kind of key, which the name begins with.
KINDS = {
    "_spelt_in_several_ways": (
        "written in several ways",
        "They differ only by case, blanks or a number's form, and are different keys to us.",
        "Send one form everywhere, the one that Planhat has.",
    ),
    "_of_many_companies": (
        "of many companies",
        "It finds nobody where no company is named beside it.",
        "Send a company id too; block it if it is nobody's, or exclude it if it is your own.",
    ),
    "_like_a_placeholder": (
        "that looks like a placeholder",
        "Far more devices, users or companies share it than any other, and it is not blocked.",
        "Block it, if it stands for nobody.",
    ),
}
QUARANTINED = "call_quarantined_"


def quality(connection: psycopg.Connection, *, with_persons: bool = True) -> dict[str, Any]:
    """Findings by kind, the most frequent first, and how much names companies that Planhat lacks.

    `{"findings": [{"finding", "times", …}], "unknown": {"total", "events"}}`. An example that is
    somebody's key is told only to who may see it (`with_persons`).
    """
    found = rows(
        connection,
        "select finding, sum(times)::bigint as times, min(example) as example, count(*) as parts "
        "from marts.quality group by finding order by times desc, finding",
    )
    for row in found:
        row["title"], row["meaning"], row["remedy"] = words(row["finding"])
        row["example"] = _told(row["finding"], row["example"], with_persons)
    return {"findings": found, "unknown": _unknown(connection)}


def _told(finding: str, text: str | None, with_persons: bool) -> str | None:
    return shortened(text) if with_persons or not is_personal(finding) else HIDDEN


def _unknown(connection: psycopg.Connection) -> dict[str, Any]:
    found = one(
        connection,
        "select count(*) as total, coalesce(sum(events), 0)::bigint as events "
        "from marts.unknown_companies",
    )
    return found or {"total": 0, "events": 0}


def things(
    connection: psycopg.Connection, finding: str, *, with_persons: bool, offset: int = 0
) -> dict[str, Any]:
    """What a finding counts, fifty at a time: `{"total", "rows"}`.

    Each row has an `example` and a `detail`. Of what there is no list of, such as times of calls,
    it is where that was found: by `source`, `library` and `shape`, with how many `times`.
    """
    if finding not in LISTS:
        return _places(connection, finding, offset)
    total = one(connection, f"select count(*) as total from ({LISTS[finding]}) as found")  # noqa: S608
    found = rows(
        connection,
        f"select example, detail from ({LISTS[finding]}) as found "  # noqa: S608
        "order by example, detail limit %s offset %s",
        ROWS_A_PAGE,
        offset,
    )
    for row in found:
        row["example"] = _told(finding, row["example"], with_persons)
        row["detail"] = row["detail"] and _told(finding, row["detail"], with_persons)
    return {"total": total["total"] if total else 0, "rows": found}


def _places(connection: psycopg.Connection, finding: str, offset: int) -> dict[str, Any]:
    found = rows(
        connection,
        "select source, library, shape, times, example, count(*) over () as total "
        "from marts.quality where finding = %s "
        "order by times desc, source, library, shape limit %s offset %s",
        finding,
        ROWS_A_PAGE,
        offset,
    )
    total = found[0]["total"] if found else 0
    for row in found:
        del row["total"]
        for name in ("source", "library", "shape", "example"):
            row[name] = shortened(row[name])
    return {"total": total, "rows": found}


def words(finding: str) -> tuple[str, str, str]:
    """(title, meaning, remedy) of a finding."""
    if finding.startswith(QUARANTINED):
        reason = finding.removeprefix(QUARANTINED).replace("_", " ")
        return (
            f"Call set aside: {reason}",
            "It could not be kept as it came.",
            "Below, Quarantined calls has them; after a fix `make replay` lands what can be.",
        )
    for ending, (title, meaning, remedy) in KINDS.items():
        if finding.endswith(ending) and finding not in FINDINGS:
            kind = finding.removesuffix(ending).replace("_", " ").capitalize()
            return f"{kind} {title}", meaning, remedy
    return FINDINGS.get(finding, (finding.replace("_", " ").capitalize(), "", ""))


def unknown_companies(connection: psycopg.Connection, *, offset: int = 0) -> dict[str, Any]:
    """Company keys that calls name and no company has, the most frequent first, fifty at a time:
    `{"total", "events", "rows"}`."""
    found = rows(
        connection,
        "select company_key, events, events_found, users, first_seen_at, last_seen_at, "
        "sample_message_id from marts.unknown_companies "
        "order by events desc, company_key limit %s offset %s",
        ROWS_A_PAGE,
        offset,
    )
    for row in found:
        row["shown"] = shortened(row["company_key"])
    return {**_unknown(connection), "rows": found}


def lateness(connection: psycopg.Connection) -> dict[str, Any]:
    """How late calls arrive, by source and library, those that send most first (at most 200).

    `{"hours", "rows"}`; `hours` is how long after its end a week is judged.
    """
    judged = one(
        connection, "select value from sync.thresholds where threshold = 'alert_judged_after'"
    )
    found = rows(
        connection,
        "select source, library, calls, within_1h, within_12h, within_1d, within_7d, "
        "share_after_12h from marts.lateness order by calls desc, source, library limit 200",
    )
    for row in found:
        row["source"] = shortened(row["source"])
        row["library"] = shortened(row["library"])
    return {"hours": judged["value"] if judged else None, "rows": found}


def proposals(connection: psycopg.Connection) -> dict[str, Any]:
    """Companies that look like one, and what an alias would move, most events first (at most 200).

    `{"rows", "dismissed"}`: those that wait for a word, and those that somebody has dismissed, with
    who and when. Not those whose alias was set since the last build.
    """
    found = rows(
        connection,
        "select proposed.*, dismissed.changed_by, dismissed.valid_from "
        "from marts.company_alias_proposals as proposed "
        "left join sync.dismissed_aliases as dismissed "
        "on proposed.alias = dismissed.alias and proposed.company_id = dismissed.planhat_id "
        "where proposed.alias not in (select alias from sync.company_aliases) "
        "order by events desc, proposed.alias limit 200",
    )
    for row in found:
        row["shown"] = shortened(row["alias"])
        row["alias_name"] = shortened(row["alias_name"])
        row["company_name"] = shortened(row["company_name"])
        row["sample_message_id"] = shortened(row["sample_message_id"], 110)
    return {
        "rows": [row for row in found if row["changed_by"] is None],
        "dismissed": [row for row in found if row["changed_by"] is not None],
    }
