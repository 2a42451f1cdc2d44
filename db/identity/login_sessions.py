"""The table `sessions`: signed-in browsers. Of a cookie only the hash is stored."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, CreatedAtColumn, IdColumn
from db.identity.users import User

MIN_WRITE_INTERVAL = timedelta(minutes=1)
"""A session is extended at most this often, because requests come in bursts."""


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
            expires_at=now + lifetime,
            ip=ip,
            user_agent=user_agent,
        )
        return self._session.scalars(statement.returning(LoginSession.id)).one()

    def get_active(self, cookie_hash: str) -> tuple[LoginSession, User] | None:
        """Return a session and its user; None if it is expired or revoked, or the user disabled."""
        row = self._session.execute(
            select(LoginSession, User)
            .join(User, User.id == LoginSession.user_id)
            .where(
                LoginSession.hash == cookie_hash,
                LoginSession.expires_at > func.now(),
                LoginSession.revoked_at.is_(None),
                User.disabled_at.is_(None),
            )
        ).one_or_none()
        return None if row is None else (row[0], row[1])

    def extend(self, login: LoginSession, *, lifetime: timedelta) -> None:
        """Let a session that is in use expire later."""
        now = func.now()
        self._session.execute(
            update(LoginSession)
            .where(LoginSession.id == login.id, LoginSession.seen_at < now - MIN_WRITE_INTERVAL)
            .values(seen_at=now, expires_at=now + lifetime),
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
