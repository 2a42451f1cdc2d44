"""The table `api_keys`: keys of other programs, stored as hashes."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, Text, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, TimestampColumns
from db.identity.users import User

MIN_WRITE_INTERVAL = timedelta(minutes=1)
"""`last_used_at` is written at most this often."""


class ApiKey(IdColumn, TimestampColumns, Base):
    __tablename__ = "api_keys"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(
        unique=True, comment="visible part of the key, to recognise it"
    )
    hash: Mapped[str] = mapped_column(unique=True, comment="SHA-256 of the whole key")
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_api_keys_user", "user_id"),
        {"comment": "API keys of programs that act for a user"},
    )


class ApiKeys:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        user_id: int,
        *,
        name: str,
        prefix: str,
        key_hash: str,
        scopes: Iterable[str],
        expires_at: datetime | None = None,
    ) -> ApiKey:
        key = ApiKey(
            user_id=user_id,
            name=name,
            prefix=prefix,
            hash=key_hash,
            scopes=sorted(scopes),
            expires_at=expires_at,
        )
        self._session.add(key)
        self._session.flush()
        return key

    def get_active(self, key_hash: str) -> tuple[ApiKey, User, bool] | None:
        """Return a key, its user, and whether `mark_used` is due. None if the key is expired or
        revoked or the user disabled.
        """
        row = self._session.execute(
            select(ApiKey, User, is_write_due())
            .join(User, User.id == ApiKey.user_id)
            .where(
                ApiKey.hash == key_hash,
                *is_valid(),
                User.disabled_at.is_(None),
            )
        ).one_or_none()
        return None if row is None else (row[0], row[1], row[2])

    def mark_used(self, key: ApiKey) -> None:
        """Write `last_used_at`, unless it was written a moment ago."""
        statement = update(ApiKey).where(ApiKey.id == key.id, is_write_due())
        self._session.execute(
            statement.values(last_used_at=func.now()),
            execution_options={"synchronize_session": False},
        )

    def count_active(self, user_id: int) -> int:
        """Count the keys of a user that are neither revoked nor expired."""
        query = select(func.count()).where(ApiKey.user_id == user_id, *is_valid())
        return self._session.scalar(query) or 0

    def list_for_user(self, user_id: int) -> Sequence[ApiKey]:
        """Return all keys of a user, the newest first, revoked ones too."""
        query = select(ApiKey).where(ApiKey.user_id == user_id).order_by(ApiKey.id.desc())
        return self._session.scalars(query).all()

    def list_all(self, user_id: int | None) -> Sequence[ApiKey]:
        """Return the keys of a user, or of all, the newest first."""
        query = select(ApiKey).order_by(ApiKey.id.desc())
        if user_id is not None:
            query = query.where(ApiKey.user_id == user_id)
        return self._session.scalars(query).all()

    def revoke(self, key_id: int, *, user_id: int) -> ApiKey | None:
        """Revoke a key. None if this user has no such key, or it is revoked already."""
        conditions = (ApiKey.id == key_id, ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        statement = update(ApiKey).where(*conditions).values(revoked_at=func.now())
        return self._session.scalar(statement.returning(ApiKey))

    def revoke_all(self, user_id: int) -> int:
        """Revoke the keys of a user. Return how many were not revoked yet."""
        conditions = (ApiKey.user_id == user_id, ApiKey.revoked_at.is_(None))
        statement = update(ApiKey).where(*conditions).values(revoked_at=func.now())
        return len(
            self._session.execute(
                statement.returning(ApiKey.id), execution_options={"synchronize_session": False}
            ).all()
        )


def is_write_due() -> ColumnElement[bool]:
    is_old = ApiKey.last_used_at < func.now() - MIN_WRITE_INTERVAL
    return or_(ApiKey.last_used_at.is_(None), is_old)


def is_valid() -> tuple[ColumnElement[bool], ...]:
    """Conditions: neither revoked nor expired."""
    return (
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
    )
