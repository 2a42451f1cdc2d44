"""Table `posts`: one row per intended publication and how far it got, written before any call to
a platform; its two job queues; and look-ups of single posts.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    and_,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import UPDATED_ROWS_STORAGE, Base, Json, TimestampColumns, one_of
from db.leases import JobColumns, JobQueue
from db.providers import (
    PROVIDERS,
    DestinationColumns,
    PlatformKey,
    build_destination_indexes,
)

POST_STATES = (
    "QUEUED",
    "SENDING",
    "PROCESSING",
    "UNCONFIRMED",
    "PUBLISHED",
    "FAILED",
    "CANCELLED",
)
FINAL_POST_STATES = ("PUBLISHED", "FAILED", "CANCELLED")
UNFINISHED_SQL = "state NOT IN ('PUBLISHED', 'FAILED', 'CANCELLED')"
DRAFT_SQL = "state = 'PUBLISHED' AND step = 'DELIVERED'"
"""Conditions of partial indexes; a query must repeat them without parameters to use these."""

PUBLISH_TIME_SQL = "COALESCE(publish_at, created_at)"


class SentBy(StrEnum):
    """Who sends the bytes to the platform, or fetches them."""

    CALLER = "CALLER"
    SIGNALPOST = "SIGNALPOST"
    PLATFORM = "PLATFORM"


def build_list_indexes() -> tuple[Index, ...]:
    """The indexes behind lists, searches and counts of one user's posts, and of one account's."""
    publish_time = text(PUBLISH_TIME_SQL)
    return (
        Index("idx_posts_user_state", "user_id", "state", "id"),
        Index("idx_posts_user_state_time", "user_id", "state", publish_time, "id"),
        Index("idx_posts_user_time", "user_id", publish_time, "id"),
        Index("idx_posts_user_kind", "user_id", "kind", "id"),
        Index("idx_posts_login", "oauth_account_id", "id"),
        Index(
            "idx_posts_destination",
            "destination_id",
            "id",
            postgresql_where=text("destination_id IS NOT NULL"),
        ),
        Index(
            "idx_posts_unstarted",
            "user_id",
            "state",
            "id",
            postgresql_where=text("publish_id IS NULL"),
        ),
        Index("idx_posts_unfinished", "oauth_account_id", postgresql_where=text(UNFINISHED_SQL)),
        Index(
            "idx_posts_finished",
            "oauth_account_id",
            "finished_at",
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
        Index("idx_posts_drafts", "user_id", postgresql_where=text(DRAFT_SQL)),
        Index(
            "idx_posts_title",
            text("to_tsvector('simple'::regconfig, title)"),
            postgresql_using="gin",
        ),
    )


class Post(DestinationColumns, JobColumns, TimestampColumns, Base):
    __tablename__ = "posts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    oauth_account_id: Mapped[int | None] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="SET NULL")
    )
    destination_id: Mapped[int | None] = mapped_column(
        comment="row of the account that is posted to, in the platform's table; NULL: the login"
    )
    media_id: Mapped[int | None] = mapped_column(ForeignKey("media.id", ondelete="SET NULL"))
    group_id: Mapped[UUID | None] = mapped_column(
        comment="posts that were written together for several accounts have the same"
    )
    retry_of: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="SET NULL"))
    provider: Mapped[str] = mapped_column(String(50))
    kind: Mapped[str] = mapped_column(String(50))
    source: Mapped[str] = mapped_column(String(50))
    sent_by: Mapped[str] = mapped_column(
        String(50), comment="who transfers the bytes: CALLER, SIGNALPOST or PLATFORM"
    )
    title: Mapped[str] = mapped_column(server_default="")
    payload_json: Mapped[Json] = mapped_column(
        JSONB, server_default="{}", comment="video_url and settings of the upload request"
    )
    state: Mapped[str] = mapped_column(String(50), server_default="QUEUED")
    step: Mapped[str | None] = mapped_column(
        comment="last known phase of the publication at the platform"
    )
    step_state: Mapped[Json] = mapped_column(
        "memo",
        JSONB,
        server_default="{}",
        comment="internal state of the publishing steps; never used in queries",
    )
    publish_id: Mapped[str | None] = mapped_column(String(255))
    container_id: Mapped[str | None] = mapped_column(String(255))
    platform_post_id: Mapped[str | None] = mapped_column(String(255))
    platform_post_ids: Mapped[list[str]] = mapped_column(
        ARRAY(Text),
        server_default="{}",
        comment="the platform's ids of the public post; several if it was made public again",
    )
    permalink: Mapped[str | None]
    bytes_total: Mapped[int | None]
    bytes_sent: Mapped[int] = mapped_column(server_default="0")
    chunk_size: Mapped[int | None]
    url_expires_at: Mapped[datetime | None] = mapped_column(comment="when the upload URL expires")
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_hash: Mapped[str | None] = mapped_column(
        comment="SHA-256 of the request; compared if its idempotency key comes again"
    )
    publish_at: Mapped[datetime | None]
    hold_reason: Mapped[str | None] = mapped_column(
        comment="why the post is parked until a person acts; NULL: not parked"
    )
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    finished_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None] = mapped_column(
        comment="when the latest start call to the platform was prepared"
    )
    has_slot: Mapped[bool] = mapped_column(
        server_default="false",
        comment="whether a quota slot of the account was reserved for the post",
    )
    is_upload_due: Mapped[bool] = mapped_column(
        server_default="false",
        comment="whether the next step sends the bytes of a file: the uploads queue takes the post",
    )
    correlation_id: Mapped[str | None] = mapped_column(
        comment="id of the request that the post came from"
    )
    trace_parent: Mapped[str | None] = mapped_column(
        comment="span of that request, as a traceparent header names it; NULL: not traced"
    )

    __table_args__ = (
        UniqueConstraint("user_id", "idempotency_key"),
        Index(
            "uq_posts_publish_id",
            "provider",
            "publish_id",
            unique=True,
            postgresql_where=text("publish_id IS NOT NULL"),
        ),
        Index("idx_posts_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("idx_posts_user", "user_id", text("created_at DESC")),
        *build_destination_indexes(),
        Index(
            "idx_posts_group",
            "user_id",
            "group_id",
            postgresql_where=text("group_id IS NOT NULL"),
        ),
        Index("idx_posts_media", "media_id", postgresql_where=text("media_id IS NOT NULL")),
        Index("idx_posts_retry_of", "retry_of", postgresql_where=text("retry_of IS NOT NULL")),
        *build_list_indexes(),
        one_of("provider", PROVIDERS),
        one_of("sent_by", SentBy),
        one_of("state", POST_STATES),
        {
            "comment": "One row per intended publication, and how far it got",
            "postgresql_with": UPDATED_ROWS_STORAGE,
        },
    )


_is_sending_chunks = and_(
    Post.state == "SENDING",
    Post.sent_by == SentBy.SIGNALPOST,
    Post.publish_id.is_not(None),
    Post.chunk_size.is_not(None),
)
_is_sending_bytes = or_(Post.is_upload_due, _is_sending_chunks)
"""Posts whose bytes we upload: `UPLOAD_QUEUE` takes these, so that long uploads delay no poll."""


def is_unfinished() -> ColumnElement[bool]:
    """Condition: in no final state. Without parameters, so that the partial index serves it."""
    return Post.state.not_in([literal_column(f"'{state}'") for state in FINAL_POST_STATES])


def is_undecided_draft() -> ColumnElement[bool]:
    """Condition: delivered to the creator, who has not dealt with it. Without parameters."""
    return and_(
        Post.state == literal_column("'PUBLISHED'"), Post.step == literal_column("'DELIVERED'")
    )


def publish_time() -> ColumnElement[datetime]:
    """When a post is or was to be published: at a time that was chosen, or when it was created."""
    return func.coalesce(Post.publish_at, Post.created_at)


POST_QUEUE = JobQueue(
    Post, conditions=(not_(_is_sending_bytes),), name="posts", provider=Post.provider
)
UPLOAD_QUEUE = JobQueue(
    Post, conditions=(_is_sending_bytes,), name="uploads", provider=Post.provider
)


class Posts:
    """Single posts. Every look-up on behalf of a caller names the owner."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def now() -> Any:
        """The database's clock, to be assigned to a column."""
        return func.now()

    @staticmethod
    def due_time(at: datetime | None) -> Any:
        """An expression for `due_at`: that time, or now if it has passed or is None."""
        return func.now() if at is None else func.greatest(func.now(), at)

    def add(self, **values: Any) -> Post | None:
        """Insert a post. None if this user has used the idempotency key before.

        Waits for a transaction that is inserting the same key.
        """
        statement = insert(Post).values(**values).on_conflict_do_nothing().returning(Post)
        return self._session.scalars(statement).one_or_none()

    def get_for_user(self, post_id: int, *, user_id: int) -> Post | None:
        return self._session.scalar(
            select(Post).where(Post.id == post_id, Post.user_id == user_id),
            execution_options={"populate_existing": True},
        )

    def lock_for_user(self, post_id: int, *, user_id: int) -> Post | None:
        """Read the row again and lock it until this transaction ends."""
        return self._session.scalar(
            select(Post).where(Post.id == post_id, Post.user_id == user_id).with_for_update(),
            execution_options={"populate_existing": True},
        )

    def list_retries(self, post_id: int, *, user_id: int) -> Sequence[Post]:
        """Return the posts that repeat this one, the oldest first."""
        query = select(Post).where(Post.retry_of == post_id, Post.user_id == user_id)
        return self._session.scalars(query.order_by(Post.id)).all()

    def list_together(self, post: Post) -> Sequence[Post]:
        """Return the other posts of the group that this one belongs to."""
        if post.group_id is None:
            return ()
        is_in_group = (Post.user_id == post.user_id, Post.group_id == post.group_id)
        query = select(Post).where(*is_in_group, Post.id != post.id)
        return self._session.scalars(query.order_by(Post.id)).all()

    def get_by_idempotency_key(self, key: str, *, user_id: int) -> Post | None:
        query = select(Post).where(Post.idempotency_key == key, Post.user_id == user_id)
        return self._session.scalar(query)

    def get_by_publish_id(self, publish_id: str, *, provider: str, user_id: int) -> Post | None:
        query = select(Post).where(Post.publish_id == publish_id, Post.provider == provider)
        return self._session.scalar(query.where(Post.user_id == user_id))

    def map_publications(
        self, publications: Collection[PlatformKey], *, user_id: int | None = None
    ) -> dict[PlatformKey, int]:
        """Return which posts, of this user or of anybody, have these publish ids."""
        if not publications:
            return {}
        query = select(Post.provider, Post.publish_id, Post.id).where(
            tuple_(Post.provider, Post.publish_id).in_(list(publications))
        )
        if user_id is not None:
            query = query.where(Post.user_id == user_id)
        rows = self._session.execute(query)
        return {(provider, str(publish_id)): post_id for provider, publish_id, post_id in rows}

    def delete(self, post: Post) -> None:
        """Delete the row and free its idempotency key. Only for posts no platform knows of."""
        self._session.delete(post)
