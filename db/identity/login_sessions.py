"""The table `sessions`: signed-in browsers. Of a cookie only the hash is stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, CreatedAtColumn, IdColumn
from db.identity.users import User

MIN_WRITE_INTERVAL = timedelta(minutes=1)
"""A session is extended at most this often, because requests come in bursts."""

MAX_SESSION_AGE = timedelta(days=90)
"""A session ends after so long, in use or not: then the password is asked again."""

MAX_ACTIVE_SESSIONS = 50
"""Sessions of one user; a further one ends the oldest."""


class LoginSession(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    hash: Mapped[str] = mapped_column(unique=True, comment="SHA-256 of the cookie's value")
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]

    __table_args__ = (
        Index("idx_sessions_user", "user_id"),
        Index("idx_sessions_expires", "expires_at"),
        {"comment": "Login sessions of browsers"},
    )


class LoginSessions:
    """Sessions, found by the hash of their cookie. Times are the database's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(
        self,
        user_id: int,
        cookie_hash: str,
        *,
        lifetime: timedelta,
        ip: str | None,
        user_agent: str | None,
    ) -> int:
        now = func.now()
        statement = insert(LoginSession).values(
            user_id=user_id,
            hash=cookie_hash,
            seen_at=now,
            expires_at=now + min(lifetime, MAX_SESSION_AGE),
            ip=ip,
            user_agent=user_agent,
        )
        login_id = self._session.scalars(statement.returning(LoginSession.id)).one()
        newest = active_sessions(user_id).with_only_columns(LoginSession.id)
        self._revoke(
            LoginSession.user_id == user_id,
            LoginSession.id.not_in(
                newest.order_by(LoginSession.id.desc()).limit(MAX_ACTIVE_SESSIONS)
            ),
        )
        return login_id

    def get_active(self, cookie_hash: str) -> tuple[LoginSession, User, bool] | None:
        """Return a session, its user, and whether `extend` is due; None if it is expired or
        revoked, or the user disabled.
        """
        row = self._session.execute(
            select(LoginSession, User, is_extension_due())
            .join(User, User.id == LoginSession.user_id)
            .where(
                LoginSession.hash == cookie_hash,
                *is_active(),
                User.disabled_at.is_(None),
            )
        ).one_or_none()
        return None if row is None else (row[0], row[1], row[2])

    def extend(self, login: LoginSession, *, lifetime: timedelta) -> None:
        """Let a session that is in use expire later, up to `MAX_SESSION_AGE`."""
        now = func.now()
        expires_at = func.least(now + lifetime, LoginSession.created_at + MAX_SESSION_AGE)
        self._session.execute(
            update(LoginSession)
            .where(LoginSession.id == login.id, is_extension_due())
            .values(seen_at=now, expires_at=expires_at),
            execution_options={"synchronize_session": False},
        )

    def revoke(self, cookie_hash: str) -> int | None:
        """Revoke a session. Returns its user, or None if there is no such active session."""
        return self._session.scalar(
            update(LoginSession)
            .where(LoginSession.hash == cookie_hash, LoginSession.revoked_at.is_(None))
            .values(revoked_at=func.now())
            .returning(LoginSession.user_id)
        )

    def list_active(self, user_id: int) -> Sequence[LoginSession]:
        """List the sessions of a user that have not ended, the last seen first."""
        query = active_sessions(user_id).order_by(LoginSession.seen_at.desc(), LoginSession.id)
        return self._session.scalars(query).all()

    def list_addresses(self, user_id: int, *, within: timedelta) -> Sequence[str]:
        """List the addresses from which the user has signed in within this time."""
        query = (
            select(LoginSession.ip)
            .where(
                LoginSession.user_id == user_id,
                LoginSession.ip.is_not(None),
                LoginSession.created_at > func.now() - within,
            )
            .distinct()
        )
        return [ip for ip in self._session.scalars(query) if ip is not None]

    def revoke_one(self, login_id: int, *, user_id: int) -> bool:
        """Revoke a session. False if this user has no such active session."""
        return self._revoke(LoginSession.id == login_id, LoginSession.user_id == user_id) > 0

    def revoke_all(self, user_id: int, *, except_id: int | None = None) -> int:
        """Revoke the sessions of a user, except one. Return how many were active."""
        conditions = [LoginSession.user_id == user_id]
        if except_id is not None:
            conditions.append(LoginSession.id != except_id)
        return self._revoke(*conditions)

    def _revoke(self, *conditions: Any) -> int:
        statement = (
            update(LoginSession)
            .where(*is_active(), *conditions)
            .values(revoked_at=func.now())
            .returning(LoginSession.id)
        )
        return len(
            self._session.execute(statement, execution_options={"synchronize_session": False}).all()
        )


def is_extension_due() -> ColumnElement[bool]:
    return LoginSession.seen_at < func.now() - MIN_WRITE_INTERVAL


def is_active() -> tuple[ColumnElement[bool], ...]:
    """Conditions: neither ended nor expired nor too old."""
    return (
        LoginSession.revoked_at.is_(None),
        LoginSession.expires_at > func.now(),
        LoginSession.created_at > func.now() - MAX_SESSION_AGE,
    )


def active_sessions(user_id: int) -> Select[LoginSession]:
    return select(LoginSession).where(LoginSession.user_id == user_id, *is_active())
