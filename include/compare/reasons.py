"""Why what is ours and what is theirs differ, in words: what it means, and what to do."""

from include.push.to_planhat.planning import WITHHELD
from include.why.reasons import REASONS as UNRESOLVED

# By section, beside what is withheld and what became of calls: (meaning, what to do).
REASONS = {
    "another_company": (
        "calls name somebody with this external id or address in another company",
        "look at both with make why: the company that calls name, or Planhat's, is wrong",
    ),
    "another_address": (
        "the same external id in the same company, and another address",
        "nothing: ours is the last that calls carried",
    ),
    "another_external_id": (
        "the same person, and calls carry another external id than Planhat has",
        "give the enduser in Planhat the user id that calls carry",
    ),
    "somebody_else": (
        "Planhat has an enduser of its company with its external id or address, and the rules say "
        "that it is somebody else",
        "make why of the external id says by which rule",
    ),
    "not_there": (
        "Planhat has nothing of it",
        "look whether the hosted integration was on, and declares the metric, on these days",
    ),
    "no_call": (
        "no call of these days carries it",
        "was it made by hand or by another tool? Else look whether all sources send here too",
    ),
    "no_value": (
        "no call of that day carries a value for that object",
        "look whether all sources send here too, and whether something else writes the metric",
    ),
    "twice_in_planhat": (
        "Planhat has it twice, and the other one is compared",
        "merge or delete the copy in Planhat",
    ),
    "spelled_otherwise": (
        "Planhat's metric is spelled otherwise than ours, so that ours would be another one",
        "declare the trait, or the dimension, as Planhat spells it",
    ),
    "no_number": ("Planhat's value is no number", "look at the metric in Planhat"),
    "multiple": (
        "Planhat has a multiple of ours: it was sent several times, or is summed there",
        "trust ours, if the metric counts occurrences",
    ),
    "another_value": (
        "both have a value, and not the same",
        "make why of the company: which calls counted; is it SUM or LAST in both?",
    ),
    "rejected_value": (
        "calls of that day carry a value that is no number, and it is not taken here",
        "send a JSON number: section Company metrics has them by trait",
    ),
    "unknown_object": (
        "the object is not among those that were last read of Planhat",
        "make planhat, make build, and compare again",
    ),
    "before_since": (
        "it is sent from a later day on (since of sync.planhat_outbound, sync.planhat_measures)",
        "nothing, or an earlier day there",
    ),
    "not_in_planhat": (
        "the enduser is not in Planhat yet, so that it has no activity there",
        "see the section endusers",
    ),
    "never_active": (
        "Planhat has the enduser, and has never seen it do anything",
        "look by which key the hosted integration was to find it: external id, or address",
    ),
    "earlier_in_planhat": (
        "Planhat last saw it before",
        "look whether calls of its last day carry what Planhat finds it by",
    ),
    "later_in_planhat": (
        "Planhat saw it later, and no call that counts is of that day",
        "look whether all sources send here too",
    ),
    "next_day": (
        "a day apart: where the day of a call ends depends on its time zone, ours is UTC",
        "nothing, if it is so for few",
    ),
    "not_counted": (
        "its calls since do not count here (sync.usage_events)",
        "nothing, or let these events count",
    ),
    "since_then": (
        "Planhat saw it after these days, and calls have nothing of it on them",
        "compare again once those days are over and built",
    ),
    "shared_address_in_planhat": (
        "several endusers in Planhat have its address, and Planhat books on any of them",
        "nothing: ours follows a rule; or give each an external id",
    ),
}


def in_words(code: str) -> tuple[str, str]:
    """What a reason means, and what to do."""
    if code in REASONS:
        return REASONS[code]
    if code in UNRESOLVED:
        _, meaning, remedy = UNRESOLVED[code]
        return f"calls are unresolved: {meaning[0].lower()}{meaning[1:]}".rstrip("."), remedy
    if code in WITHHELD:
        return f"we would not send it: {WITHHELD[code]}", "docs/planhat.md, What is left out"
    return code, ""
