"""One-line mutations of what incremental models do with changes, and the worlds that turn red."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """In `file` (of the dbt project), `old` (there once) becomes `new`; `worlds` must notice."""

    file: str
    old: str
    new: str
    worlds: frozenset[str]


def _mutation(file: str, old: str, new: str, *worlds: str) -> Mutation:
    return Mutation(file, old, new, frozenset(worlds))


_IDENTITY = "models/intermediate/identity/int_identity__"
_USAGE = "models/intermediate/usage/int_usage__"
_JOURNALED = "materializations/journaled.sql"

MUTATIONS = [
    # What a model says of its columns and keys
    _mutation(
        f"{_IDENTITY}own_keysets.sql",
        "'first_creating_place': 'min'",
        "'first_creating_place': 'max'",
        "calls_that_come_are_added_to_those_of_their_keyset",
    ),
    _mutation(
        "models/intermediate/metrics/int_metrics__trait_days.sql",
        "'value_last': 'of last_place'",
        "'value_last': 'max'",
        "the_last_value_of_a_day_is_that_of_the_last_call_not_of_the_last_to_come",
    ),
    _mutation(
        f"{_USAGE}event_names.sql",
        "'first_seen_at': 'min'",
        "'first_seen_at': 'max'",
        "a_name_is_as_old_as_its_earliest_call_whenever_that_comes",
    ),
    _mutation(
        f"{_USAGE}object_days.sql",
        "['enduser_id', \"'enduser'\", 'activity_date']",
        "['object_id', \"'enduser'\", 'activity_date']",
        "the_day_of_a_company_and_of_its_enduser_change_by_themselves",
    ),
    _mutation(
        f"{_USAGE}object_windows.sql",
        "'touched_by': {'int_usage__object_days': ['object_id', 'object_type']}",
        "'touched_by': {'int_usage__object_days': ['object_type', 'object_id']}",
        "the_windows_of_an_object_whose_day_changed_are_counted_again_whole",
    ),
    # The models that say themselves what changes
    _mutation(
        f"{_IDENTITY}call_changes.sql",
        "            where placed_calls.event_seq = calls.event_seq\n",
        "            where false\n",
        "calls_of_a_keyset_that_means_somebody_else_are_taken_away_and_put_back",
        "a_call_whose_link_moves_leaves_one_keyset_for_another",
    ),
    _mutation(
        f"{_IDENTITY}call_changes.sql",
        "        -journal_sign as sign,\n        event_seq,\n        unplaced_keyset",
        "        journal_sign as sign,\n        event_seq,\n        unplaced_keyset",
        "a_call_whose_link_moves_leaves_one_keyset_for_another",
    ),
    _mutation(
        f"{_IDENTITY}anonymous_calls.sql",
        "        before.event_at is null\n        -- or if",
        "        false\n        -- or if",
        "a_link_that_comes_touches_the_calls_up_to_the_next_one",
        "a_link_that_goes_leaves_its_calls_to_the_one_before",
    ),
    _mutation(
        f"{_USAGE}object_call_changes.sql",
        "-changed.journal_sign * objects.journal_sign as sign",
        "changed.journal_sign * objects.journal_sign as sign",
        "an_object_that_comes_is_of_the_calls_that_named_it_and_one_that_goes_of_none",
    ),
    _mutation(
        f"{_USAGE}object_enduser_days.sql",
        "'last_event_at': 'max'",
        "'last_event_at': 'min'",
        "a_call_that_moves_leaves_one_day_for_another",
    ),
    _mutation(
        "models/marts/usage/usage_alerts.sql",
        "where earlier.kind = 'stopped' and moved_days.activity_date <= earlier.opened_on",
        "where false",
        "an_alert_opens_and_closes_with_the_days_that_come_and_go",
    ),
    _mutation(
        "models/marts/usage/closed_day_changes.sql",
        "first_value(journal_sign) over (partition by event_seq order by build_id, journal_sign)",
        "journal_sign",
        "a_day_that_is_over_is_told_with_what_changed_it",
    ),
    # How what is new is merged
    _mutation(
        _JOURNALED,
        "case when {{ outermost_went() }} then again.",
        "case when false then again.",
        "where_the_first_call_has_left_the_first_is_looked_for_again",
        "only_where_the_last_call_has_left_it_is_looked_for_again",
    ),
    _mutation(
        _JOURNALED,
        " = 0 as is_gone",
        " < 0 as is_gone",
        "a_call_that_is_matched_anew_leaves_one_outcome_for_another",
        "a_day_of_an_object_that_changes_changes_what_all_did",
        "where_the_first_call_has_left_the_first_is_looked_for_again",
        "a_call_that_moves_leaves_one_day_for_another",
        "a_device_is_one_of_an_id_as_long_as_a_link_says_so",
    ),
    _mutation(
        _JOURNALED,
        "        true as is_gone\n    from {{ touched }}",
        "        true as is_gone\n    from (select * from {{ touched }} limit 0)",
        "the_day_of_a_company_is_counted_again_where_one_of_its_endusers_comes_or_goes",
        "the_day_of_a_company_and_of_its_enduser_change_by_themselves",
        "the_windows_of_an_object_whose_day_changed_are_counted_again_whole",
        "a_late_day_before_all_others_adds_the_weeks_between",
        "a_call_that_borrows_elsewhere_leaves_one_pair_for_another",
    ),
    _mutation(
        "macros/increments.sql",
        "where build_id > {{ since }})\n",
        "where build_id >= {{ since }})\n",
        "calls_that_come_are_added_to_those_of_their_keyset",
        "the_last_value_of_a_day_is_that_of_the_last_call_not_of_the_last_to_come",
        "a_name_is_as_old_as_its_earliest_call_whenever_that_comes",
        "calls_that_come_are_counted_beside_those_that_were_as_late",
        "a_problem_that_is_known_is_counted_on_with_the_smallest_id_as_its_sample",
        "the_attributes_of_a_new_identify_are_added_and_no_other",
    ),
]
