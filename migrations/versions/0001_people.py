"""People: who signs in, with what, what they did, what they and operators are told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import (
    CLOCK_TIMESTAMP,
    EMPTY,
    NOW,
    bigint_column,
    boolean_column,
    column,
    create_index,
    create_updated_at_triggers,
    created_at,
    drop_tables,
    foreign_key,
    id_column,
    json_column,
    one_of,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
    updated_at,
)

revision = "0001"
down_revision = None

TOUCH = """
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.execute(TOUCH)
    op.create_table(
        "users",
        id_column(),
        text_column("email"),
        text_column("password_hash", nullable=True, comment="argon2id; NULL: no password login"),
        boolean_column("is_admin", default="false"),
        text_column("locale", default="en"),
        text_column("jwt_issuer", nullable=True),
        text_column("jwt_subject", nullable=True),
        timestamp_column("disabled_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("users"),
        unique_constraint("users", "jwt_issuer", "jwt_subject"),
        one_of("users", "locale", "en", "fr"),
        comment="People with a login; every other row belongs to one of them",
    )
    create_index("uq_users_email", "users", "lower(email)", unique=True)

    op.create_table(
        "sessions",
        id_column(),
        bigint_column("user_id"),
        text_column("hash", comment="SHA-256 of the cookie's value"),
        timestamp_column("seen_at"),
        timestamp_column("expires_at"),
        timestamp_column("revoked_at", nullable=True),
        text_column("ip", nullable=True),
        text_column("user_agent", nullable=True),
        created_at(),
        primary_key("sessions"),
        foreign_key("sessions", "user_id", "users", "CASCADE"),
        unique_constraint("sessions", "hash"),
        comment="Signed-in browsers",
    )
    create_index("idx_sessions_expires", "sessions", "expires_at")
    create_index("idx_sessions_user", "sessions", "user_id")

    op.create_table(
        "api_keys",
        id_column(),
        bigint_column("user_id"),
        text_column("name"),
        text_column("prefix", comment="what a person may see of the key"),
        text_column("hash", comment="SHA-256 of the whole key"),
        column("scopes", ARRAY(sa.Text())),
        timestamp_column("expires_at", nullable=True),
        timestamp_column("last_used_at", nullable=True),
        timestamp_column("revoked_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("api_keys"),
        foreign_key("api_keys", "user_id", "users", "CASCADE"),
        unique_constraint("api_keys", "hash"),
        unique_constraint("api_keys", "prefix"),
        comment="Keys of programs that act for a user",
    )
    create_index("idx_api_keys_user", "api_keys", "user_id")

    op.create_table(
        "audit_log",
        id_column(),
        timestamp_column("at", default=CLOCK_TIMESTAMP),
        bigint_column("user_id", nullable=True),
        text_column("actor", comment="session, key, jwt, worker or cli"),
        text_column("action", comment="e.g. account.connected"),
        text_column("subject", nullable=True, comment="e.g. account:7"),
        json_column("details", default=EMPTY),
        text_column("ip", nullable=True),
        text_column("correlation_id", nullable=True),
        primary_key("audit_log"),
        foreign_key("audit_log", "user_id", "users", "SET NULL"),
        comment="Who did what, when and from where",
    )
    create_index("idx_audit_log_at", "audit_log", "at")
    create_index("idx_audit_log_user", "audit_log", "user_id", "at")

    op.create_table(
        "notifications",
        id_column(),
        bigint_column("user_id"),
        text_column("kind"),
        text_column("cause", comment="what makes it one notice and not two"),
        json_column("payload", default=EMPTY),
        timestamp_column("read_at", nullable=True),
        created_at(),
        primary_key("notifications"),
        foreign_key("notifications", "user_id", "users", "CASCADE"),
        unique_constraint("notifications", "user_id", "kind", "cause"),
        comment="Notices for users",
    )
    create_index("idx_notifications_created", "notifications", "created_at")

    op.create_table(
        "alerts",
        id_column(),
        text_column("name"),
        text_column("severity"),
        json_column("details", default=EMPTY),
        timestamp_column("opened_at", default=NOW),
        timestamp_column("notified_at", nullable=True),
        timestamp_column("resolved_at", nullable=True),
        bigint_column("resolved_by", nullable=True),
        primary_key("alerts"),
        foreign_key("alerts", "resolved_by", "users", "SET NULL"),
        one_of("alerts", "severity", "warning", "error", "critical"),
        comment="Alerts of operators; at most one open per name",
    )
    create_index("idx_alerts_resolved_by", "alerts", "resolved_by")
    create_index("uq_alerts_open", "alerts", "name", where="resolved_at IS NULL", unique=True)

    op.create_table(
        "data_deletion_requests",
        id_column(),
        text_column("code", comment="what the person can ask with"),
        text_column("provider", 50),
        text_column("platform_user_id"),
        text_column("state", default="received"),
        timestamp_column("completed_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("data_deletion_requests"),
        unique_constraint("data_deletion_requests", "code"),
        one_of("data_deletion_requests", "provider", "tiktok", "instagram"),
        one_of("data_deletion_requests", "state", "received", "done"),
        comment="Data deletion requests",
    )

    create_updated_at_triggers("users", "api_keys", "data_deletion_requests")


def downgrade() -> None:
    drop_tables(
        "data_deletion_requests",
        "alerts",
        "notifications",
        "audit_log",
        "api_keys",
        "sessions",
        "users",
    )
    op.execute("DROP FUNCTION touch_updated_at()")
