"""Work: the inbox of notices, the ledger of tries, signs of life."""

from alembic import op

from migrations.columns import (
    CLOCK,
    NOW,
    created,
    drop,
    flag,
    identity,
    index,
    json,
    moment,
    number,
    one_of,
    primary,
    text,
    touched,
    unique,
    updated,
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
        identity(),
        text("provider", 50),
        text("event_type", 100, says="normal form"),
        text("vendor_event", 100, null=True, says="the vendor's name"),
        text("external_id", 255, says="the same at every redelivery"),
        json("payload_json"),
        text("status", 50, default="pending"),
        flag("late", default="false", says="outside the time window"),
        text("correlation_id", null=True),
        moment("processed_at", null=True, says="NULL: not applied yet"),
        moment("dead_at", null=True, says="out of patience since then"),
        moment("next_attempt_at", null=True, default=NOW),
        number("retry_count", default="0"),
        text("error_message", null=True),
        moment("leased_until", null=True),
        number("lease_token", default="0", says="the fence"),
        created(),
        updated(),
        primary("webhook_events"),
        unique("webhook_events", "provider", "external_id"),
        one_of("webhook_events", "status", "pending", "processing", "done", "ignored", "dead"),
        comment="Webhook notices as received; the inbox of the system",
    )
    index("idx_webhook_events_created", "webhook_events", "created_at")
    index("idx_webhook_events_dead", "webhook_events", "dead_at", where="dead_at IS NOT NULL")
    index(
        "idx_webhook_events_due",
        "webhook_events",
        "next_attempt_at",
        where="processed_at IS NULL AND dead_at IS NULL",
    )
    index("idx_webhook_events_processed", "webhook_events", "processed_at")
    index("idx_webhook_events_provider", "webhook_events", "provider", "event_type")

    op.create_table(
        "attempts",
        identity(),
        text("kind"),
        number("row_id"),
        number("number"),
        moment("started_at", default=CLOCK),
        moment("ended_at", null=True, says="NULL: no answer was recorded"),
        text("outcome", null=True),
        text("code", null=True),
        text("message", null=True),
        text("log_id", null=True, says="the platform's id of the call"),
        primary("attempts"),
        comment="Every try of every due row",
    )
    index("idx_attempts_row", "attempts", "kind", "row_id", "id")
    index("idx_attempts_started", "attempts", "started_at")

    op.create_table(
        "beats",
        text("name", says="tick, canary:…, alive:…"),
        moment("at"),
        primary("beats", "name"),
        comment="When each of our parts was last heard of",
    )

    touched("webhook_events")
    for table in HOT:
        op.execute(f"ALTER TABLE {table} SET ({ROOMY})")


def downgrade() -> None:
    for table in ("posts", "oauth_accounts"):
        op.execute(
            f"ALTER TABLE {table} RESET (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor)"
        )
    drop("beats", "attempts", "webhook_events")
