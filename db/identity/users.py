"""The table `users`: people with a login, or subjects of the host application."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, Text, UniqueConstraint, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, TimestampColumns, one_of

LOCALES, THEMES = ("en", "fr"), ("system", "light", "dark")
SAME_PASSWORD_SETTING = "signalpost.same_password"  # noqa: S105 - the name of a setting
"""Read by the trigger of migration 0017: the user whose password stays, until the commit."""


class User(IdColumn, TimestampColumns, Base):
    __tablename__ = "users"

    email: Mapped[str]
    password_hash: Mapped[str | None] = mapped_column(
        comment="argon2id hash; NULL: no password login"
    )
    password_expires_at: Mapped[datetime | None] = mapped_column(
        comment="when a password that was generated for the user ends; NULL: never"
    )
    is_admin: Mapped[bool] = mapped_column(server_default="false")
    locale: Mapped[str | None] = mapped_column(comment="chosen by the user; NULL: the browser's")
    jwt_issuer: Mapped[str | None]
    jwt_subject: Mapped[str | None]
    claimed_email: Mapped[str | None] = mapped_column(
        comment="what the host application says; proves nothing, and signs nobody in"
    )
    disabled_at: Mapped[datetime | None]
    time_zone: Mapped[str | None] = mapped_column(
        comment="IANA name; NULL: not known yet, times are shown in UTC"
    )
    theme: Mapped[str] = mapped_column(server_default="system")
    has_shortcuts: Mapped[bool] = mapped_column(server_default="true")
    muted_notifications: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default="{}", comment="kinds that no page shows"
    )
    mailed_notifications: Mapped[list[str]] = mapped_column(
        ARRAY(Text), server_default="{}", comment="kinds that are also sent by e-mail"
    )
    mailed_up_to: Mapped[int] = mapped_column(
        server_default="0", comment="id of the last notification that was looked at for an e-mail"
    )
    mail_due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(),
        comment="when notifications of this user are looked at next for an e-mail",
    )

    wrote_at: Mapped[datetime | None] = mapped_column(
        comment="when the user last changed something; kept while lists are read from a replica"
    )

    __table_args__ = (
        Index("uq_users_email", text("lower(email)"), unique=True),
        UniqueConstraint("jwt_issuer", "jwt_subject"),
        Index(
            "idx_users_mail_due",
            "mail_due_at",
            postgresql_where=text("mailed_notifications <> '{}'::text[]"),
        ),
        one_of("locale", LOCALES),
        one_of("theme", THEMES),
        {"comment": "Users: people with a login, or subjects of a host application"},
    )


class Users:
    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def now() -> Any:
        """The database's clock, to be assigned to a column."""
        return func.now()

    def get(self, user_id: int) -> User | None:
        return self._session.get(User, user_id)

    def lock(self, user_id: int) -> User | None:
        """Lock the row until the transaction ends, and read it again.

        Rows that reference the user can be inserted meanwhile.
        """
        query = select(User).where(User.id == user_id).with_for_update(key_share=True)
        return self._session.scalar(query, execution_options={"populate_existing": True})

    def list_all(self) -> Sequence[User]:
        return self._session.scalars(select(User).order_by(User.id)).all()

    def page(
        self, *, email_part: str | None = None, limit: int, before: int | None = None
    ) -> list[User]:
        """Return users, the newest first, with smaller ids than `before`.

        `email_part` may also be part of an e-mail that only the host application claims.
        """
        query = select(User).order_by(User.id.desc()).limit(limit)
        if email_part is not None:
            emails = (User.email, User.claimed_email)
            query = query.where(
                or_(*(email.icontains(email_part, autoescape=True) for email in emails))
            )
        if before is not None:
            query = query.where(User.id < before)
        return list(self._session.scalars(query))

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

    def delete(self, user_id: int) -> None:
        """Delete the user with all rows that belong to them; entries of the audit log stay."""
        self._session.execute(
            delete(User).where(User.id == user_id), execution_options={"synchronize_session": False}
        )

    def update(self, user_id: int, **fields: Any) -> None:
        self._session.execute(update(User).where(User.id == user_id).values(**fields))

    def record_write(self, user_id: int) -> None:
        """Record that the user has changed something, by the database's clock."""
        self.update(user_id, wrote_at=func.clock_timestamp())

    def set_first_time_zone(self, user_id: int, time_zone: str) -> bool:
        """Store a time zone unless there is one. Whether it was stored."""
        condition = (User.id == user_id, User.time_zone.is_(None))
        statement = update(User).where(*condition).values(time_zone=time_zone)
        return self._session.scalar(statement.returning(User.id)) is not None

    def set_password(
        self, user_id: int, password_hash: str, *, lifetime: timedelta | None = None
    ) -> None:
        """Store the hash of another password, which ends after `lifetime`; None: never.

        A trigger ends all sessions and revokes all keys.
        """
        self.update(user_id, password_hash=password_hash, password_expires_at=expiry_time(lifetime))

    def has_expired_password(self, user: User) -> bool:
        """Whether the password was generated for the user, and its time is over."""
        if user.password_expires_at is None:
            return False
        return bool(self._session.scalar(select(func.now() >= user.password_expires_at)))

    def replace_hash(self, user_id: int, password_hash: str) -> None:
        """Store another hash of the same password: sessions and keys stay."""
        self._session.execute(select(func.set_config(SAME_PASSWORD_SETTING, str(user_id), True)))
        self.update(user_id, password_hash=password_hash)


def expiry_time(lifetime: timedelta | None) -> Any:
    """So long from now by the database's clock, to be assigned to a column; None: never."""
    return None if lifetime is None else func.now() + lifetime
