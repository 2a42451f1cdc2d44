"""How the signature of a webhook event was judged, who had it replayed, and refused deliveries."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    CLOCK_TIMESTAMP,
    bigint_column,
    check_constraint,
    column,
    create_index,
    id_column,
    json_column,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
)

revision = "0024"
down_revision = "0023"

EVENTS, REFUSALS = "webhook_events", "webhook_refusals"
VERDICTS = "verdict IN ('valid', 'valid_late', 'compat')"


def upgrade() -> None:
    for new_column in event_columns():
        op.add_column(EVENTS, new_column)
    verdict_check = check_constraint(EVENTS, "verdict", VERDICTS)
    op.create_check_constraint(verdict_check.name, EVENTS, VERDICTS)
    create_index(
        "idx_webhook_events_replayed", EVENTS, "replayed_at", where="replayed_at IS NOT NULL"
    )
    create_refusals()


def event_columns() -> list[sa.Column[object]]:
    return [
        text_column(
            "verdict",
            20,
            nullable=True,
            comment="how the signature was judged; NULL: by an older version",
        ),
        column(
            "secret_no",
            sa.SmallInteger(),
            nullable=True,
            comment="which of the configured secrets signed it, counted from 1",
        ),
        timestamp_column(
            "signed_at", nullable=True, comment="the signed time; NULL: the platform signs none"
        ),
        timestamp_column(
            "replayed_at", nullable=True, comment="when a person last had it applied again"
        ),
        bigint_column(
            "replayed_by",
            nullable=True,
            comment="the user who did; kept when the user is deleted",
        ),
    ]


def create_refusals() -> None:
    op.create_table(
        REFUSALS,
        id_column(),
        column("day", sa.Date(), comment="in UTC"),
        text_column("provider", 50),
        text_column("reason", 50, comment="e.g. bad_signature, stale or other_app"),
        bigint_column("count", default="0"),
        timestamp_column("last_at", default=CLOCK_TIMESTAMP),
        json_column("samples", default="[]", comment="some of them, with the start of the body"),
        primary_key(REFUSALS),
        unique_constraint(REFUSALS, "day", "provider", "reason"),
        comment="Webhook deliveries that were refused, by day and reason",
    )
    create_index("idx_webhook_refusals_last", REFUSALS, "last_at")


def downgrade() -> None:
    op.drop_table(REFUSALS)
    op.drop_index("idx_webhook_events_replayed", EVENTS)
    for old_column in event_columns():
        op.drop_column(EVENTS, str(old_column.name))
