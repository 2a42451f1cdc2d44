"""Accounts: what people have connected, and the calls that count against it."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    CLOCK,
    EMPTY,
    check,
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

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "oauth_accounts",
        identity(),
        number("user_id"),
        text("provider", 50),
        text("open_id", 255, says="the platform's id of its user"),
        text("scope", says="what was granted, comma-separated"),
        text("access_token_encrypted", null=True, says="AES-256-GCM; NULL: wiped"),
        text("refresh_token_encrypted", null=True, says="AES-256-GCM"),
        moment("expires_at", says="of the access token, as answered"),
        moment("refresh_expires_at", null=True, says="of the refresh token"),
        json("metadata", default=EMPTY),
        text("status", 50, default="ACTIVE"),
        text("status_cause", null=True, says="why it is no longer active"),
        number("token_version", default="0"),
        moment("last_refreshed_at", null=True),
        moment("last_used_at", null=True, says="last call made with the token"),
        moment(
            "refresh_started_at",
            null=True,
            says="a refresh was sent then and no definite answer came yet",
        ),
        moment("disconnected_at", null=True),
        moment("refresh_due_at", null=True),
        number("refresh_failures", default="0"),
        text("last_refresh_error", null=True),
        moment("leased_until", null=True),
        number("lease_token", default="0", says="the fence"),
        created(),
        updated(),
        primary("oauth_accounts"),
        refers("oauth_accounts", "user_id", "users", "CASCADE"),
        unique("oauth_accounts", "user_id", "provider", "open_id"),
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
        check(
            "oauth_accounts", "token", "access_token_encrypted IS NOT NULL OR status <> 'ACTIVE'"
        ),
        comment="Connected accounts; tokens are sealed and bound to their row",
    )
    index("idx_oauth_accounts_expires", "oauth_accounts", "expires_at")
    index("idx_oauth_accounts_provider_status", "oauth_accounts", "provider", "status")
    index(
        "idx_oauth_accounts_refresh_due",
        "oauth_accounts",
        "refresh_due_at",
        where="status = 'ACTIVE'",
    )
    index("idx_oauth_accounts_updated", "oauth_accounts", "updated_at DESC")
    index(
        "uq_oauth_accounts_live",
        "oauth_accounts",
        "provider",
        "open_id",
        where="disconnected_at IS NULL",
        unique=True,
    )

    op.create_table(
        "oauth_states",
        identity(),
        text("state", 64),
        number("user_id"),
        text("provider", 50),
        text("redirect_after", null=True, says="local path, never a host"),
        text("verifier", null=True, says="PKCE, for desktop apps"),
        moment("expires_at", default=sa.text("now() + interval '10 minutes'")),
        created(),
        primary("oauth_states"),
        refers("oauth_states", "user_id", "users", "CASCADE"),
        unique("oauth_states", "state"),
        one_of("oauth_states", "provider", "tiktok", "instagram"),
        comment="Started sign-ins at a platform; deleted when used",
    )
    index("idx_oauth_states_expires", "oauth_states", "expires_at")
    index("idx_oauth_states_user", "oauth_states", "user_id", "provider")

    op.create_table(
        "calls",
        identity(),
        number("oauth_account_id"),
        text("endpoint"),
        moment("at", default=CLOCK),
        primary("calls"),
        refers("calls", "oauth_account_id", "oauth_accounts", "CASCADE"),
        comment="Counted calls to platforms",
    )
    index("idx_calls_account", "calls", "oauth_account_id", "endpoint", "at")
    index("idx_calls_at", "calls", "at")

    op.create_table(
        "instagram_accounts",
        identity(),
        number("user_id"),
        number("oauth_account_id", null=True),
        text("ig_business_id", 255),
        text("page_id", 255, null=True, says="NULL: no Page behind it"),
        text("username", 255),
        text("access_level", 50),
        json("metadata", default=EMPTY),
        text("page_access_token_encrypted", null=True, says="AES-256-GCM"),
        text("login_flavour", default="facebook"),
        flag("selected", default="false"),
        number("followers_count", null=True),
        json("account_insights", null=True),
        moment("last_synced_at", null=True),
        moment("insights_due_at", null=True),
        moment("subscribed_at", null=True),
        moment("subscription_checked_at", null=True),
        moment("disconnected_at", null=True),
        created(),
        updated(),
        primary("instagram_accounts"),
        refers("instagram_accounts", "oauth_account_id", "oauth_accounts", "SET NULL"),
        refers("instagram_accounts", "user_id", "users", "CASCADE"),
        unique("instagram_accounts", "ig_business_id"),
        one_of("instagram_accounts", "access_level", "FULL", "LIMITED", "READ_ONLY"),
        one_of("instagram_accounts", "login_flavour", "facebook", "instagram"),
        check("instagram_accounts", "page", "page_id IS NOT NULL OR login_flavour = 'instagram'"),
        comment="Professional Instagram accounts reached through a connected account",
    )
    index("idx_instagram_accounts_oauth", "instagram_accounts", "oauth_account_id")
    index("idx_instagram_accounts_page", "instagram_accounts", "page_id")
    index(
        "idx_instagram_accounts_sync",
        "instagram_accounts",
        "last_synced_at NULLS FIRST",
        where="disconnected_at IS NULL",
    )
    index("idx_instagram_accounts_user", "instagram_accounts", "user_id")

    touched("oauth_accounts", "instagram_accounts")


def downgrade() -> None:
    drop("instagram_accounts", "calls", "oauth_states", "oauth_accounts")
