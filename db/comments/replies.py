"""Replies to comments: written down before they are sent, so that none is sent twice."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, TimestampColumns, one_of
from db.providers import PROVIDERS


class ReplyState(StrEnum):
    """What is known of a reply."""

    SENDING = "SENDING"  # a call is under way, or its process has died
    SENT = "SENT"
    UNCONFIRMED = "UNCONFIRMED"  # the answer was lost: it may be public
    FAILED = "FAILED"  # certainly not public


class CommentReply(IdColumn, TimestampColumns, Base):
    __tablename__ = "comment_replies"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(50))
    destination_id: Mapped[int] = mapped_column(comment="row of the account that replies")
    comment_external_id: Mapped[str] = mapped_column(comment="the platform's id of the comment")
    text: Mapped[str]
    idempotency_key: Mapped[str | None]
    state: Mapped[str]
    reply_external_id: Mapped[str | None] = mapped_column(comment="NULL: not known")
    error_code: Mapped[str | None]
    claimed_at: Mapped[datetime] = mapped_column(comment="when a request last took it up")
    first_sent_at: Mapped[datetime | None] = mapped_column(
        comment="since when it may be public; NULL: it is certainly not"
    )
    sent_at: Mapped[datetime | None] = mapped_column(comment="when it was last sent")

    __table_args__ = (
        UniqueConstraint("user_id", "idempotency_key"),
        Index("idx_comment_replies_comment", "provider", "comment_external_id"),
        one_of("provider", PROVIDERS),
        one_of("state", ReplyState),
        {"comment": "Replies to comments, written down before they are sent"},
    )


TABLE: Any = CommentReply.__table__
OPEN_STATES = (ReplyState.SENDING, ReplyState.UNCONFIRMED)


class CommentReplies:
    def __init__(self, session: Session) -> None:
        self._session = session

    def find_by_key(self, user_id: int, key: str) -> CommentReply | None:
        """Find the reply with this idempotency key, and lock it."""
        query = select(CommentReply).where(
            CommentReply.user_id == user_id, CommentReply.idempotency_key == key
        )
        return self._session.scalar(query.with_for_update())

    def find_open(
        self, comment_external_id: str, *, provider: str, text: str
    ) -> CommentReply | None:
        """Find a reply with this text whose outcome is not known, and lock it."""
        query = select(CommentReply).where(
            CommentReply.provider == provider,
            CommentReply.comment_external_id == comment_external_id,
            CommentReply.text == text,
            CommentReply.state.in_(OPEN_STATES),
        )
        return self._session.scalar(query.order_by(CommentReply.id).limit(1).with_for_update())

    def lock_comment(self, provider: str, comment_external_id: str) -> None:
        """Let no other transaction begin a reply to this comment until this one ends."""
        key = func.hashtextextended(f"{provider}:{comment_external_id}", 0)
        self._session.execute(select(func.pg_advisory_xact_lock(key)))

    def create(self, **columns: Any) -> int | None:
        """Insert a reply that is about to be sent; return its id.

        None if another transaction has used its idempotency key meanwhile.
        """
        statement = insert(TABLE).values(
            **columns, state=ReplyState.SENDING, claimed_at=func.clock_timestamp()
        )
        inserted = statement.on_conflict_do_nothing().returning(TABLE.c.id)
        return self._session.execute(inserted).scalar_one_or_none()

    def begin_again(self, reply: CommentReply) -> None:
        """Claim an earlier reply for this request, so that no other one sends it meanwhile.

        The time of the latest call stays: it says since when the reply may be listed.
        """
        self._update(reply.id, state=ReplyState.SENDING, claimed_at=func.clock_timestamp())

    def note_call(self, reply_id: int) -> None:
        """The reply is sent now: from now on it may be public."""
        now = func.clock_timestamp()
        first_sent_at = func.coalesce(TABLE.c.first_sent_at, now)
        self._update(reply_id, sent_at=now, claimed_at=now, first_sent_at=first_sent_at)

    def note_outcome(
        self, reply_id: int, state: ReplyState, *, error_code: str | None = None
    ) -> None:
        """Record what became of a call. A reply that certainly failed is not public."""
        values: dict[str, Any] = {"state": state, "error_code": error_code}
        if state == ReplyState.FAILED:
            values["first_sent_at"] = None
        self._update(reply_id, **values)

    def note_sent(self, reply_id: int, external_id: str) -> None:
        self._update(
            reply_id, state=ReplyState.SENT, reply_external_id=external_id, error_code=None
        )

    def is_claimed_within(self, reply_id: int, period: timedelta) -> bool:
        """Whether a request claimed it so recently, by the database's clock."""
        return self._is_within(reply_id, TABLE.c.claimed_at, period)

    def is_sent_within(self, reply_id: int, period: timedelta) -> bool:
        """Whether the latest call began so recently, by the database's clock."""
        return self._is_within(reply_id, TABLE.c.sent_at, period)

    def _is_within(self, reply_id: int, time: Any, period: timedelta) -> bool:
        is_recent = time > func.clock_timestamp() - period
        query = select(TABLE.c.id).where(TABLE.c.id == reply_id, is_recent)
        return self._session.scalar(query) is not None

    def _update(self, reply_id: int, **values: Any) -> None:
        self._session.execute(update(TABLE).where(TABLE.c.id == reply_id).values(values))
