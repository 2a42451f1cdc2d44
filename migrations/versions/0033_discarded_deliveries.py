"""Dead letters among deliveries can be given up, and that can be taken back."""

from alembic import op

from migrations.columns import timestamp_column

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.add_column(
        "deliveries",
        timestamp_column(
            "discarded_at", nullable=True, comment="when its owner gave the dead letter up"
        ),
    )


def downgrade() -> None:
    """What was given up is a dead letter again."""
    op.drop_column("deliveries", "discarded_at")
