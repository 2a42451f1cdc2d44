"""Accounts: what people have connected, and the calls that count against it."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    CLOCK_TIMESTAMP,
    EMPTY,
    bigint_column,
    boolean_column,
    check_constraint,
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

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "oauth_accounts",
        id_column(),
        bigint_column("user_id"),
        text_column("provider", 50),
        text_column("open_id", 255, comment="the platform's id of its user"),
        text_column("scope", comment="what was granted, comma-separated"),
        text_column("access_token_encrypted", nullable=True, comment="AES-256-GCM; NULL: wiped"),
        text_column("refresh_token_encrypted", nullable=True, comment="AES-256-GCM"),
        timestamp_column("expires_at", comment="of the access token, as answered"),
        timestamp_column("refresh_expires_at", nullable=True, comment="of the refresh token"),
        json_column("metadata", default=EMPTY),
        text_column("status", 50, default="ACTIVE"),
        text_column("status_cause", nullable=True, comment="why it is no longer active"),
        bigint_column("token_version", default="0"),
        timestamp_column("last_refreshed_at", nullable=True),
        timestamp_column("last_used_at", nullable=True, comment="last call made with the token"),
        timestamp_column(
            "refresh_started_at",
            nullable=True,
            comment="a refresh was sent then and no definite answer came yet",
        ),
        timestamp_column("disconnected_at", nullable=True),
        timestamp_column("refresh_due_at", nullable=True),
        bigint_column("refresh_failures", default="0"),
        text_column("last_refresh_error", nullable=True),
        timestamp_column("leased_until", nullable=True),
        bigint_column("lease_token", default="0", comment="the fence"),
        created_at(),
        updated_at(),
        primary_key("oauth_accounts"),
        foreign_key("oauth_accounts", "user_id", "users", "CASCADE"),
        unique_constraint("oauth_accounts", "user_id", "provider", "open_id"),
        one_of("oauth_accounts", "provider", "tiktok", "instagram"),
        one_of(
            "oauth_accounts",
            "status",
            "ACTIVE",
            "NEEDS_RECONNECT",
            "REVOKED",
            "DISCONNECTED",
            "CRYPTO_ERROR",
        ),
        check_constraint(
            "oauth_accounts", "token", "access_token_encrypted IS NOT NULL OR status <> 'ACTIVE'"
        ),
        comment="Connected accounts; tokens are sealed and bound to their row",
    )
    create_index("idx_oauth_accounts_expires", "oauth_accounts", "expires_at")
    create_index("idx_oauth_accounts_provider_status", "oauth_accounts", "provider", "status")
    create_index(
        "idx_oauth_accounts_refresh_due",
        "oauth_accounts",
        "refresh_due_at",
        where="status = 'ACTIVE'",
    )
    create_index("idx_oauth_accounts_updated", "oauth_accounts", "updated_at DESC")
    create_index(
        "uq_oauth_accounts_live",
        "oauth_accounts",
        "provider",
        "open_id",
        where="disconnected_at IS NULL",
        unique=True,
    )

    op.create_table(
        "oauth_states",
        id_column(),
        text_column("state", 64),
        bigint_column("user_id"),
        text_column("provider", 50),
        text_column("redirect_after", nullable=True, comment="local path, never a host"),
        text_column("verifier", nullable=True, comment="PKCE, for desktop apps"),
        timestamp_column("expires_at", default=sa.text("now() + interval '10 minutes'")),
        created_at(),
        primary_key("oauth_states"),
        foreign_key("oauth_states", "user_id", "users", "CASCADE"),
        unique_constraint("oauth_states", "state"),
        one_of("oauth_states", "provider", "tiktok", "instagram"),
        comment="Started sign-ins at a platform; deleted when used",
    )
    create_index("idx_oauth_states_expires", "oauth_states", "expires_at")
    create_index("idx_oauth_states_user", "oauth_states", "user_id", "provider")

    op.create_table(
        "calls",
        id_column(),
        bigint_column("oauth_account_id"),
        text_column("endpoint"),
        timestamp_column("at", default=CLOCK_TIMESTAMP),
        primary_key("calls"),
        foreign_key("calls", "oauth_account_id", "oauth_accounts", "CASCADE"),
        comment="Counted calls to platforms",
    )
    create_index("idx_calls_account", "calls", "oauth_account_id", "endpoint", "at")
    create_index("idx_calls_at", "calls", "at")

    op.create_table(
        "instagram_accounts",
        id_column(),
        bigint_column("user_id"),
        bigint_column("oauth_account_id", nullable=True),
        text_column("ig_business_id", 255),
        text_column("page_id", 255, nullable=True, comment="NULL: no Page behind it"),
        text_column("username", 255),
        text_column("access_level", 50),
        json_column("metadata", default=EMPTY),
        text_column("page_access_token_encrypted", nullable=True, comment="AES-256-GCM"),
        text_column("login_flavour", default="facebook"),
        boolean_column("selected", default="false"),
        bigint_column("followers_count", nullable=True),
        json_column("account_insights", nullable=True),
        timestamp_column("last_synced_at", nullable=True),
        timestamp_column("insights_due_at", nullable=True),
        timestamp_column("subscribed_at", nullable=True),
        timestamp_column("subscription_checked_at", nullable=True),
        timestamp_column("disconnected_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("instagram_accounts"),
        foreign_key("instagram_accounts", "oauth_account_id", "oauth_accounts", "SET NULL"),
        foreign_key("instagram_accounts", "user_id", "users", "CASCADE"),
        unique_constraint("instagram_accounts", "ig_business_id"),
        one_of("instagram_accounts", "access_level", "FULL", "LIMITED", "READ_ONLY"),
        one_of("instagram_accounts", "login_flavour", "facebook", "instagram"),
        check_constraint(
            "instagram_accounts", "page", "page_id IS NOT NULL OR login_flavour = 'instagram'"
        ),
        comment="Professional Instagram accounts reached through a connected account",
    )
    create_index("idx_instagram_accounts_oauth", "instagram_accounts", "oauth_account_id")
    create_index("idx_instagram_accounts_page", "instagram_accounts", "page_id")
    create_index(
        "idx_instagram_accounts_sync",
        "instagram_accounts",
        "last_synced_at NULLS FIRST",
        where="disconnected_at IS NULL",
    )
    create_index("idx_instagram_accounts_user", "instagram_accounts", "user_id")

    create_updated_at_triggers("oauth_accounts", "instagram_accounts")


def downgrade() -> None:
    drop_tables("instagram_accounts", "calls", "oauth_states", "oauth_accounts")
