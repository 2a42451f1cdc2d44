"""Replies to comments: written down before they are sent, so that none is sent twice."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func, select, update
from sqlalchemy import text as sql_text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, TimestampColumns, one_of
from db.providers import PROVIDERS

CALL_PERIOD = timedelta(seconds=60)
"""A call that began longer ago has ended, or its process died."""

ABSENCE_PERIOD = timedelta(minutes=5)
"""A reply that is not listed so long after its latest call was not posted."""


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
        Index(
            "idx_comment_replies_open",
            "destination_id",
            postgresql_where=sql_text("state IN ('SENDING', 'UNCONFIRMED')"),
        ),
        one_of("provider", PROVIDERS),
        one_of("state", ReplyState),
        {"comment": "Replies to comments, written down before they are sent"},
    )


TABLE: Any = CommentReply.__table__
OPEN_STATES = (ReplyState.SENDING, ReplyState.UNCONFIRMED)

next_search_at = TABLE.c.claimed_at + func.greatest(
    CALL_PERIOD, TABLE.c.claimed_at - TABLE.c.sent_at - ABSENCE_PERIOD
)
"""When a reply is looked for again: each minute at first, then at growing intervals."""


@dataclass(frozen=True)
class OpenReply:
    """A reply that may be public, claimed to be looked for.

    `is_old`: if the platform does not list it now, it was not posted.
    """

    id: int
    user_id: int
    comment_external_id: str
    text: str
    first_sent_at: datetime
    claimed_at: datetime
    is_old: bool


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

    def list_unsettled(
        self, provider: str, comment_external_ids: Collection[str], *, user_id: int
    ) -> Sequence[CommentReply]:
        """List replies to these comments that are not known to be public, oldest first."""
        query = select(CommentReply).where(
            CommentReply.provider == provider,
            CommentReply.comment_external_id.in_(comment_external_ids),
            CommentReply.user_id == user_id,
            CommentReply.state != ReplyState.SENT,
        )
        return self._session.scalars(query.order_by(CommentReply.id)).all()

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

    def next_due_at(self, provider: str, destination_id: int) -> datetime | None:
        """Return when a reply of this account is to be looked for; None if none may be public."""
        query = select(func.min(next_search_at)).where(*may_be_public(provider, destination_id))
        return self._session.scalar(query)

    def claim_open(self, provider: str, destination_id: int) -> OpenReply | None:
        """Claim the reply that is due first; None if there is none, or if a request has it."""
        is_due = next_search_at <= func.clock_timestamp()
        query = select(CommentReply).where(*may_be_public(provider, destination_id), is_due)
        reply = self._session.scalar(
            query.order_by(next_search_at).limit(1).with_for_update(skip_locked=True)
        )
        if reply is None or reply.first_sent_at is None:
            return None
        now = func.clock_timestamp()
        self._update(reply.id, state=ReplyState.UNCONFIRMED, claimed_at=now)
        self._session.refresh(reply)
        return OpenReply(
            id=reply.id,
            user_id=reply.user_id,
            comment_external_id=reply.comment_external_id,
            text=reply.text,
            first_sent_at=reply.first_sent_at,
            claimed_at=reply.claimed_at,
            is_old=not self.is_sent_within(reply.id, ABSENCE_PERIOD),
        )

    def settle(
        self, reply: OpenReply, *, external_id: str | None, error_code: str | None = None
    ) -> bool:
        """Record that it was found, or that it is not there; False if a request has it by now."""
        values: dict[str, Any] = {"state": ReplyState.SENT, "reply_external_id": external_id}
        if external_id is None:
            values = {"state": ReplyState.FAILED, "first_sent_at": None}
        statement = update(TABLE).where(
            TABLE.c.id == reply.id,
            TABLE.c.state == ReplyState.UNCONFIRMED,
            TABLE.c.claimed_at == reply.claimed_at,
        )
        settled = statement.values(error_code=error_code, **values).returning(TABLE.c.id)
        return self._session.scalar(settled) is not None

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


def may_be_public(provider: str, destination_id: int) -> tuple[Any, ...]:
    return (
        TABLE.c.destination_id == destination_id,
        TABLE.c.provider == provider,
        TABLE.c.state.in_(OPEN_STATES),
        TABLE.c.first_sent_at.is_not(None),
    )
