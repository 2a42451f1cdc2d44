"""Whom and what a notice is of, so that a lost start can be found among them."""

from alembic import op

from migrations.columns import index, text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "webhook_events", text("account", 255, null=True, says="the platform's user it is of")
    )
    op.add_column(
        "webhook_events", text("publish_id", 255, null=True, says="the publication it is of")
    )
    index(
        "idx_webhook_events_unapplied",
        "webhook_events",
        "provider",
        "account",
        where="processed_at IS NULL",
    )


def downgrade() -> None:
    op.drop_index("idx_webhook_events_unapplied", "webhook_events")
    op.drop_column("webhook_events", "publish_id")
    op.drop_column("webhook_events", "account")
