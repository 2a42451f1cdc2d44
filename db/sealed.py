"""Every column that holds a sealed secret, read and replaced in batches while others work.

Must not open anything: a value is replaced only where it still is the one that was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, cast, func, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import Text

from db.accounts import Account
from db.endpoints import Endpoint, EndpointSecret
from db.instagram import InstagramAccount
from db.posts import Post
from db.uploads import UploadSession

KEY_ID = 2  # the second of the parts between dots: v1.<key id>.…


@dataclass(frozen=True)
class Column:
    """Where secrets are, and the row's part of what each of them is bound to."""

    column: InstrumentedAttribute[str | None]
    bound_to: Select[
        int, str, str, int
    ]  # row id, provider, the platform's id or the post's, user id

    @property
    def name(self) -> str:
        return f"{self.column.class_.__tablename__}.{self.column.key}"


def of_account(column: InstrumentedAttribute[str | None]) -> Column:
    bound_to = select(Account.id, Account.provider, Account.open_id, Account.user_id)
    return Column(column, bound_to)


UPLOAD = select(
    UploadSession.id, Post.provider, cast(Post.id, Text).label("subject"), Post.user_id
).join(Post, Post.id == UploadSession.post_id)
PAGE = select(
    InstagramAccount.id,
    literal("instagram"),
    InstagramAccount.ig_business_id,
    InstagramAccount.user_id,
)
ENDPOINT = select(
    EndpointSecret.id,
    literal("endpoint"),
    cast(Endpoint.id, Text).label("subject"),
    Endpoint.user_id,
).join(Endpoint, Endpoint.id == EndpointSecret.endpoint_id)
COLUMNS = (
    of_account(Account.access_token_encrypted),
    of_account(Account.refresh_token_encrypted),
    Column(UploadSession.upload_url_encrypted, UPLOAD),
    Column(InstagramAccount.page_access_token_encrypted, PAGE),
    Column(EndpointSecret.secret_encrypted, ENDPOINT),
)


@dataclass(frozen=True)
class Value:
    row_id: int
    context: tuple[str, ...]
    sealed: str


class Sealed:
    def __init__(self, session: Session) -> None:
        self._session = session

    def keys(self, where: Column) -> dict[str, int]:
        """How many values each key has sealed."""
        key = func.split_part(where.column, ".", KEY_ID)
        found = select(key, func.count()).where(where.column.is_not(None)).group_by(key)
        return dict(self._session.execute(found).all())

    def batch(self, where: Column, *, key: str, after: int, limit: int) -> Sequence[Value]:
        """Values that another key than `key` has sealed, of rows behind the id `after`."""
        row_id: Any = where.column.class_.id
        sealed = func.split_part(where.column, ".", KEY_ID) != key
        found = where.bound_to.add_columns(where.column).where(row_id > after, sealed)
        rows = self._session.execute(found.order_by(row_id).limit(limit)).all()
        table, column = where.name.split(".")
        return [
            Value(row, (table, column, provider, subject, str(user)), text)
            for row, provider, subject, user, text in rows
        ]

    def replace(self, where: Column, value: Value, resealed: str) -> bool:
        """False if somebody has put another value there since."""
        row_id: Any = where.column.class_.id
        same = (row_id == value.row_id, where.column == value.sealed)
        changed = update(where.column.class_).where(*same).values({where.column.key: resealed})
        return self._session.scalar(changed.returning(row_id)) is not None
