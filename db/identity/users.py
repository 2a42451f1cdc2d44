"""The table `users`: people with a login, or subjects of the host application."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, TimestampColumns, one_of


class User(IdColumn, TimestampColumns, Base):
    __tablename__ = "users"

    email: Mapped[str]
    password_hash: Mapped[str | None] = mapped_column(
        comment="argon2id hash; NULL: no password login"
    )
    is_admin: Mapped[bool] = mapped_column(server_default="false")
    locale: Mapped[str] = mapped_column(server_default="en")
    jwt_issuer: Mapped[str | None]
    jwt_subject: Mapped[str | None]
    disabled_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_users_email", text("lower(email)"), unique=True),
        UniqueConstraint("jwt_issuer", "jwt_subject"),
        one_of("locale", ("en", "fr")),
        {"comment": "Users: people with a login, or subjects of a host application"},
    )


class Users:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, user_id: int) -> User | None:
        return self._session.get(User, user_id)

    def get_by_email(self, email: str) -> User | None:
        """Find a user by e-mail, ignoring case."""
        return self._session.scalar(select(User).where(func.lower(User.email) == func.lower(email)))

    def get_by_subject(self, issuer: str, subject: str) -> User | None:
        """Find the user whom a host application names by this issuer and subject."""
        conditions = (User.jwt_issuer == issuer, User.jwt_subject == subject)
        return self._session.scalar(select(User).where(*conditions))

    def add(self, email: str, **fields: Any) -> User | None:
        """Add a user. Return None if another user has this e-mail, or this issuer and subject."""
        statement = insert(User).values(email=email, **fields).on_conflict_do_nothing()
        return self._session.scalar(statement.returning(User))

    def set_password(self, user_id: int, password_hash: str) -> None:
        self._session.execute(
            update(User).where(User.id == user_id).values(password_hash=password_hash)
        )
