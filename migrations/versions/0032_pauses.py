"""Platforms and queues that an operator has paused."""

from alembic import op

from migrations.columns import NOW, one_of, primary_key, text_column, timestamp_column

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "pauses",
        text_column("target", comment="name of a platform or a queue"),
        text_column("kind", comment="platform or queue"),
        text_column("reason", comment="as the operator gave it"),
        timestamp_column("paused_at", default=NOW),
        primary_key("pauses", "target"),
        one_of("pauses", "kind", "platform", "queue"),
        comment="Platforms and queues of which workers take nothing for now",
    )


def downgrade() -> None:
    op.drop_table("pauses")
