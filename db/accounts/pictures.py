"""Pictures of accounts: small copies of those that the platforms show, kept by us.

A login has a picture, and so has each account that it opens. The row is due when the picture is
fetched next.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.accounts.accounts import Account
from db.base import Base, TimestampColumns
from db.leases import JobColumns, JobQueue

PictureKey = tuple[int, int | None]
"""Row of the login, and row of the account behind it in the platform's table; None: the login."""


class AccountPicture(JobColumns, TimestampColumns, Base):
    __tablename__ = "account_pictures"

    oauth_account_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="CASCADE")
    )
    destination_id: Mapped[int | None] = mapped_column(
        comment="row of the account in the platform's table; NULL: the login itself"
    )
    url: Mapped[str] = mapped_column(comment="where the platform shows it")
    image: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="JPEG of 128 by 128 pixels; NULL: not fetched yet"
    )
    digest: Mapped[str | None] = mapped_column(comment="beginning of the SHA-256 of the image")
    fetched_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(comment="why the last fetch failed")

    __table_args__ = (
        UniqueConstraint("oauth_account_id", "destination_id"),
        Index(
            "uq_account_pictures_login",
            "oauth_account_id",
            unique=True,
            postgresql_where=text("destination_id IS NULL"),
        ),
        Index("idx_account_pictures_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        {"comment": "Pictures of accounts, fetched from the platforms"},
    )


PICTURE_QUEUE = JobQueue(AccountPicture)
TABLE: Any = AccountPicture.__table__


@dataclass(frozen=True)
class StoredPicture:
    image: bytes
    digest: str


class AccountPictures:
    def __init__(self, session: Session) -> None:
        self._session = session

    def request(self, account_id: int, destination_id: int | None, url: str) -> None:
        """Let the picture be fetched from this address now."""
        values = {"url": url, "due_at": func.now(), "attempts": 0}
        key = {"oauth_account_id": account_id, "destination_id": destination_id}
        statement = insert(TABLE).values(**key, **values)
        if destination_id is None:
            statement = statement.on_conflict_do_update(
                index_elements=["oauth_account_id"],
                index_where=TABLE.c.destination_id.is_(None),
                set_=values,
            )
        else:
            statement = statement.on_conflict_do_update(index_elements=list(key), set_=values)
        self._session.execute(statement)

    def list_digests(self, account_ids: Collection[int]) -> Mapping[PictureKey, str]:
        """Return the digests of the pictures of these logins that are stored."""
        query = select(TABLE.c.oauth_account_id, TABLE.c.destination_id, TABLE.c.digest).where(
            TABLE.c.oauth_account_id.in_(account_ids), TABLE.c.digest.is_not(None)
        )
        return {
            (row.oauth_account_id, row.destination_id): row.digest
            for row in self._session.execute(query)
        }

    def find_for_user(
        self, account_id: int, destination_id: int | None, *, user_id: int
    ) -> StoredPicture | None:
        """Return the picture of one of the user's own accounts."""
        query = (
            select(TABLE.c.image, TABLE.c.digest)
            .join(Account, Account.id == TABLE.c.oauth_account_id)
            .where(
                Account.user_id == user_id,
                TABLE.c.oauth_account_id == account_id,
                TABLE.c.destination_id.is_not_distinct_from(destination_id),
                TABLE.c.image.is_not(None),
            )
        )
        row = self._session.execute(query).one_or_none()
        return None if row is None else StoredPicture(bytes(row.image), row.digest)
