"""The tables and columns that others rely on. More columns are welcome; none of these may go."""

_RUN_COUNTS = "considered unchanged added changed removed invalid held not_sent synced errors"

CONTRACT = {
    "raw_segment.events": "event_seq message_id source type received_at payload",
    "raw_segment.intake": "source hour received landed duplicates quarantined spooled",
    "raw_segment.quarantine": "received_at source reason detail payload",
    "raw_planhat.objects": "model planhat_id payload changed_at deleted_at",
    "raw_planhat.rejects": "file line reason text",
    "marts.companies": "company_id external_id name",
    "marts.endusers": (
        "enduser_id company_id external_id email name origin created_by_message_id"
        " first_seen_at last_seen_at"
    ),
    "marts.event_resolution": (
        "message_id type event_at company_id enduser_id asset_id project_id matched_by reason"
        " object_reason"
    ),
    "marts.unresolved_daily": "reason day events first_seen_at last_seen_at sample_message_id",
    "marts.identity_conflicts": (
        "user_id email user_enduser_id email_enduser_id stood_enduser_id first_seen_at last_seen_at"
    ),
    "marts.usage_daily": "object_type object_id activity_date event activities weight endusers",
    "marts.usage_trends": (
        "object_type object_id as_of_date activities_1d activities_7d activities_14d"
        " activities_30d activities_90d activities_total previous_7d previous_30d change_7d"
        " change_30d trend last_activity_at active_endusers_1d active_endusers_7d"
        " active_endusers_30d active_endusers_90d"
    ),
    "marts.usage_alerts": "object_type object_id kind opened_on closed_on",
    "marts.company_health": "company_id score trend_part breadth_part recency_part metric_part",
    "marts.company_metrics": "company_id metric metric_date value aggregation",
    "marts.metric_candidates": "metric times_seen",
    "marts.metric_rejections": "metric reason",
    "marts.quality": "finding times",
    "planhat.company": "object_id planhat_id external_id company_external_id name",
    "planhat.enduser": "object_id planhat_id external_id company_external_id email",
    "planhat.license": "object_id planhat_id external_id company_external_id mrr",
    "sync.runs": ("run_id destination trigger requested_by started_at finished_at status reason"),
    "sync.run_models": f"run_id model {_RUN_COUNTS} started_at finished_at",
    "sync.run_errors": (
        "run_id model object_id code message payload attempts first_failed_at resolved_at"
    ),
    "sync.objects": (
        "destination model object_id payload fingerprint version message_id acknowledged_at"
        " removed_at seen_back_at"
    ),
    "sync.builds": "window_from window_to settings nodes started_at finished_at status",
    "sync.company_metrics": "metric aggregation",
}
