"""One-line mutations of the dbt project, and the unit test that each turns red."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """In `file` (of the dbt project), `old` (there once) becomes `new`; `test` must notice."""

    rule: str
    file: str
    old: str
    new: str
    test: str


_STAGING = "models/staging/segment/stg_segment__"
_IDENTITY = "models/intermediate/identity/int_identity__"
_USAGE = "models/intermediate/usage/int_usage__"

MUTATIONS = [
    # Keys of an event
    Mutation(
        "§3.1",
        "macros/keys.sql",
        "and {{ value }} not in ('-1', 'null', 'undefined', 'anonymous')",
        "and {{ value }} not in ('null', 'undefined', 'anonymous')",
        "each_key_is_the_first_candidate_that_is_not_blocked",
    ),
    Mutation(
        "§3.1",
        "macros/keys.sql",
        'then {{ "lower(btrim(" ~ text ~ "))" if is_email else text }}',
        'then {{ "btrim(" ~ text ~ ")" if is_email else text }}',
        "every_candidate_key_is_kept_in_the_order_of_its_list",
    ),
    Mutation(
        "§3.1",
        f"{_IDENTITY}own_keys.sql",
        "first_unblocked('keysets.emails', 'blocked.blocked_emails')",
        "first_unblocked('keysets.emails', 'blocked.blocked_values')",
        "each_key_is_the_first_candidate_that_is_not_blocked",
    ),
    Mutation(
        "§3.1",
        f"{_IDENTITY}mentions.sql",
        "'blocked.blocked_values'",
        "\"'{}'\"",
        "an_object_key_is_the_first_candidate_that_is_not_blocked",
    ),
    Mutation(
        "§3.1",
        f"{_IDENTITY}objects.sql",
        "where deleted_at is null and external_id",
        "where external_id",
        "an_object_key_means_an_object_within_its_company",
    ),
    Mutation(
        "§3.1",
        f"{_IDENTITY}call_objects.sql",
        "and resolutions.company_id = objects.company_id",
        "and true",
        "an_object_of_a_call_is_looked_for_in_its_company",
    ),
    Mutation(
        "§3.1",
        f"{_STAGING}object_mentions.sql",
        "['properties', 'traits', 'context']",
        "['traits', 'properties', 'context']",
        "object_keys_of_a_call_are_kept_in_the_order_of_their_names",
    ),
    Mutation(
        "§3.1",
        "models/staging/settings/stg_settings__blocked_identities.sql",
        "array_agg(lower(btrim(value)))",
        "array_agg(btrim(value))",
        "a_blocked_value_is_compared_as_sent_and_folded_as_an_email",
    ),
    # Anonymous events
    Mutation(
        "§3.2",
        f"{_IDENTITY}anonymous_calls.sql",
        'order by links.event_at desc, links.message_id collate "C" desc',
        'order by links.event_at desc, links.message_id collate "C"',
        "an_anonymous_call_takes_its_nearest_link",
    ),
    Mutation(
        "§3.2",
        f"{_IDENTITY}anonymous_calls.sql",
        "            before.event_seq is null",
        "            false",
        "an_anonymous_call_takes_its_nearest_link",
    ),
    Mutation(
        "§3.2",
        f"{_IDENTITY}links.sql",
        "aliases_of_users.event_seq is not null as is_gone",
        "false as is_gone",
        "whoever_says_whose_an_anonymous_id_is_links_it",
    ),
    Mutation(
        "§3.2",
        f"{_IDENTITY}aliases_of_users.sql",
        "where other_calls_than_alias > 0 and user_id is not null",
        "where user_id is not null",
        "an_alias_links_only_what_is_not_a_user_already",
    ),
    Mutation(
        "§3.2",
        f"{_IDENTITY}keys.sql",
        "coalesce(own.company_key, link.company_key)",
        "coalesce(link.company_key, own.company_key)",
        "a_call_is_resolved_by_its_own_keys_or_by_those_of_its_link",
    ),
    # Which company
    Mutation(
        "§3.3",
        f"{_IDENTITY}known_companies.sql",
        "where deleted_at is null",
        "where true",
        "a_known_company_is_in_planhat_and_not_deleted_there",
    ),
    Mutation(
        "§3.3",
        f"{_IDENTITY}key_companies.sql",
        "where naming_calls > 0",
        "where true",
        "companies_of_a_key_come_from_planhat_and_from_naming_calls",
    ),
    Mutation(
        "§3.3",
        f"{_IDENTITY}user_company_periods.sql",
        "order by user_id, event_date, place desc",
        "order by user_id, event_date, place",
        "of_several_companies_the_one_named_nearest_by_day",
    ),
    Mutation(
        "§3.3",
        f"{_IDENTITY}user_company_periods.sql",
        "where is_in_scope and type in ('identify', 'track')",
        "where is_in_scope",
        "of_several_companies_the_one_named_nearest_by_day",
    ),
    Mutation(
        "§3.3",
        f"{_IDENTITY}keyset_companies.sql",
        "when of_user.companies = 1 then 'user_id'",
        "when of_user.companies >= 1 then 'user_id'",
        "the_first_rule_that_applies_decides_the_company",
    ),
    Mutation(
        "§3.3",
        f"{_IDENTITY}keyset_companies.sql",
        "where deleted_at is null and is_primary",
        "where is_primary",
        "the_first_rule_that_applies_decides_the_company",
    ),
    # Which enduser
    Mutation(
        "§3.4",
        f"{_IDENTITY}user_emails.sql",
        "order by company_id, user_id, last_place desc",
        "order by company_id, user_id, last_place",
        "the_email_of_a_user_is_the_last_one_its_calls_carried",
    ),
    Mutation(
        "§3.4",
        f"{_IDENTITY}endusers_by_email.sql",
        "when endusers = 1 then only_enduser_id",
        "when endusers >= 1 then only_enduser_id",
        "an_email_means_one_enduser_or_nobody",
    ),
    Mutation(
        "§3.4",
        f"{_IDENTITY}users.sql",
        "coalesce(by_external_id.enduser_id, by_email.enduser_id)",
        "coalesce(by_email.enduser_id, by_external_id.enduser_id)",
        "a_user_id_is_an_external_id_else_an_email_else_created",
    ),
    Mutation(
        "§3.4",
        f"{_IDENTITY}emails.sql",
        "when created.users = 1 then created.only_enduser_id",
        "when created.users >= 1 then created.only_enduser_id",
        "an_email_alone_is_planhats_else_a_created_users_else_created",
    ),
    Mutation(
        "§3.4",
        "models/marts/quality/identity_conflicts.sql",
        "or endusers.external_id <> led.user_id",
        "or endusers.external_id is distinct from led.user_id",
        "two_keys_that_lead_to_two_people_are_a_conflict",
    ),
    # Auto-create
    Mutation(
        "§3.5",
        f"{_IDENTITY}calls.sql",
        "calls.type in ('identify', 'track') and not",
        "calls.type in ('identify', 'track', 'page') and not",
        "settings_hold_from_the_moment_they_were_made",
    ),
    Mutation(
        "§3.5",
        f"{_IDENTITY}own_keysets.sql",
        "min(place) filter (where may_create)",
        "min(place)",
        "a_keyset_says_what_its_calls_amount_to",
    ),
    Mutation(
        "§3.5",
        f"{_IDENTITY}borrowed_keysets.sql",
        "min(anonymous_calls.place) filter (where anonymous_calls.may_create)",
        "min(anonymous_calls.place)",
        "a_borrowed_keyset_says_what_its_calls_amount_to",
    ),
    Mutation(
        "§3.5",
        f"{_IDENTITY}created_users.sql",
        "order by users.company_id, users.user_id, keyset_companies.first_creating_place",
        "order by users.company_id, users.user_id, keyset_companies.first_creating_place desc",
        "only_what_may_create_does_and_the_first_in_order_signs",
    ),
    Mutation(
        "§3.5",
        f"{_IDENTITY}created_emails.sql",
        "where first_creating_place is not null and user_id is null",
        "where first_creating_place is not null",
        "an_address_alone_creates_too",
    ),
    Mutation(
        "§3.5",
        f"{_IDENTITY}attributes.sql",
        "type = 'identify' and is_in_scope",
        "type = 'identify'",
        "an_attribute_keeps_the_keyset_and_place_of_its_identify",
    ),
    Mutation(
        "§3.5",
        "models/marts/core/endusers.sql",
        "order by enduser_id, attribute, place desc",
        "order by enduser_id, attribute, place",
        "a_created_enduser_has_the_last_value_of_each_attribute",
    ),
    Mutation(
        "§3.5",
        f"{_STAGING}identify_traits.sql",
        "in ('string', 'number', 'null')",
        "in ('string', 'number')",
        "an_attribute_that_is_null_is_kept_and_one_that_is_odd_is_not",
    ),
    Mutation(
        "§3.5",
        "models/staging/settings/stg_settings__switches.sql",
        "over (partition by switch order by valid_from)",
        "over (order by valid_from)",
        "a_switch_is_in_force_until_the_next_of_its_kind",
    ),
    # Resolved or not
    Mutation(
        "§3.6",
        f"{_STAGING}calls.sql",
        "and payload #> '{integrations,Planhat}' is null",
        "and true",
        "what_a_call_is_and_whether_its_sender_opted_out",
    ),
    Mutation(
        "§3.6",
        f"{_IDENTITY}keyset_endusers.sql",
        "when is_deleted then 'deleted_enduser'",
        "when false then 'deleted_enduser'",
        "a_set_of_keys_has_an_enduser_or_a_reason",
    ),
    Mutation(
        "§3.6",
        "macros/resolution.sql",
        "({{ keysets }}.names_person or {{ calls }}.names_anonymous)",
        "{{ keysets }}.names_person",
        "a_call_is_resolved_or_has_the_first_reason_that_applies",
    ),
    Mutation(
        "§3.6",
        f"{_USAGE}object_event_days.sql",
        "coalesce(sum(calls) filter (where enduser_id <> ''), 0)",
        "coalesce(sum(calls), 0)",
        "calls_of_nobody_known_are_unattributed",
    ),
    Mutation(
        "§3.6",
        "models/marts/quality/unresolved_daily.sql",
        "and unresolved_days.reason not in ('suppressed', 'unsupported_type', 'section_off')",
        "and true",
        "an_unresolved_row_says_who_was_looked_for",
    ),
    Mutation(
        "§3.6",
        "models/marts/core/event_resolution.sql",
        "and mentions.object_key is not null",
        "and true",
        "a_call_is_one_row_whatever_objects_it_names",
    ),
    # Track
    Mutation(
        "§3.7",
        "models/marts/usage/usage_daily.sql",
        "coalesce(usage_events.counted, unioned.type = 'track')",
        "coalesce(usage_events.counted, true)",
        "what_counts_and_how_much_is_a_row_of_the_settings",
    ),
    Mutation(
        "§3.7",
        "models/marts/usage/usage_daily.sql",
        "unioned.calls * coalesce(usage_events.weight, 1)",
        "unioned.calls * 1.0",
        "what_counts_and_how_much_is_a_row_of_the_settings",
    ),
    Mutation(
        "§3.7",
        f"{_USAGE}object_enduser_days.sql",
        "type in ('track', 'page', 'screen') and company_id is not null\n{%- endset",
        "type in ('track', 'page', 'screen', 'identify') and company_id is not null\n{%- endset",
        "calls_are_counted_by_object_enduser_day_and_event",
    ),
    Mutation(
        "§3.7",
        "models/marts/usage/usage_event_names.sql",
        "coalesce(usage_events.counted, event_names.type = 'track')",
        "event_names.type = 'track'",
        "an_event_name_says_whether_it_counts",
    ),
    # Group
    Mutation(
        "§3.8",
        f"{_STAGING}calls.sql",
        "candidates(texts_at(outside_traits(keys.user_id), column_of))",
        "candidates(texts_at(keys.user_id, column_of))",
        "every_candidate_key_is_kept_in_the_order_of_its_list",
    ),
    Mutation(
        "§3.8",
        f"{_STAGING}group_traits.sql",
        "case when jsonb_typeof(trait.value) = 'number' then",
        "case when trait.value #>> '{}' ~ '^[0-9.]+$' then",
        "every_trait_of_a_group_call_is_kept_with_its_type",
    ),
    Mutation(
        "§3.8",
        "models/intermediate/metrics/int_metrics__trait_days.sql",
        "(array_agg(value order by place desc))[1]",
        "(array_agg(value order by value desc))[1]",
        "a_day_of_a_trait_has_a_sum_and_a_last_value",
    ),
    Mutation(
        "§3.8",
        "models/marts/metrics/company_metrics.sql",
        "when 'SUM' then sum(trait_days.value_sum)",
        "when 'SUM' then sum(trait_days.value_last)",
        "a_day_of_a_metric_is_its_sum_or_its_last_value",
    ),
    Mutation(
        "§3.8",
        "models/marts/metrics/metric_candidates.sql",
        "where company_metrics.metric is null",
        "where true",
        "a_numeric_trait_that_nobody_declared_is_a_candidate",
    ),
    Mutation(
        "§3.8",
        "models/marts/metrics/metric_rejections.sql",
        "where type = 'group' and is_in_scope",
        "where type = 'group'",
        "a_declared_metric_that_is_no_number_is_rejected",
    ),
    # Time
    Mutation(
        "§3.9",
        f"{_STAGING}calls.sql",
        "when is_corrected_by_segment then stamped_at",
        "when false then stamped_at",
        "the_clock_of_a_call_follows_3_9",
    ),
    Mutation(
        "§3.9",
        f"{_STAGING}calls.sql",
        "claimed_at <= received_at + interval '1 day'",
        "claimed_at < received_at + interval '1 day'",
        "the_clock_of_a_call_follows_3_9",
    ),
    Mutation(
        "§3.9",
        "macros/times.sql",
        "{{ text }} like '____-__-__'",
        "true",
        "the_clock_of_a_call_follows_3_9",
    ),
    Mutation(
        "§3.9",
        "macros/times.sql",
        "and {{ text }} between '0' and ':'",
        "and true",
        "the_clock_of_a_call_follows_3_9",
    ),
    # Once
    Mutation(
        "§3.10",
        "models/marts/core/event_resolution.sql",
        "    ) as named on true",
        "    group by mentions.model) as named on true",
        "a_call_is_one_row_whatever_objects_it_names",
    ),
    Mutation(
        "§3.10",
        f"{_IDENTITY}call_resolutions.sql",
        "    calls.is_in_scope\n",
        "    true\n",
        "a_call_is_resolved_or_has_the_first_reason_that_applies",
    ),
    Mutation(
        "§3.10",
        f"{_IDENTITY}call_resolutions.sql",
        "or calls.anonymous_id is null",
        "or true",
        "a_call_is_resolved_or_has_the_first_reason_that_applies",
    ),
    # Receipts
    Mutation(
        "§3.11",
        f"{_STAGING}calls.sql",
        "message_id like '{{ var(\"receipt_prefix\") }}%'",
        "message_id = '{{ var(\"receipt_prefix\") }}'",
        "what_a_call_is_and_whether_its_sender_opted_out",
    ),
    Mutation(
        "§3.11",
        f"{_IDENTITY}calls.sql",
        "'calls.has_receipt_id or ' ~ call_setting('planhat_sources')",
        "call_setting('planhat_sources')",
        "settings_hold_from_the_moment_they_were_made",
    ),
    Mutation(
        "§3.11",
        f"{_USAGE}event_names.sql",
        " and not is_receipt",
        "",
        "a_new_event_name_is_reported_when_first_seen",
    ),
    Mutation(
        "§3.11",
        "models/intermediate/quality/int_quality__unresolved_days.sql",
        "        and reason <> 'receipt'\n",
        "",
        "unresolved_calls_of_a_day_are_one_row_with_a_sample",
    ),
    # Sections
    Mutation(
        "§3.12",
        f"{_IDENTITY}calls.sql",
        "call_setting('company_metrics_off')",
        "call_setting('user_tracking_off')",
        "settings_hold_from_the_moment_they_were_made",
    ),
    Mutation(
        "§3.12",
        f"{_IDENTITY}call_settings.sql",
        " and not switches.is_on",
        "",
        "what_is_asked_of_every_call_is_read_once",
    ),
    # Usage
    Mutation(
        "usage",
        f"{_USAGE}object_days.sql",
        "where activities > 0",
        "where true",
        "a_day_of_an_object_is_what_was_done_in_it",
    ),
    Mutation(
        "usage",
        f"{_USAGE}object_windows.sql",
        "where activity_date > {{ as_of_date() }} - {{ days }}",
        "where activity_date >= {{ as_of_date() }} - {{ days }}",
        "windows_are_calendar_windows_with_the_as_of_date_in_them",
    ),
    Mutation(
        "usage",
        "models/marts/usage/usage_trends.sql",
        "when changes.activities_30d = 0 and changes.previous_30d > 0 then 'stopped'",
        "when changes.activities_30d = 0 then 'stopped'",
        "a_trend_compares_30_days_with_the_30_before",
    ),
    Mutation(
        "usage",
        "models/marts/usage/usage_trends.sql",
        "changes.change_30d > thresholds.trend_min_change",
        "changes.change_30d >= thresholds.trend_min_change",
        "a_trend_compares_30_days_with_the_30_before",
    ),
    Mutation(
        "usage",
        "models/marts/metrics/company_metric_changes.sql",
        "where metric_date <= {{ as_of_date() }}\n\n)",
        "where true\n\n)",
        "a_metric_changes_over_7_30_and_90_days",
    ),
    # Alerts
    Mutation(
        "alerts",
        f"{_USAGE}object_weeks.sql",
        "count(*) filter (where filled.activities > 0) over (",
        "count(*) over (",
        "a_full_week_is_judged_by_the_weeks_before_it",
    ),
    Mutation(
        "alerts",
        f"{_USAGE}object_weeks.sql",
        "when weeks >= {{ weeks }}",
        "when weeks >= 0",
        "a_full_week_is_judged_by_the_weeks_before_it",
    ),
    Mutation(
        "alerts",
        f"{_USAGE}object_weeks.sql",
        "abs(week.activities - baseline_median)",
        "abs(week.activities)",
        "a_full_week_is_judged_by_the_weeks_before_it",
    ),
    Mutation(
        "alerts",
        "models/marts/usage/usage_alerts.sql",
        "                < object_weeks.baseline_median",
        "                <= object_weeks.baseline_median",
        "an_alert_opens_when_it_can_be_known_and_closes_when_it_is_over",
    ),
    Mutation(
        "alerts",
        "models/marts/usage/usage_alerts.sql",
        "silences.last_activity_date + 30 as opened_on",
        "silences.last_activity_date + 31 as opened_on",
        "an_alert_opens_when_it_can_be_known_and_closes_when_it_is_over",
    ),
    # Health
    Mutation(
        "health",
        "models/marts/usage/company_health.sql",
        "+ case when breadth_part is not null then health_weight_breadth else 0 end",
        "+ health_weight_breadth",
        "the_health_of_a_company_is_the_mean_of_the_parts_that_have_data",
    ),
    Mutation(
        "health",
        "macros/health.sql",
        "greatest(least({{ change }}, 1), -1)",
        "greatest({{ change }}, -1)",
        "the_health_of_a_company_is_the_mean_of_the_parts_that_have_data",
    ),
]
