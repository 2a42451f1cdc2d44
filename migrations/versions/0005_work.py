"""Work: the inbox of notices, the ledger of tries, signs of life."""

from alembic import op

from migrations.columns import (
    CLOCK_TIMESTAMP,
    NOW,
    bigint_column,
    boolean_column,
    create_index,
    create_updated_at_triggers,
    created_at,
    drop_tables,
    id_column,
    json_column,
    one_of,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
    updated_at,
)

revision = "0005"
down_revision = "0004"

HOT = ("webhook_events", "posts", "oauth_accounts", "beats")
ROOMY = (
    # Claimed rows change in place: room on their page keeps their indexes untouched.
    "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05"
)


def upgrade() -> None:
    op.create_table(
        "webhook_events",
        id_column(),
        text_column("provider", 50),
        text_column("event_type", 100, comment="normal form"),
        text_column("vendor_event", 100, nullable=True, comment="the vendor's name"),
        text_column("external_id", 255, comment="the same at every redelivery"),
        json_column("payload_json"),
        text_column("status", 50, default="pending"),
        boolean_column("late", default="false", comment="outside the time window"),
        text_column("correlation_id", nullable=True),
        timestamp_column("processed_at", nullable=True, comment="NULL: not applied yet"),
        timestamp_column("dead_at", nullable=True, comment="out of patience since then"),
        timestamp_column("next_attempt_at", nullable=True, default=NOW),
        bigint_column("retry_count", default="0"),
        text_column("error_message", nullable=True),
        timestamp_column("leased_until", nullable=True),
        bigint_column("lease_token", default="0", comment="the fence"),
        created_at(),
        updated_at(),
        primary_key("webhook_events"),
        unique_constraint("webhook_events", "provider", "external_id"),
        one_of("webhook_events", "status", "pending", "processing", "done", "ignored", "dead"),
        comment="Webhook notices as received; the inbox of the system",
    )
    create_index("idx_webhook_events_created", "webhook_events", "created_at")
    create_index(
        "idx_webhook_events_dead", "webhook_events", "dead_at", where="dead_at IS NOT NULL"
    )
    create_index(
        "idx_webhook_events_due",
        "webhook_events",
        "next_attempt_at",
        where="processed_at IS NULL AND dead_at IS NULL",
    )
    create_index("idx_webhook_events_processed", "webhook_events", "processed_at")
    create_index("idx_webhook_events_provider", "webhook_events", "provider", "event_type")

    op.create_table(
        "attempts",
        id_column(),
        text_column("kind"),
        bigint_column("row_id"),
        bigint_column("number"),
        timestamp_column("started_at", default=CLOCK_TIMESTAMP),
        timestamp_column("ended_at", nullable=True, comment="NULL: no answer was recorded"),
        text_column("outcome", nullable=True),
        text_column("code", nullable=True),
        text_column("message", nullable=True),
        text_column("log_id", nullable=True, comment="the platform's id of the call"),
        primary_key("attempts"),
        comment="Every try of every due row",
    )
    create_index("idx_attempts_row", "attempts", "kind", "row_id", "id")
    create_index("idx_attempts_started", "attempts", "started_at")

    op.create_table(
        "beats",
        text_column("name", comment="tick, canary:…, alive:…"),
        timestamp_column("at"),
        primary_key("beats", "name"),
        comment="When each of our parts was last heard of",
    )

    create_updated_at_triggers("webhook_events")
    for table in HOT:
        op.execute(f"ALTER TABLE {table} SET ({ROOMY})")


def downgrade() -> None:
    for table in ("posts", "oauth_accounts"):
        op.execute(
            f"ALTER TABLE {table} RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor)"
        )
    drop_tables("beats", "attempts", "webhook_events")
