"""Sessions of browsers. Holds the hash of the cookie's value, never the value."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, Created, Identified
from db.users import User

FRESH = timedelta(minutes=1)
"""A session seen less than this ago is not written again: requests come in bursts."""


class Login(Identified, Created, Base):
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
        {"comment": "Signed-in browsers"},
    )


class Logins:
    """Sessions by the hash of their cookie. The clock is the database's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(
        self, user_id: int, hashed: str, *, lifetime: timedelta, ip: str | None, agent: str | None
    ) -> int:
        now = func.now()
        new = insert(Login).values(
            user_id=user_id,
            hash=hashed,
            seen_at=now,
            expires_at=now + lifetime,
            ip=ip,
            user_agent=agent,
        )
        return self._session.scalars(new.returning(Login.id)).one()

    def alive(self, hashed: str) -> tuple[Login, User] | None:
        """Neither over, nor revoked, nor of somebody who was shut out."""
        found = self._session.execute(
            select(Login, User)
            .join(User, User.id == Login.user_id)
            .where(
                Login.hash == hashed,
                Login.expires_at > func.now(),
                Login.revoked_at.is_(None),
                User.disabled_at.is_(None),
            )
        ).one_or_none()
        return None if found is None else (found[0], found[1])

    def seen(self, login: Login, *, lifetime: timedelta) -> None:
        """In use: its end moves on."""
        now = func.now()
        self._session.execute(
            update(Login)
            .where(Login.id == login.id, Login.seen_at < now - FRESH)
            .values(seen_at=now, expires_at=now + lifetime),
            execution_options={"synchronize_session": False},
        )

    def revoke(self, hashed: str) -> int | None:
        """Whose it was; None if it was over already."""
        return self._session.scalar(
            update(Login)
            .where(Login.hash == hashed, Login.revoked_at.is_(None))
            .values(revoked_at=func.now())
            .returning(Login.user_id)
        )

    def revoke_all(self, user_id: int) -> int:
        """Sign a user out everywhere; how many sessions that ended."""
        gone = (
            update(Login)
            .where(Login.user_id == user_id, Login.revoked_at.is_(None))
            .values(revoked_at=func.now())
            .returning(Login.id)
        )
        return len(self._session.scalars(gone).all())
