"""Whom and what a notice is of, so that a lost start can be found among them."""

from alembic import op

from migrations.columns import create_index, text_column

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "webhook_events",
        text_column("account", 255, nullable=True, comment="the platform's user it is of"),
    )
    op.add_column(
        "webhook_events",
        text_column("publish_id", 255, nullable=True, comment="the publication it is of"),
    )
    create_index(
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
