"""People: who signs in, with what, what they did, what they and operators are told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import (
    CLOCK,
    EMPTY,
    NOW,
    column,
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
    refers,
    text,
    touched,
    unique,
    updated,
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
        identity(),
        text("email"),
        text("password_hash", null=True, says="argon2id; NULL: no password login"),
        flag("is_admin", default="false"),
        text("locale", default="en"),
        text("jwt_issuer", null=True),
        text("jwt_subject", null=True),
        moment("disabled_at", null=True),
        created(),
        updated(),
        primary("users"),
        unique("users", "jwt_issuer", "jwt_subject"),
        one_of("users", "locale", "en", "fr"),
        comment="People with a login; every other row belongs to one of them",
    )
    index("uq_users_email", "users", "lower(email)", unique=True)

    op.create_table(
        "sessions",
        identity(),
        number("user_id"),
        text("hash", says="SHA-256 of the cookie's value"),
        moment("seen_at"),
        moment("expires_at"),
        moment("revoked_at", null=True),
        text("ip", null=True),
        text("user_agent", null=True),
        created(),
        primary("sessions"),
        refers("sessions", "user_id", "users", "CASCADE"),
        unique("sessions", "hash"),
        comment="Signed-in browsers",
    )
    index("idx_sessions_expires", "sessions", "expires_at")
    index("idx_sessions_user", "sessions", "user_id")

    op.create_table(
        "api_keys",
        identity(),
        number("user_id"),
        text("name"),
        text("prefix", says="what a person may see of the key"),
        text("hash", says="SHA-256 of the whole key"),
        column("scopes", ARRAY(sa.Text())),
        moment("expires_at", null=True),
        moment("last_used_at", null=True),
        moment("revoked_at", null=True),
        created(),
        updated(),
        primary("api_keys"),
        refers("api_keys", "user_id", "users", "CASCADE"),
        unique("api_keys", "hash"),
        unique("api_keys", "prefix"),
        comment="Keys of programs that act for a user",
    )
    index("idx_api_keys_user", "api_keys", "user_id")

    op.create_table(
        "audit_log",
        identity(),
        moment("at", default=CLOCK),
        number("user_id", null=True),
        text("actor", says="session, key, jwt, worker or cli"),
        text("action", says="e.g. account.connected"),
        text("subject", null=True, says="e.g. account:7"),
        json("details", default=EMPTY),
        text("ip", null=True),
        text("correlation_id", null=True),
        primary("audit_log"),
        refers("audit_log", "user_id", "users", "SET NULL"),
        comment="Who did what, when and from where",
    )
    index("idx_audit_log_at", "audit_log", "at")
    index("idx_audit_log_user", "audit_log", "user_id", "at")

    op.create_table(
        "notifications",
        identity(),
        number("user_id"),
        text("kind"),
        text("cause", says="what makes it one notice and not two"),
        json("payload", default=EMPTY),
        moment("read_at", null=True),
        created(),
        primary("notifications"),
        refers("notifications", "user_id", "users", "CASCADE"),
        unique("notifications", "user_id", "kind", "cause"),
        comment="Notices for users",
    )
    index("idx_notifications_created", "notifications", "created_at")

    op.create_table(
        "alerts",
        identity(),
        text("name"),
        text("severity"),
        json("details", default=EMPTY),
        moment("opened_at", default=NOW),
        moment("notified_at", null=True),
        moment("resolved_at", null=True),
        number("resolved_by", null=True),
        primary("alerts"),
        refers("alerts", "resolved_by", "users", "SET NULL"),
        one_of("alerts", "severity", "warning", "error", "critical"),
        comment="Alerts of operators; at most one open per name",
    )
    index("idx_alerts_resolved_by", "alerts", "resolved_by")
    index("uq_alerts_open", "alerts", "name", where="resolved_at IS NULL", unique=True)

    op.create_table(
        "data_deletion_requests",
        identity(),
        text("code", says="what the person can ask with"),
        text("provider", 50),
        text("platform_user_id"),
        text("state", default="received"),
        moment("completed_at", null=True),
        created(),
        updated(),
        primary("data_deletion_requests"),
        unique("data_deletion_requests", "code"),
        one_of("data_deletion_requests", "provider", "tiktok", "instagram"),
        one_of("data_deletion_requests", "state", "received", "done"),
        comment="Data deletion requests",
    )

    touched("users", "api_keys", "data_deletion_requests")


def downgrade() -> None:
    drop(
        "data_deletion_requests",
        "alerts",
        "notifications",
        "audit_log",
        "api_keys",
        "sessions",
        "users",
    )
    op.execute("DROP FUNCTION touch_updated_at()")
