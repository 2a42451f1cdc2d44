"""Table `post_parts`: the media items of a post, and what the platform has made of each.

The items are stored with the post. What the platform makes (a publication, a container) is written
to the row at the same position: 0 is what is published, 1 and up are the items of a collection.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    UniqueConstraint,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import UPDATED_ROWS_STORAGE, Base, IdColumn, Json, TimestampColumns
from db.bulk import IDS_PARAMETER, is_given_id
from db.compiled_statements import CompiledStatement, StatementCall
from db.session import Session

COVER_ROLE = "cover"
"""Role of a file that belongs to a part and is no part itself."""

COLLECTION_ROLE = "collection"
"""Role of the part at position 0 that consists of the other parts."""


class PostPart(IdColumn, TimestampColumns, Base):
    __tablename__ = "post_parts"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(comment="0: what is published; 1 and up: the items of it")
    role: Mapped[str] = mapped_column(comment="video, image, item, cover or collection")
    media_id: Mapped[int | None] = mapped_column(
        ForeignKey("media.id", ondelete="SET NULL"), comment="our file; NULL: url, or no file"
    )
    url: Mapped[str | None] = mapped_column(comment="where the platform fetches the file")
    alt_text: Mapped[str | None]
    options: Mapped[Json] = mapped_column(
        JSONB, server_default="{}", comment="the platform's own fields of the item"
    )
    handle: Mapped[str | None] = mapped_column(comment="the platform's id of the part; NULL: none")
    status: Mapped[str | None] = mapped_column(comment="the vendor's name of the part's status")
    status_text: Mapped[str | None]
    made_at: Mapped[datetime | None] = mapped_column(comment="when the platform made the part")
    expires_at: Mapped[datetime | None]
    next_offset: Mapped[int] = mapped_column(
        server_default="0", comment="bytes known to be received"
    )
    tries: Mapped[int] = mapped_column(
        server_default="0", comment="parts made at this position before this one"
    )
    upload_url_encrypted: Mapped[str | None] = mapped_column(comment="AES-256-GCM; NULL: none")

    __table_args__ = (
        UniqueConstraint("post_id", "position"),
        Index("idx_post_parts_media", "media_id", postgresql_where=text("media_id IS NOT NULL")),
        Index("idx_post_parts_made", "made_at", postgresql_where=text("made_at IS NOT NULL")),
        {
            "comment": "Media items of posts, and what the platform has made of each",
            "postgresql_with": UPDATED_ROWS_STORAGE,
        },
    )


CLEAR_URLS = CompiledStatement(
    update(PostPart)
    .where(
        is_given_id(PostPart.post_id),
        PostPart.upload_url_encrypted.is_not(None),
    )
    .values(upload_url_encrypted=None),
    name="clear_upload_urls",
)


class PostParts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add_items(self, post_id: int, items: Sequence[Mapping[str, Any]]) -> None:
        """Insert the media items of a new post, each with a position and a role.

        A collection, whose items begin at position 1, gets one more row for the whole.
        """
        rows = [{"post_id": post_id, **item} for item in items]
        if rows and all(row["position"] > 0 for row in rows):
            rows.append({"post_id": post_id, "position": 0, "role": COLLECTION_ROLE})
        for columns in rows:
            self._session.add(PostPart(**columns))
        self._session.flush()

    def add(self, post_id: int, position: int, role: str) -> PostPart:
        part = PostPart(post_id=post_id, position=position, role=role, options={}, tries=0)
        self._session.add(part)
        return part

    @staticmethod
    def clear_url_calls(post_ids: Sequence[int]) -> list[StatementCall]:
        """What forgets the upload URLs of posts that have ended: one statement, none if none."""
        return [StatementCall(CLEAR_URLS, {IDS_PARAMETER: post_ids})] if post_ids else []

    def list_by_post(self, post_id: int) -> Sequence[PostPart]:
        """The parts of a post by position."""
        query = select(PostPart).where(PostPart.post_id == post_id).order_by(PostPart.position)
        return self._session.scalars(query).all()

    def list_by_posts(self, post_ids: Collection[int]) -> dict[int, list[PostPart]]:
        """The parts of several posts, each list by position."""
        if not post_ids:
            return {}
        parts: dict[int, list[PostPart]] = {post_id: [] for post_id in post_ids}
        for part in self._session.scalars(list_statement(), {IDS_PARAMETER: list(parts)}):
            parts[part.post_id].append(part)
        return parts


@cache
def list_statement() -> Any:
    """SELECT of the parts of the given posts by position. Built once."""
    query = select(PostPart).where(is_given_id(PostPart.post_id))
    return query.order_by(PostPart.position)
