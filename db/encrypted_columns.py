"""Every column that holds a sealed secret, read and replaced in batches while others work.

Must not open anything: a value is replaced only where it still is the one that was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, cast, func, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import Text

from db.accounts.accounts import Account
from db.accounts.instagram import InstagramAccount
from db.outbox.endpoints import Endpoint, EndpointSecret
from db.posts.posts import Post
from db.posts.upload_sessions import UploadSession

KEY_ID_PART = 2  # the second of the parts between dots: v1.<key id>.…


@dataclass(frozen=True)
class EncryptedColumn:
    """Where secrets are, and the row's part of what each of them is bound to."""

    column: InstrumentedAttribute[str | None]
    bound_to: Select[
        int, str, str, int
    ]  # row id, provider, the platform's id or the post's, user id

    @property
    def name(self) -> str:
        return f"{self.column.class_.__tablename__}.{self.column.key}"


def account_column(column: InstrumentedAttribute[str | None]) -> EncryptedColumn:
    bound_to = select(Account.id, Account.provider, Account.open_id, Account.user_id)
    return EncryptedColumn(column, bound_to)


UPLOAD_CONTEXT = select(
    UploadSession.id, Post.provider, cast(Post.id, Text).label("subject"), Post.user_id
).join(Post, Post.id == UploadSession.post_id)
INSTAGRAM_PAGE_CONTEXT = select(
    InstagramAccount.id,
    literal("instagram"),
    InstagramAccount.ig_business_id,
    InstagramAccount.user_id,
)
ENDPOINT_CONTEXT = select(
    EndpointSecret.id,
    literal("endpoint"),
    cast(Endpoint.id, Text).label("subject"),
    Endpoint.user_id,
).join(Endpoint, Endpoint.id == EndpointSecret.endpoint_id)
ENCRYPTED_COLUMNS = (
    account_column(Account.access_token_encrypted),
    account_column(Account.refresh_token_encrypted),
    EncryptedColumn(UploadSession.upload_url_encrypted, UPLOAD_CONTEXT),
    EncryptedColumn(InstagramAccount.page_access_token_encrypted, INSTAGRAM_PAGE_CONTEXT),
    EncryptedColumn(EndpointSecret.secret_encrypted, ENDPOINT_CONTEXT),
)


@dataclass(frozen=True)
class EncryptedValue:
    row_id: int
    context: tuple[str, ...]
    ciphertext: str


class EncryptedColumns:
    def __init__(self, session: Session) -> None:
        self._session = session

    def count_by_key(self, target: EncryptedColumn) -> dict[str, int]:
        """How many values each key has sealed."""
        key_id = func.split_part(target.column, ".", KEY_ID_PART)
        query = select(key_id, func.count()).where(target.column.is_not(None)).group_by(key_id)
        return dict(self._session.execute(query).all())

    def list_batch(
        self, target: EncryptedColumn, *, current_key: str, after: int, limit: int
    ) -> Sequence[EncryptedValue]:
        """Values that another key than `key` has sealed, of rows behind the id `after`."""
        row_id: Any = target.column.class_.id
        has_other_key = func.split_part(target.column, ".", KEY_ID_PART) != current_key
        query = target.bound_to.add_columns(target.column).where(row_id > after, has_other_key)
        rows = self._session.execute(query.order_by(row_id).limit(limit)).all()
        table, column = target.name.split(".")
        return [
            EncryptedValue(row, (table, column, provider, subject, str(user)), text)
            for row, provider, subject, user, text in rows
        ]

    def replace(self, target: EncryptedColumn, value: EncryptedValue, new_ciphertext: str) -> bool:
        """False if somebody has put another value there since."""
        row_id: Any = target.column.class_.id
        unchanged = (row_id == value.row_id, target.column == value.ciphertext)
        statement = (
            update(target.column.class_)
            .where(*unchanged)
            .values({target.column.key: new_ciphertext})
        )
        return self._session.scalar(statement.returning(row_id)) is not None
