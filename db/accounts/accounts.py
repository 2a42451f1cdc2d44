"""The table of connected platform accounts with their encrypted tokens, and its look-ups.

An account is also a job: its row is due for a token refresh before its access token expires.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    Text,
    UniqueConstraint,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column, query_expression

from db.base import UPDATED_ROWS_STORAGE, Base, Json, TimestampColumns, one_of
from db.leases import JobColumns, JobQueue
from db.providers import PROVIDERS


class AccountStatus(StrEnum):
    ACTIVE = "ACTIVE"
    NEEDS_RECONNECT = "NEEDS_RECONNECT"
    REVOKED = "REVOKED"
    DISCONNECTED = "DISCONNECTED"
    CRYPTO_ERROR = "CRYPTO_ERROR"


class Account(JobColumns, TimestampColumns, Base):
    __tablename__ = "oauth_accounts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(50))
    open_id: Mapped[str] = mapped_column(String(255), comment="the platform's id of the user")
    scope: Mapped[str] = mapped_column(comment="granted scopes, comma-separated")
    access_token_encrypted: Mapped[str | None] = mapped_column(comment="AES-256-GCM; NULL: cleared")
    refresh_token_encrypted: Mapped[str | None] = mapped_column(
        comment="AES-256-GCM; NULL: cleared, lost or never issued"
    )
    expires_at: Mapped[datetime | None] = mapped_column(
        comment="when the access token expires, according to the platform; NULL: no end was given"
    )
    refresh_expires_at: Mapped[datetime | None] = mapped_column(
        comment="when the refresh token expires"
    )
    data_access_until: Mapped[datetime | None] = mapped_column(
        comment="when the platform stops answering with data unless the owner signs in again"
    )
    inspected_at: Mapped[datetime | None] = mapped_column(
        comment="when the platform was last asked what the token is worth"
    )
    aliases: Mapped[list[str]] = mapped_column(
        ARRAY(Text()),
        server_default="{}",
        comment="other ids that the platform uses for the person, in callbacks",
    )
    details: Mapped[Json] = mapped_column("metadata", JSONB, server_default="{}")
    status: Mapped[str] = mapped_column(String(50), server_default="ACTIVE")
    status_cause: Mapped[str | None] = mapped_column(
        comment="why the grant ended or cannot be refreshed"
    )
    token_version: Mapped[int] = mapped_column(server_default="0")
    last_refreshed_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None] = mapped_column(comment="last use of the access token")
    refresh_started_at: Mapped[datetime | None] = mapped_column(
        comment="when a refresh was sent that has no definite answer yet; NULL: none"
    )
    disconnected_at: Mapped[datetime | None]

    due_at: Mapped[datetime | None] = mapped_column("refresh_due_at")
    attempts: Mapped[int] = mapped_column("refresh_failures", server_default="0")
    last_error: Mapped[str | None] = mapped_column("last_refresh_error")

    # Computed by the query of `Grants.list_with_token_state`, not stored; None in other queries.
    has_usable_token: Mapped[bool | None] = query_expression()
    was_used_recently: Mapped[bool | None] = query_expression()

    __table_args__ = (
        UniqueConstraint("user_id", "provider", "open_id"),
        Index(
            "uq_oauth_accounts_live",
            "provider",
            "open_id",
            unique=True,
            postgresql_where=text("disconnected_at IS NULL"),
        ),
        Index("idx_oauth_accounts_expires", "expires_at"),
        Index(
            "idx_oauth_accounts_refresh_due",
            "refresh_due_at",
            postgresql_where=text("status = 'ACTIVE'"),
        ),
        Index("idx_oauth_accounts_provider_status", "provider", "status"),
        Index("idx_oauth_accounts_updated", text("updated_at DESC")),
        one_of("provider", PROVIDERS),
        one_of("status", AccountStatus),
        CheckConstraint("access_token_encrypted IS NOT NULL OR status <> 'ACTIVE'", name="token"),
        {
            "comment": "Connected accounts; tokens are encrypted and bound to their row",
            "postgresql_with": UPDATED_ROWS_STORAGE,
        },
    )

    @property
    def failed_attempts(self) -> int:
        """Refresh attempts that failed in a row: `attempts` without the one that is under way."""
        is_refreshing = self.leased_until is not None
        return self.attempts - 1 if is_refreshing else self.attempts


ACCOUNT_QUEUE = JobQueue(
    Account,
    conditions=(Account.status == AccountStatus.ACTIVE,),
    name="accounts",
    provider=Account.provider,
)


class Accounts:
    """Look-ups. Those on behalf of a user take the user's id."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, account_id: int | None) -> Account | None:
        return None if account_id is None else self._session.get(Account, account_id)

    def lock(self, account_id: int) -> Account | None:
        """Lock the row until the transaction ends, and read it again."""
        return self._lock_one(select(Account).where(Account.id == account_id))

    def get_for_user(self, account_id: int, *, user_id: int) -> Account | None:
        query = select(Account).where(Account.id == account_id, Account.user_id == user_id)
        return self._session.scalar(query)

    def list_for_user(self, user_id: int, provider: str | None = None) -> Sequence[Account]:
        """List connected accounts, newest first, whether their grant is still valid or not."""
        query = connected_accounts(provider).where(Account.user_id == user_id)
        return self._session.scalars(query.order_by(Account.id.desc())).all()

    def count_needing_reconnect(self, user_id: int) -> int:
        """Count the connected accounts whose access only their owner can renew."""
        is_broken = or_(Account.status != AccountStatus.ACTIVE, Account.status_cause.is_not(None))
        rows = connected_accounts(None).where(Account.user_id == user_id, is_broken)
        rows = rows.with_only_columns(Account.id)
        return self._session.scalar(select(func.count()).select_from(rows.subquery())) or 0

    def list_connected(self, user_id: int | None) -> Sequence[Account]:
        """List the connected accounts of one user, or of all, oldest first."""
        query = connected_accounts(None).order_by(Account.id)
        if user_id is not None:
            query = query.where(Account.user_id == user_id)
        return self._session.scalars(query).all()

    def list_disconnected(self, older_than: timedelta, *, limit: int) -> Sequence[int]:
        """List the ids of accounts that were disconnected longer ago than this, oldest first."""
        query = select(Account.id).where(Account.disconnected_at < func.now() - older_than)
        return self._session.scalars(query.order_by(Account.disconnected_at).limit(limit)).all()

    def list_all_of_user(self, user_id: int) -> Sequence[Account]:
        """List the accounts of a user, also those that are disconnected, oldest first."""
        query = select(Account).where(Account.user_id == user_id).order_by(Account.id)
        return self._session.scalars(query).all()

    def lock_connected(self, provider: str, open_id: str) -> Account | None:
        """Lock the connected account with this id at the platform; there is at most one."""
        return self._lock_one(connected_accounts(provider).where(Account.open_id == open_id))

    def list_by_any_id(
        self, provider: str, external_id: str, *, with_disconnected: bool = False
    ) -> Sequence[Account]:
        """List the accounts for which the platform uses this id, as the main one or as an alias.

        Several users may have been connected with it, one after the other.
        """
        has_id = or_(Account.open_id == external_id, Account.aliases.contains([external_id]))
        query = select(Account).where(Account.provider == provider, has_id)
        if not with_disconnected:
            query = query.where(Account.disconnected_at.is_(None))
        return self._session.scalars(query.order_by(Account.id)).all()

    def _lock_one(self, query: Select[Account]) -> Account | None:
        # FOR NO KEY UPDATE: posts that reference the account can be inserted meanwhile.
        lock_query = query.with_for_update(key_share=True)
        return self._session.scalar(lock_query, execution_options={"populate_existing": True})


def connected_accounts(provider: str | None) -> Select[Account]:
    """Query of the connected accounts of one platform, or of all if `provider` is None."""
    query = select(Account).where(Account.disconnected_at.is_(None))
    return query if provider is None else query.where(Account.provider == provider)
