"""Conditions of the alarm and the notices sent about them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.columns import (
    EMPTY,
    bigint_column,
    column,
    create_index,
    created_at,
    foreign_key,
    id_column,
    json_column,
    one_of,
    primary_key,
    text_column,
    timestamp_column,
)

revision = "0020"
down_revision = "0019"


HEARTBEAT_COMMENT = (
    "tick, canary:<queue>, alive:<worker>, serving:<host> or unknown webhook path:<host>"
)
FORMER_HEARTBEAT_COMMENT = "tick, canary:<queue> or alive:<worker>"


def upgrade() -> None:
    op.add_column("alerts", noticed_column())
    comment_heartbeats(HEARTBEAT_COMMENT)
    create_leases()
    create_conditions()
    create_notices()
    create_deliveries()


def comment_heartbeats(comment: str) -> None:
    op.alter_column(
        "beats", "name", existing_type=sa.Text(), existing_nullable=False, comment=comment
    )


def noticed_column() -> sa.Column[object]:
    noticed: sa.Column[object] = column(
        "noticed", JSONB(), default=EMPTY, comment="what the last notice about the alert said"
    )
    return noticed


def create_leases() -> None:
    op.create_table(
        "monitor_leases",
        text_column("name"),
        text_column("holder", comment="host and process that judge the conditions"),
        timestamp_column("leased_until"),
        timestamp_column(
            "judged_at", nullable=True, comment="when all conditions were last judged"
        ),
        primary_key("monitor_leases", "name"),
        comment="Which process judges the alert conditions",
    )


def create_conditions() -> None:
    op.create_table(
        "alert_conditions",
        text_column("name"),
        column("measured", sa.Double(), nullable=True),
        timestamp_column(
            "exceeded_since",
            nullable=True,
            comment="since when it is above its limit; NULL: is not",
        ),
        timestamp_column("judged_at", nullable=True, comment="when it was last measured"),
        timestamp_column(
            "failed_since", nullable=True, comment="since when it cannot be measured; NULL: it can"
        ),
        text_column("error", nullable=True, comment="why it cannot be measured"),
        primary_key("alert_conditions", "name"),
        comment="The state of each alert condition",
    )


def create_notices() -> None:
    op.create_table(
        "alert_notices",
        id_column(),
        bigint_column("alert_id"),
        text_column("kind"),
        json_column("content"),
        timestamp_column("due_at", comment="before this it may be withdrawn"),
        created_at(),
        primary_key("alert_notices"),
        foreign_key("alert_notices", "alert_id", "alerts", "CASCADE"),
        one_of("alert_notices", "kind", "opened", "more", "reminder", "over", "test"),
        comment="Notices to operators: one when an alert opens, one when it is over",
    )
    create_index("idx_alert_notices_alert", "alert_notices", "alert_id")
    create_index(
        "uq_alert_notices_once",
        "alert_notices",
        "alert_id",
        "kind",
        unique=True,
        where="kind IN ('opened', 'over')",
    )
    create_index("idx_alert_notices_due", "alert_notices", "due_at")


def create_deliveries() -> None:
    op.create_table(
        "alert_deliveries",
        bigint_column("notice_id"),
        text_column("sink", comment="http, slack or email"),
        timestamp_column("due_at", nullable=True, comment="NULL: delivered or given up"),
        timestamp_column("leased_until", nullable=True),
        bigint_column("attempts", default="0"),
        timestamp_column("delivered_at", nullable=True),
        text_column("last_error", nullable=True),
        sa.PrimaryKeyConstraint("notice_id", "sink", name="pk_alert_deliveries"),
        foreign_key("alert_deliveries", "notice_id", "alert_notices", "CASCADE"),
        comment="Which notice was delivered to which sink",
    )
    create_index(
        "idx_alert_deliveries_due",
        "alert_deliveries",
        "sink",
        "due_at",
        where="due_at IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_table("alert_deliveries")
    op.drop_table("alert_notices")
    op.drop_table("alert_conditions")
    op.drop_table("monitor_leases")
    op.drop_column("alerts", "noticed")
    comment_heartbeats(FORMER_HEARTBEAT_COMMENT)
