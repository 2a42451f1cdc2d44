"""Locks the posts that a batch of webhook events is about, with their records, and writes the
changes back: one SELECT, and at most one UPDATE per table, for any number of posts.

Rows are locked in the order of their ids, so that two batches cannot deadlock. The columns that an
update may change are listed by name; a column that is missing there is not written by webhooks.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Text, func, select
from sqlalchemy.orm import Session

from db.accounts.accounts import Account
from db.base import Json
from db.bulk import ROWS_PARAMETER, bulk_update_statement, counted_rows_table
from db.compiled_statements import CompiledStatement, StatementCall, execute_compiled
from db.posts.posts import Post
from db.providers import PlatformKey
from db.records.post_records import RECORD_TABLES


@dataclass(slots=True, eq=False)
class LockedPost:
    """A locked row of `posts`, with the columns that applying an update reads or changes."""

    id: int
    user_id: int
    oauth_account_id: int | None
    destination_id: int | None
    provider: str
    kind: str
    source: str
    title: str
    publish_id: str | None
    step_state: Json
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
    correlation_id: str | None
    trace_parent: str | None


AnyPost = Post | LockedPost
AnyRecord = Any
"""The record of a post: a row, or the values of a locked row (`RecordTable.locked`)."""

CHANGED_POST_COLUMNS = frozenset(
    {
        "state",
        "step",
        "platform_post_id",
        "bytes_sent",
        "due_at",
        "hold_reason",
        "error_code",
        "error_message",
        "finished_at",
    }
)
CHANGED_COLUMNS: Mapping[type[Any], frozenset[str]] = {
    LockedPost: CHANGED_POST_COLUMNS,
    **{table.locked: table.changed_columns for table in RECORD_TABLES.values()},
}
"""The columns that applying an update may change, and that `PostBatches.update_calls` writes."""

POST_LABELS = {field.name: f"post_{field.name}" for field in fields(LockedPost)}
RECORD_LABELS = {
    provider: {field.name: f"{provider}_{field.name}" for field in fields(table.locked)}
    for provider, table in RECORD_TABLES.items()
}
"""Field to its label in `LOCK_QUERY`, in the order of the fields; the tables share column names."""

LOCKED_AT_LABEL = "locked_at"
OWNER_LABELS = ("owner_id", "owner_aliases")


def build_lock_query() -> Any:
    keys = counted_rows_table({"provider": Text(), "publish_id": Text()})
    matches_key = (Post.provider == keys.c.provider) & (Post.publish_id == keys.c.publish_id)
    query = (
        select(
            *(getattr(Post, name).label(label) for name, label in POST_LABELS.items()),
            *(
                getattr(RECORD_TABLES[provider].model, name).label(label)
                for provider, labels in RECORD_LABELS.items()
                for name, label in labels.items()
            ),
            func.clock_timestamp().label(LOCKED_AT_LABEL),
            Account.open_id.label("owner_id"),
            Account.aliases.label("owner_aliases"),
        )
        .select_from(keys)
        .join(Post, matches_key)
        .outerjoin(Account, Account.id == Post.oauth_account_id)
    )
    for table in RECORD_TABLES.values():
        query = query.outerjoin(table.model, table.model.post_id == Post.id)
    return query.order_by(Post.id).with_for_update(of=Post)


LOCK_QUERY = build_lock_query()
LOCK_QUERY_LABELS: list[str] = LOCK_QUERY.selected_columns.keys()
LOCK_STATEMENT = CompiledStatement(LOCK_QUERY, name="lock_posts")


def build_reader(labels: Iterable[str]) -> Callable[[Any], Any]:
    """A function that reads these columns of a row of `LOCK_QUERY`, in the order of the labels.

    The positions are looked up once, by label: `_asdict` for each row took 7 µs more per post.
    """
    return itemgetter(*(LOCK_QUERY_LABELS.index(label) for label in labels))


read_post_values = build_reader(POST_LABELS.values())
read_locked_at = build_reader([LOCKED_AT_LABEL])
read_owner = build_reader(OWNER_LABELS)
RECORD_READERS = {
    provider: (
        build_reader([labels["id"]]),
        build_reader(labels.values()),
        RECORD_TABLES[provider].locked,
    )
    for provider, labels in RECORD_LABELS.items()
}
"""Platform → what reads the id of its record, what reads all values, and the class of them."""

UPDATED_NAMES = {kind: ("id", *sorted(columns)) for kind, columns in CHANGED_COLUMNS.items()}
read_updated_values: Mapping[type[Any], Callable[[Any], tuple[Any, ...]]] = {
    kind: attrgetter(*names) for kind, names in UPDATED_NAMES.items()
}
"""Class → what reads the id and the values that an update may change, in the order of the names."""

UPDATES: Mapping[type[Any], CompiledStatement] = {
    kind: CompiledStatement(
        bulk_update_statement(model, UPDATED_NAMES[kind][1:], is_counted=True),
        name=f"update_{model.__tablename__}",
    )
    for kind, model in (
        (LockedPost, Post),
        *((table.locked, table.model) for table in RECORD_TABLES.values()),
    )
}


@dataclass(frozen=True)
class PostBatch:
    """Locked posts by publication, their records by post id, and the values they were read with.

    `owner_ids`: post id → the platform's ids of the login that the post was made with.
    `locked_at` is the database's time of the lock; None if no post was found.
    """

    posts: Mapping[PlatformKey, LockedPost]
    records: Mapping[int, AnyRecord | None]
    owner_ids: Mapping[int, Collection[str]]
    locked_at: datetime | None
    original_values: Mapping[Any, tuple[Any, ...]]

    def __or__(self, other: "PostBatch") -> "PostBatch":
        return PostBatch(
            {**self.posts, **other.posts},
            {**self.records, **other.records},
            {**self.owner_ids, **other.owner_ids},
            self.locked_at or other.locked_at,
            {**self.original_values, **other.original_values},
        )


EMPTY_BATCH = PostBatch({}, {}, {}, None, {})


class PostBatches:
    """Locks the posts of a batch of webhook events, and says how their changes are written."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self, publications: Collection[PlatformKey]) -> PostBatch:
        """Read and lock the posts that have these publish ids, until the end of the transaction."""
        if not publications:
            return EMPTY_BATCH
        keys = [
            {"provider": provider, "publish_id": publish_id}
            for provider, publish_id in publications
        ]
        posts: dict[PlatformKey, LockedPost] = {}
        records: dict[int, AnyRecord | None] = {}
        owner_ids: dict[int, Collection[str]] = {}
        original_values: dict[Any, tuple[Any, ...]] = {}
        locked_at: datetime | None = None
        for row in execute_compiled(self._session, LOCK_STATEMENT, {ROWS_PARAMETER: keys}).rows:
            locked_at = locked_at or read_locked_at(row)
            post = LockedPost(*read_post_values(row))
            record = parse_record(row, post.provider)
            posts[post.provider, str(post.publish_id)] = post
            records[post.id] = record
            owner_ids[post.id] = parse_owner_ids(row)
            original_values[post] = read_updated_values[LockedPost](post)
            if record is not None:
                original_values[record] = read_updated_values[type(record)](record)
        return PostBatch(posts, records, owner_ids, locked_at, original_values)

    @staticmethod
    def update_calls(batch: PostBatch) -> list[StatementCall]:
        """What writes the rows that have changed since they were locked: a statement per table."""
        changed_rows: dict[type[Any], list[dict[str, Any]]] = {kind: [] for kind in UPDATES}
        for row, original in batch.original_values.items():
            kind = type(row)
            values = read_updated_values[kind](row)
            if values != original:
                changed_rows[kind].append(dict(zip(UPDATED_NAMES[kind], values, strict=True)))
        return [
            StatementCall(UPDATES[kind], {ROWS_PARAMETER: rows})
            for kind, rows in changed_rows.items()
            if rows
        ]


def parse_record(row: Any, provider: str) -> AnyRecord | None:
    """None if the post has no record."""
    reader = RECORD_READERS.get(provider)
    if reader is None:
        return None
    read_id, read_values, locked = reader
    return None if read_id(row) is None else locked(*read_values(row))


def parse_owner_ids(row: Any) -> Collection[str]:
    """Empty if the post has no login."""
    owner_id, aliases = read_owner(row)
    return () if owner_id is None else (owner_id, *aliases)
