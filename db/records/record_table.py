"""The interface of the tables in which platforms keep what they reported about posts.

Its rows (records) stand beside those of `posts`: one for each post that the platform knows. Their
statuses are the vendor's; no report moves a record backwards.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, Self

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from db.base import Json
from db.posts.posts import Post


class PostRecord(Protocol):
    """A row about the publication of one post; `status` is the vendor's."""

    status: Any
    details: Any
    updated_at: Any


class ProgressReport(Protocol):
    """What a platform reports about a publication, by poll or by webhook."""

    @property
    def vendor_status(self) -> str: ...
    @property
    def post_ids(self) -> tuple[str, ...]: ...
    @property
    def bytes_done(self) -> int | None: ...
    @property
    def is_public(self) -> bool | None: ...


class WebhookReport(NamedTuple):
    """What a webhook said about a post. `is_news`: nothing had said so before.

    `occurred_at` is the platform's time of the change, which may be missing.
    """

    status: str
    occurred_at: datetime | None
    received_at: datetime
    is_news: bool

    def as_json(self) -> Json:
        return {
            "status": self.status,
            "occurred_at": self.occurred_at.isoformat() if self.occurred_at else None,
            "received_at": self.received_at.isoformat(),
            "is_news": self.is_news,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        occurred_at = stored["occurred_at"]
        return cls(
            stored["status"],
            datetime.fromisoformat(occurred_at) if occurred_at else None,
            datetime.fromisoformat(stored["received_at"]),
            stored["is_news"],
        )


class EndedPost(Protocol):
    """How a post has ended."""

    state: Any
    error_code: Any
    error_message: Any


class RecordProjection(Protocol):
    """Writes into a record what happened to its post. It makes no statement.

    A record is a row, or the values of a locked row (`RecordTable.locked`).
    """

    def apply_progress(
        self, record: Any, progress: ProgressReport, *, ranks: Mapping[str, int], at: datetime
    ) -> None:
        """Store a report. `ranks`: the vendor's statuses in their order; the last rank is final."""
        ...

    def mark_webhook(self, record: Any, report: WebhookReport, *, at: datetime) -> None:
        """Store that a webhook reported what was applied last, at `at`."""
        ...

    def list_webhook_reports(self, record: Any) -> Sequence[WebhookReport]:
        """What the last webhooks about the post reported, the latest last."""
        ...

    def end_record(
        self, record: Any, post: EndedPost, *, ranks: Mapping[str, int], at: datetime
    ) -> None:
        """Store that a post has ended without success; its status fails if it is not final yet."""
        ...

    def correct_record(
        self,
        record: Any,
        post: EndedPost,
        status: str,
        *,
        ranks: Mapping[str, int],
        at: datetime,
    ) -> None:
        """Replace one final status by another: the platform was asked again."""
        ...


class RecordStore(Protocol):
    """Creates, reads and detaches records. `RecordProjection` changes them."""

    def get_by_post(self, post_id: int) -> Any | None: ...
    def get_by_posts(self, post_ids: Collection[int]) -> dict[int, Any | None]:
        """Return the records by post id; None for a post that has none."""
        ...

    def create(self, post: Post) -> None:
        """Insert the record of a post that has a publish_id. Does nothing if it exists."""
        ...

    def detach_failed(self, post: Post) -> None:
        """Mark the publication as failed and unlink it: the post starts a new one."""
        ...

    def was_updated_within(self, record: Any, window: timedelta) -> bool:
        """Whether the platform reported on it within that time, by the database's clock."""
        ...


@dataclass(frozen=True)
class RecordTable:
    """The table of one platform, for statements that join it with `posts`.

    `model` has the columns `id`, `post_id`, `oauth_account_id`, `publish_id`, `status`, `details`,
    `created_at`, `last_polled_at` and `completed_at`. `locked` is the dataclass of the columns that
    applying a report reads or changes, `changed_columns` those that it may change.
    `public_ids_key`: the key in `details` of the ids under which the public sees the post.
    `has_public_id`: condition; the platform gives such an id to a published post.
    """

    model: Any
    store: Callable[[Session], RecordStore]
    projection: RecordProjection
    locked: type[Any]
    changed_columns: frozenset[str]
    pending_statuses: tuple[str, ...]  # not dealt with yet, by the platform or the creator
    draft_status: str  # delivered to the creator, who has not published it yet
    complete_status: str
    failed_status: str
    public_ids_key: str
    has_public_id: ColumnElement[bool]
