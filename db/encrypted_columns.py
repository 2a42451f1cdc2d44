"""All columns that hold encrypted secrets, for key rotation: read and replace values in batches.

A value is replaced only if it is still the one that was read. Nothing is decrypted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, cast, func, literal, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import Text

from db.accounts.accounts import Account
from db.outbox.endpoints import Endpoint, EndpointSecret
from db.posts.parts import PostPart
from db.posts.posts import Post
from db.records.destinations import DESTINATION_TOKENS

KEY_ID_PART = 2  # of a ciphertext, split at dots and counted from 1: v1.<key id>.…


@dataclass(frozen=True)
class EncryptedColumn:
    """A column of ciphertexts, and a query for the encryption context of each row.

    Shapes: `context_query` selects row id, provider, subject (id of the account's user
    at the platform, or of our row), user id.
    """

    column: InstrumentedAttribute[str | None]
    context_query: Select[int, str, str, int]

    @property
    def name(self) -> str:
        return f"{self.column.class_.__tablename__}.{self.column.key}"


def account_column(column: InstrumentedAttribute[str | None]) -> EncryptedColumn:
    """Describe a column of the table of accounts."""
    context_query = select(Account.id, Account.provider, Account.open_id, Account.user_id)
    return EncryptedColumn(column, context_query)


def destination_column(provider: str) -> EncryptedColumn:
    """Describe the tokens of a platform's destinations."""
    columns = DESTINATION_TOKENS[provider]
    rows = columns.token.class_
    context_query = select(rows.id, literal(provider), columns.external_id, rows.user_id)
    return EncryptedColumn(columns.token, context_query)


PART_CONTEXT = select(
    PostPart.id,
    Post.provider,
    func.concat(Post.id, ":", PostPart.position).label("subject"),
    Post.user_id,
).join(Post, Post.id == PostPart.post_id)
ENDPOINT_CONTEXT = select(
    EndpointSecret.id,
    literal("endpoint"),
    cast(Endpoint.id, Text).label("subject"),
    Endpoint.user_id,
).join(Endpoint, Endpoint.id == EndpointSecret.endpoint_id)
ENCRYPTED_COLUMNS = (
    account_column(Account.access_token_encrypted),
    account_column(Account.refresh_token_encrypted),
    EncryptedColumn(PostPart.upload_url_encrypted, PART_CONTEXT),
    *(destination_column(provider) for provider in DESTINATION_TOKENS),
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
        """Count the values per key id."""
        key_id = func.split_part(target.column, ".", KEY_ID_PART)
        query = select(key_id, func.count()).where(target.column.is_not(None)).group_by(key_id)
        return dict(self._session.execute(query).all())

    def list_batch(
        self, target: EncryptedColumn, *, current_key: str, after: int, limit: int
    ) -> Sequence[EncryptedValue]:
        """List values that are not encrypted with `current_key`, of rows with ids above `after`."""
        id_column: Any = target.column.class_.id
        has_other_key = func.split_part(target.column, ".", KEY_ID_PART) != current_key
        query = target.context_query.add_columns(target.column)
        batch = query.where(id_column > after, has_other_key).order_by(id_column).limit(limit)
        rows = self._session.execute(batch).all()
        table, column = target.name.split(".")
        return [
            EncryptedValue(
                row_id=row_id,
                context=(table, column, provider, subject, str(user_id)),
                ciphertext=ciphertext,
            )
            for row_id, provider, subject, user_id, ciphertext in rows
        ]

    def replace(self, target: EncryptedColumn, value: EncryptedValue, new_ciphertext: str) -> bool:
        """Replace the value; False if it has changed since it was read."""
        id_column: Any = target.column.class_.id
        is_unchanged = (id_column == value.row_id, target.column == value.ciphertext)
        statement = (
            update(target.column.class_)
            .where(*is_unchanged)
            .values({target.column.key: new_ciphertext})
        )
        return self._session.scalar(statement.returning(id_column)) is not None
