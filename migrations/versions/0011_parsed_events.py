"""What the parser of a webhook event found is stored beside the payload, so that it runs once."""

from alembic import op

from migrations.columns import json_column

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column(
        "webhook_events",
        json_column(
            "parsed", nullable=True, comment="progress, time and reason; NULL: parse payload_json"
        ),
    )


def downgrade() -> None:
    op.drop_column("webhook_events", "parsed")
