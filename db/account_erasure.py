"""Account erasure: delete what is stored of an account, at its owner's request or the platform's.

Webhook events are deleted apart, in slices: there may be millions.
"""

from collections.abc import Collection
from typing import Any

from psycopg2.errors import LockNotAvailable
from sqlalchemy import (
    ColumnElement,
    String,
    Text,
    cast,
    delete,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.accounts.accounts import Account
from db.identity.notifications import Notification
from db.insights.schedule import SamplingSchedule
from db.insights.snapshots import MetricSnapshots
from db.media.files import Media
from db.ops.attempts import Attempt
from db.ops.audit import AuditLog
from db.outbox.deliveries import Delivery
from db.outbox.messages import OutboxMessage
from db.posts.parts import PostPart
from db.posts.posts import Post
from db.records.account_rows import PUBLICATION_TABLES, VIDEO_TABLES
from db.webhooks.events import Event

NO_SESSION_SYNC = {"synchronize_session": False}
"""This session does not read the rows again."""

POST_JOB_KINDS = ("posts", "uploads")
ACCOUNT_JOB_KIND, SAMPLING_JOB_KIND, DELIVERY_JOB_KIND = "accounts", "insights", "outbox"
LONG_ID_LENGTH = 12  # characters; ids of platforms have 15 and more
AWAIT_TIMEOUT_MS = 500  # milliseconds
EVENTS_PER_SLICE = 20_000  # rows of `webhook_events` that one statement reads


class AccountErasure:
    def __init__(self, session: Session) -> None:
        self._session = session

    def erase(self, account_id: int) -> None:
        """Delete posts, public videos, metrics, notifications, app events and job attempts.

        What the audit log says of the account is emptied; that something was done stays. Media
        files that only its posts used expire now; housekeeping deletes them.
        """
        user_id = self._session.scalar(select(Account.user_id).where(Account.id == account_id))
        self._expire_media(account_id)
        self._delete_messages(account_id, user_id)
        self._delete_notifications(account_id, user_id)
        self._empty_audit_entries(account_id, user_id)
        self._delete_attempts(account_id)
        for table in (*PUBLICATION_TABLES, Post):
            self._execute(delete(table).where(table.oauth_account_id == account_id))
        # The schedule first: this DELETE waits for a worker that samples, which has locked the row.
        for subject in (SamplingSchedule, *VIDEO_TABLES):
            self._execute(delete(subject).where(subject.oauth_account_id == account_id))
        MetricSnapshots(self._session).delete("account", account_id)

    def delete_account(self, account_id: int) -> None:
        """Delete the row of the login itself, after everything that names it."""
        self._execute(delete(Account).where(Account.id == account_id))

    def _expire_media(self, account_id: int) -> None:
        own_posts = select(Post.id).where(Post.oauth_account_id == account_id)
        parts = select(PostPart.media_id).where(PostPart.post_id.in_(own_posts))
        is_own_file = or_(
            Media.id.in_(select(Post.media_id).where(Post.id.in_(own_posts))), Media.id.in_(parts)
        )
        is_of_others = or_(Post.oauth_account_id != account_id, Post.oauth_account_id.is_(None))
        used_by_posts = exists().where(Post.media_id == Media.id, is_of_others)
        used_by_parts = exists().where(
            PostPart.media_id == Media.id, Post.id == PostPart.post_id, is_of_others
        )
        conditions = (is_own_file, ~used_by_posts, ~used_by_parts)
        self._execute(update(Media).where(*conditions).values(expires_at=func.now()))

    def _delete_messages(self, account_id: int, user_id: int | None) -> None:
        """App events contain names and texts; those of posts name their account too."""
        data: Any = cast(OutboxMessage.body, JSONB)["data"]
        is_about_account = data["account_id"].astext == str(account_id)
        messages = (OutboxMessage.user_id == user_id, is_about_account)
        deliveries = select(Delivery.id).where(
            Delivery.message_id.in_(select(OutboxMessage.id).where(*messages))
        )
        self._delete_attempts_of(DELIVERY_JOB_KIND, deliveries)
        self._execute(delete(OutboxMessage).where(*messages))

    def _delete_notifications(self, account_id: int, user_id: int | None) -> None:
        subject = Notification.payload["subject"].as_string()
        of_posts = subject.in_(self._post_subjects(account_id))
        is_about = or_(subject == f"account:{account_id}", of_posts)
        self._execute(delete(Notification).where(Notification.user_id == user_id, is_about))

    def _empty_audit_entries(self, account_id: int, user_id: int | None) -> None:
        subjects = union_all(
            select(literal(f"account:{account_id}")), self._post_subjects(account_id)
        )
        AuditLog(self._session).empty_details(user_id, subjects)

    def _post_subjects(self, account_id: int) -> Any:
        name = func.concat("post:", cast(Post.id, Text))
        return select(name).where(Post.oauth_account_id == account_id)

    def _delete_attempts(self, account_id: int) -> None:
        """The message of an attempt may quote what the platform said."""
        posts = select(Post.id).where(Post.oauth_account_id == account_id)
        schedules = select(SamplingSchedule.id).where(
            SamplingSchedule.oauth_account_id == account_id
        )
        for kind in POST_JOB_KINDS:
            self._delete_attempts_of(kind, posts)
        self._delete_attempts_of(SAMPLING_JOB_KIND, schedules)
        self._delete_attempts_of(
            ACCOUNT_JOB_KIND, select(Account.id).where(Account.id == account_id)
        )

    def _delete_attempts_of(self, kind: str, row_ids: Any) -> None:
        self._execute(delete(Attempt).where(Attempt.kind == kind, Attempt.row_id.in_(row_ids)))

    def _execute(self, statement: Any) -> None:
        self._session.execute(statement, execution_options=NO_SESSION_SYNC)


class EventErasure:
    """Deletes webhook events and app events that name a person or one of their accounts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def last_event_id(self) -> int:
        return self._session.scalar(select(func.max(Event.id))) or 0

    def await_inserts(self) -> bool:
        """Wait until every insert of webhook events has ended that may have begun before now;
        return whether they have. Inserts that begin later know what is committed now.

        The lock is released at once, and new inserts wait for it no longer than
        `AWAIT_TIMEOUT_MS`. Call it before this transaction changes any event: two that had would
        wait for each other.
        """
        try:
            with self._session.begin_nested() as savepoint:
                self._session.execute(text(f"SET LOCAL lock_timeout = {AWAIT_TIMEOUT_MS}"))
                self._session.execute(text("LOCK TABLE webhook_events IN SHARE MODE"))
                savepoint.rollback()
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            return False
        return True

    def delete_recent(self, provider: str, ids: Collection[str]) -> None:
        """Delete matching webhook events among the latest rows."""
        self.delete_slice(provider, ids, after=max(0, self.last_event_id() - EVENTS_PER_SLICE))

    def delete_slice(self, provider: str, ids: Collection[str], *, after: int) -> int:
        """Delete webhook events among the next rows; return the id to go on after.

        Those that are about one of these ids, or contain one of them.
        """
        until = after + EVENTS_PER_SLICE
        is_match = or_(Event.account.in_(ids), contains_any(cast(Event.payload_json, String), ids))
        conditions = (Event.id > after, Event.id <= until, Event.provider == provider)
        self._session.execute(
            delete(Event).where(*conditions, is_match), execution_options=NO_SESSION_SYNC
        )
        return until

    def delete_messages(self, ids: Collection[str]) -> None:
        """Delete the app events of all users that contain one of these ids."""
        self._session.execute(
            delete(OutboxMessage).where(contains_any(OutboxMessage.body, ids)),
            execution_options=NO_SESSION_SYNC,
        )


def contains_any(text: Any, ids: Collection[str]) -> ColumnElement[bool]:
    """Condition: the JSON text contains one of these ids.

    A short id would be found in other numbers as well, so that it has to stand alone.
    """
    names = [name if len(name) >= LONG_ID_LENGTH else f'"{name}"' for name in sorted(ids)]
    return or_(false(), *(text.contains(name, autoescape=True) for name in names))
