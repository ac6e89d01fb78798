"""How what was sent with an unknown outcome is settled in the ledger: columns of `sync.objects`."""

# Nothing is on its way any more.
NOTHING_SENT = """
    sent_payload = null, sent_fingerprint = null, sent_version = null,
    sent_generation = null, sent_message_id = null, sent_is_removal = null, sent_at = null
"""

# As if its answer had come.
AS_SENT = f"""
    payload = coalesce(sent_payload, payload),
    fingerprint = coalesce(sent_fingerprint, fingerprint),
    version = coalesce(sent_version, version),
    generation = coalesce(sent_generation, generation),
    message_id = coalesce(sent_message_id, message_id),
    acknowledged_at = coalesce(sent_at, acknowledged_at),
    first_acknowledged_at = coalesce(first_acknowledged_at, sent_at, acknowledged_at),
    {NOTHING_SENT}
"""
