"""Logins with several destinations: tokens without an end, what connecting an account stores."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from migrations.columns import (
    EMPTY,
    bigint_column,
    check_constraint,
    column,
    one_of,
    text_column,
    timestamp_column,
)

revision = "0014"
down_revision = "0013"

PAGE_COMMENT = "NULL: the account has no Facebook Page"
EXPIRY_COMMENT = "when the access token expires, according to the platform"


def upgrade() -> None:
    op.alter_column(
        "oauth_accounts",
        "expires_at",
        nullable=True,
        comment=f"{EXPIRY_COMMENT}; NULL: no end was given",
        existing_type=sa.DateTime(timezone=True),
        existing_comment=EXPIRY_COMMENT,
    )
    for new_column in login_columns():
        op.add_column("oauth_accounts", new_column)
    for new_column in destination_columns():
        op.add_column("instagram_accounts", new_column)
    # An account whose Page we may not see is stored too, with the reason.
    op.drop_constraint("ck_instagram_accounts_page", "instagram_accounts")
    op.alter_column(
        "instagram_accounts",
        "page_id",
        comment="NULL: no Facebook Page, or none that we can see",
        existing_type=sa.String(255),
        existing_comment=PAGE_COMMENT,
    )
    statuses = one_of("instagram_accounts", "status", "ACTIVE", "BLOCKED", "NEEDS_RECONNECT")
    op.create_check_constraint(statuses.name, "instagram_accounts", statuses.sqltext)


def login_columns() -> list[sa.Column[object]]:
    return [
        timestamp_column(
            "data_access_until",
            nullable=True,
            comment="when the platform stops answering with data unless the owner signs in again",
        ),
        timestamp_column(
            "inspected_at",
            nullable=True,
            comment="when the platform was last asked what the token is worth",
        ),
        column(
            "aliases",
            ARRAY(sa.Text()),
            default=EMPTY,
            comment="other ids that the platform uses for the person, in callbacks",
        ),
    ]


def destination_columns() -> list[sa.Column[object]]:
    return [
        text_column(
            "subscription_error",
            nullable=True,
            comment="code and sentence of the refused subscription; NULL: not refused",
        ),
        text_column("status", default="ACTIVE"),
        text_column("status_cause", nullable=True, comment="why the account cannot be used"),
        bigint_column("token_version", default="0"),
        timestamp_column(
            "token_refused_at",
            nullable=True,
            comment="when the platform refused the token; NULL: it is accepted",
        ),
        timestamp_column(
            "token_fetched_at",
            nullable=True,
            comment="when a refused token was last replaced",
        ),
    ]


def downgrade() -> None:
    op.drop_constraint("ck_instagram_accounts_status", "instagram_accounts")
    op.execute(
        "DELETE FROM instagram_accounts WHERE page_id IS NULL AND login_flavour <> 'instagram'"
    )
    page_rule = check_constraint(
        "instagram_accounts", "page", "page_id IS NOT NULL OR login_flavour = 'instagram'"
    )
    op.create_check_constraint(page_rule.name, "instagram_accounts", page_rule.sqltext)
    op.alter_column(
        "instagram_accounts", "page_id", comment=PAGE_COMMENT, existing_type=sa.String(255)
    )
    for old_column in destination_columns():
        op.drop_column("instagram_accounts", str(old_column.name))
    for old_column in login_columns():
        op.drop_column("oauth_accounts", str(old_column.name))
    # A token without an end was given one by the version before; the next refresh corrects it.
    op.execute("UPDATE oauth_accounts SET expires_at = now() WHERE expires_at IS NULL")
    op.alter_column(
        "oauth_accounts",
        "expires_at",
        nullable=False,
        comment=EXPIRY_COMMENT,
        existing_type=sa.DateTime(timezone=True),
    )
