"""Posts that notices speak of, with what the platform knows of them: read, locked and written back
for a whole batch at a time, in five statements however many they are.

Always in the order of their ids, so that two batches cannot wait for each other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Text, func, select
from sqlalchemy.orm import Session

from db.base import Json
from db.bulk import ROWS_PARAMETER, as_json_row, bulk_update_statement, rows_table
from db.posts.posts import Post
from db.posts.tiktok_posts import TikTokPost

PlatformKey = tuple[str, str]  # provider, and the platform's id of a publication or of its user


@dataclass(slots=True, eq=False)
class LockedPost:
    """A locked row of `posts`: as much of it as news can read or change."""

    id: int
    user_id: int
    oauth_account_id: int | None
    provider: str
    kind: str
    source: str
    title: str
    publish_id: str | None
    memo: Json
    bytes_total: int | None
    publish_at: datetime | None
    created_at: datetime
    state: str
    step: str | None
    platform_post_id: str | None
    bytes_sent: int
    due_at: datetime | None
    hold_reason: str | None
    error_code: str | None
    error_message: str | None
    finished_at: datetime | None


@dataclass(slots=True, eq=False)
class LockedTikTokPost:
    """What the platform knows of a held post."""

    id: int
    source: str
    status: str
    details: Json
    error_code: str | None
    error_message: str | None
    uploaded_bytes: int | None
    downloaded_bytes: int | None
    publicly_available: bool | None
    last_polled_at: datetime | None
    completed_at: datetime | None


AnyPost = Post | LockedPost
AnyTikTokPost = TikTokPost | LockedTikTokPost

POST_COLUMNS, TIKTOK_POST_COLUMNS = tuple(LockedPost.__slots__), tuple(LockedTikTokPost.__slots__)
MUTABLE_POST_COLUMNS = POST_COLUMNS[POST_COLUMNS.index("state") :]
MUTABLE_TIKTOK_POST_COLUMNS = TIKTOK_POST_COLUMNS[TIKTOK_POST_COLUMNS.index("status") :]
"""What news may change, and what is written back therefore."""

POST_VALUES_GETTER, TIKTOK_POST_VALUES_GETTER = (
    attrgetter(*MUTABLE_POST_COLUMNS),
    attrgetter(*MUTABLE_TIKTOK_POST_COLUMNS),
)


def build_lock_query() -> Any:
    keys = rows_table({"provider": Text(), "publish_id": Text()})
    matches_key = (Post.provider == keys.c.provider) & (Post.publish_id == keys.c.publish_id)
    columns = [
        *model_columns(Post, POST_COLUMNS),
        *model_columns(TikTokPost, TIKTOK_POST_COLUMNS),
        func.clock_timestamp(),
    ]
    return (
        select(*columns)
        .select_from(keys)
        .join(Post, matches_key)
        .outerjoin(TikTokPost, TikTokPost.ledger_id == Post.id)
        .order_by(Post.id)
        .with_for_update(of=Post)
    )


def model_columns(model: Any, names: Sequence[str]) -> list[Any]:
    return [getattr(model, name) for name in names]


LOCK_QUERY = build_lock_query()
UPDATE_POSTS, UPDATE_TIKTOK_POSTS = (
    bulk_update_statement(Post, MUTABLE_POST_COLUMNS),
    bulk_update_statement(TikTokPost, MUTABLE_TIKTOK_POST_COLUMNS),
)


@dataclass(frozen=True)
class PostBatch:
    """Posts by what the platform calls them, their records by the ids of posts, and the time."""

    posts: Mapping[PlatformKey, LockedPost]
    records: Mapping[int, LockedTikTokPost | None]
    locked_at: datetime | None  # by the database's clock; None if there is nothing to hold
    original_values: Mapping[LockedPost | LockedTikTokPost, tuple[Any, ...]]

    def __or__(self, other: "PostBatch") -> "PostBatch":
        return PostBatch(
            {**self.posts, **other.posts},
            {**self.records, **other.records},
            self.locked_at or other.locked_at,
            {**self.original_values, **other.original_values},
        )


EMPTY_BATCH = PostBatch({}, {}, None, {})


class PostBatches:
    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self, publications: Collection[PlatformKey]) -> PostBatch:
        """Those we know, locked until the end of the transaction."""
        keys = [
            {"provider": provider, "publish_id": publication}
            for provider, publication in publications
        ]
        rows = self._session.execute(LOCK_QUERY, {ROWS_PARAMETER: keys}).all() if keys else []
        posts: dict[PlatformKey, LockedPost] = {}
        records: dict[int, LockedTikTokPost | None] = {}
        original_values: dict[LockedPost | LockedTikTokPost, tuple[Any, ...]] = {}
        for row in rows:
            post, record = (
                LockedPost(*row[: len(POST_COLUMNS)]),
                parse_tiktok_post(row[len(POST_COLUMNS) : -1]),
            )
            posts[post.provider, str(post.publish_id)] = post
            records[post.id] = record
            original_values[post] = mutable_values(post)
            if record is not None:
                original_values[record] = mutable_values(record)
        return PostBatch(posts, records, rows[0][-1] if rows else None, original_values)

    def save(self, batch: PostBatch) -> None:
        """What has changed since it was held."""
        changed = [
            row for row, before in batch.original_values.items() if mutable_values(row) != before
        ]
        for statement, kind in (
            (UPDATE_POSTS, LockedPost),
            (UPDATE_TIKTOK_POSTS, LockedTikTokPost),
        ):
            rows = [as_json_row(update_parameters(row)) for row in changed if isinstance(row, kind)]
            if rows:
                self._session.execute(statement, {ROWS_PARAMETER: rows})


def parse_tiktok_post(values: Sequence[Any]) -> LockedTikTokPost | None:
    return LockedTikTokPost(*values) if values[0] is not None else None


def mutable_values(row: LockedPost | LockedTikTokPost) -> tuple[Any, ...]:
    return (POST_VALUES_GETTER if isinstance(row, LockedPost) else TIKTOK_POST_VALUES_GETTER)(row)


def update_parameters(row: LockedPost | LockedTikTokPost) -> dict[str, Any]:
    names = MUTABLE_POST_COLUMNS if isinstance(row, LockedPost) else MUTABLE_TIKTOK_POST_COLUMNS
    return dict(zip(("id", *names), (row.id, *mutable_values(row)), strict=True))
