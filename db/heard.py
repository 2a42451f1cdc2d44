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
from db.posts import Post
from db.records import TikTokPost
from db.recordset import ROWS, as_json, given, writing

Key = tuple[str, str]  # provider, and the platform's id of a publication or of its user


@dataclass(slots=True, eq=False)
class HeldPost:
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
class HeldRecord:
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


AnyPost = Post | HeldPost
AnyRecord = TikTokPost | HeldRecord

POST, RECORD = tuple(HeldPost.__slots__), tuple(HeldRecord.__slots__)
POST_NEWS = POST[POST.index("state") :]
RECORD_NEWS = RECORD[RECORD.index("status") :]
"""What news may change, and what is written back therefore."""

POST_VALUES, RECORD_VALUES = attrgetter(*POST_NEWS), attrgetter(*RECORD_NEWS)


def holding() -> Any:
    wanted = given({"provider": Text(), "publish_id": Text()})
    this = (Post.provider == wanted.c.provider) & (Post.publish_id == wanted.c.publish_id)
    columns = [*columns_of(Post, POST), *columns_of(TikTokPost, RECORD), func.clock_timestamp()]
    return (
        select(*columns)
        .select_from(wanted)
        .join(Post, this)
        .outerjoin(TikTokPost, TikTokPost.ledger_id == Post.id)
        .order_by(Post.id)
        .with_for_update(of=Post)
    )


def columns_of(model: Any, names: Sequence[str]) -> list[Any]:
    return [getattr(model, name) for name in names]


HOLDING = holding()
POSTS_WRITING, RECORDS_WRITING = writing(Post, POST_NEWS), writing(TikTokPost, RECORD_NEWS)


@dataclass(frozen=True)
class Holding:
    """Posts by what the platform calls them, their records by the ids of posts, and the time."""

    posts: Mapping[Key, HeldPost]
    records: Mapping[int, HeldRecord | None]
    at: datetime | None  # by the database's clock; None if there is nothing to hold
    before: Mapping[HeldPost | HeldRecord, tuple[Any, ...]]

    def __or__(self, more: "Holding") -> "Holding":
        return Holding(
            {**self.posts, **more.posts},
            {**self.records, **more.records},
            self.at or more.at,
            {**self.before, **more.before},
        )


NOTHING = Holding({}, {}, None, {})


class Heard:
    def __init__(self, session: Session) -> None:
        self._session = session

    def hold(self, publications: Collection[Key]) -> Holding:
        """Those we know, locked until the end of the transaction."""
        named = [{"provider": one, "publish_id": publication} for one, publication in publications]
        rows = self._session.execute(HOLDING, {ROWS: named}).all() if named else []
        posts: dict[Key, HeldPost] = {}
        records: dict[int, HeldRecord | None] = {}
        before: dict[HeldPost | HeldRecord, tuple[Any, ...]] = {}
        for row in rows:
            held, known = HeldPost(*row[: len(POST)]), record_in(row[len(POST) : -1])
            posts[held.provider, str(held.publish_id)] = held
            records[held.id] = known
            before[held] = news_of(held)
            if known is not None:
                before[known] = news_of(known)
        return Holding(posts, records, rows[0][-1] if rows else None, before)

    def write(self, holding: Holding) -> None:
        """What has changed since it was held."""
        changed = [row for row, before in holding.before.items() if news_of(row) != before]
        for statement, kind in ((POSTS_WRITING, HeldPost), (RECORDS_WRITING, HeldRecord)):
            rows = [as_json(given_of(row)) for row in changed if isinstance(row, kind)]
            if rows:
                self._session.execute(statement, {ROWS: rows})


def record_in(values: Sequence[Any]) -> HeldRecord | None:
    return HeldRecord(*values) if values[0] is not None else None


def news_of(row: HeldPost | HeldRecord) -> tuple[Any, ...]:
    return (POST_VALUES if isinstance(row, HeldPost) else RECORD_VALUES)(row)


def given_of(row: HeldPost | HeldRecord) -> dict[str, Any]:
    names = POST_NEWS if isinstance(row, HeldPost) else RECORD_NEWS
    return dict(zip(("id", *names), (row.id, *news_of(row)), strict=True))
