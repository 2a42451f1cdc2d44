"""Replies to comments: written down before they are sent, never sent twice on a guess.

A reply whose answer was lost may be public. Before it is sent again, the platform is asked for our
own reply with this text; one that is not there is sent again only after `ABSENCE_PERIOD`, because
new replies may be missing from the platform's list for a while. If nobody asks again, the reading
of the account in the background looks for it (`core/insights/reply_steps.py`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from core.audit import record_action
from core.bootstrap import Services
from core.comments.access import CommentAccess, call_platform, open_access
from core.comments.listing import find_own_comment, get_comment_store
from core.errors import Conflict, Invalid, ServiceUnavailable
from core.outcomes import Snooze
from db.comments.comments import NewComment, StoredComment
from db.comments.replies import (
    ABSENCE_PERIOD,
    CALL_PERIOD,
    CommentReplies,
    CommentReply,
    ReplyState,
)
from db.insights.schedule import SamplingSchedules
from db.session import Database, Session
from platforms.comments import PlatformComment
from platforms.errors import (
    PlatformError,
    RateLimited,
    Rejected,
    ServerBusy,
    TokenExpired,
    Unavailable,
)
from platforms.publishing import Capability
from platforms.request_types import is_blank

MAX_REPLY_LENGTH = 2200  # characters

UNCONFIRMED_MESSAGE = (
    "the platform did not answer: the reply may be public. Repeat the request to have it looked for"
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ReplyRequest:
    """A reply of a user to a comment, by our id of it or the platform's."""

    provider: str
    key: str
    text: str
    user_id: int
    idempotency_key: str | None = None


@dataclass(frozen=True)
class SentReply:
    """A reply that is public. `is_repeat`: it was sent for an earlier request."""

    reply_id: str
    comment: StoredComment
    is_repeat: bool


@dataclass(frozen=True)
class BegunReply:
    """A reply that is written down. `first_sent_at`: since when it may be public; None: it is
    certainly not, and is sent now.
    """

    id: int
    comment: StoredComment
    first_sent_at: datetime | None
    external_id: str | None = None


def reply_to_comment(database: Database, services: Services, request: ReplyRequest) -> SentReply:
    """Reply to a comment; the same request again returns the reply that was sent.

    Errors: NotFound, Invalid; Conflict `IDEMPOTENCY_IN_PROGRESS` while the same reply is being
    sent; Conflict `IDEMPOTENCY_MISMATCH`; ServiceUnavailable `reply_unconfirmed` if the reply may
    be public; those of `open_access` and the platform.
    """
    if is_blank(request.text) or len(request.text) > MAX_REPLY_LENGTH:
        fields = {"message": f"1 to {MAX_REPLY_LENGTH} characters"}
        raise Invalid("the reply is empty or too long", details={"fields": fields})
    with database.transaction() as session:
        comment = find_own_comment(session, request.provider, request.key, user_id=request.user_id)
    access = open_access(
        database,
        services,
        provider=comment.provider,
        account_id=comment.account_id,
        destination_id=comment.destination_id,
        capability=Capability.REPLY,
    )
    begun = begin_reply(database, request, comment)
    if begun.external_id is not None:
        return SentReply(begun.external_id, comment, is_repeat=True)
    if begun.first_sent_at is not None:
        found_id = look_for_reply(database, access, begun, request)
        if found_id is not None:
            finish_reply(database, begun, request, found_id, services.now())
            return SentReply(found_id, comment, is_repeat=True)
    reply_id = send_reply(database, access, begun, request)
    finish_reply(database, begun, request, reply_id, services.now())
    return SentReply(reply_id, comment, is_repeat=False)


def begin_reply(database: Database, request: ReplyRequest, comment: StoredComment) -> BegunReply:
    """Write the reply down, or take up the one of an earlier request."""
    with database.transaction() as session:
        replies = CommentReplies(session)
        replies.lock_comment(comment.provider, comment.comment_id)
        earlier = None
        if request.idempotency_key is not None:
            earlier = replies.find_by_key(request.user_id, request.idempotency_key)
        if earlier is not None:
            check_same_request(earlier, request, comment)
        else:
            earlier = replies.find_open(
                comment.comment_id, provider=comment.provider, text=request.text
            )
        if earlier is not None:
            return take_up_reply(replies, earlier, comment)
        reply_id = replies.create(
            user_id=request.user_id,
            provider=comment.provider,
            destination_id=comment.destination_id,
            comment_external_id=comment.comment_id,
            text=request.text,
            idempotency_key=request.idempotency_key,
        )
        if reply_id is None:
            raise Conflict("the same key is being used", code="IDEMPOTENCY_IN_PROGRESS")
        record_reply(session, "comment.reply_requested", request, comment, reply=reply_id)
        return BegunReply(reply_id, comment, None)


def check_same_request(
    earlier: CommentReply, request: ReplyRequest, comment: StoredComment
) -> None:
    """Errors: Conflict if the idempotency key was used for another reply."""
    same = (comment.provider, comment.comment_id, request.text)
    if (earlier.provider, earlier.comment_external_id, earlier.text) != same:
        raise Conflict(
            "this idempotency key was used for another reply", code="IDEMPOTENCY_MISMATCH"
        )


def take_up_reply(
    replies: CommentReplies, earlier: CommentReply, comment: StoredComment
) -> BegunReply:
    """Return an earlier reply: sent, or to be looked for, or certainly not sent.

    Errors: Conflict while it is being sent.
    """
    if earlier.state == ReplyState.SENT:
        return BegunReply(earlier.id, comment, None, earlier.reply_external_id)
    if earlier.state == ReplyState.SENDING and replies.is_claimed_within(earlier.id, CALL_PERIOD):
        raise Conflict("the same reply is being sent", code="IDEMPOTENCY_IN_PROGRESS")
    first_sent_at = earlier.first_sent_at
    replies.begin_again(earlier)
    return BegunReply(earlier.id, comment, first_sent_at)


def look_for_reply(
    database: Database, access: CommentAccess, begun: BegunReply, request: ReplyRequest
) -> str | None:
    """Return the id of the reply if it is public; None if it may be sent again.

    Errors: ServiceUnavailable while that cannot be decided.
    """
    since = begun.first_sent_at
    if since is None:
        return None
    try:
        found_id = call_platform(
            database,
            access,
            lambda: access.comments.find_own_reply(
                platform_comment(begun.comment), request.text, access.token, since=since
            ),
        )
    except Exception:
        note_outcome(database, begun.id, ReplyState.UNCONFIRMED)
        raise
    if found_id is None and not has_been_absent(database, begun.id):
        note_outcome(database, begun.id, ReplyState.UNCONFIRMED)
        raise unconfirmed_error()
    return found_id


def send_reply(
    database: Database, access: CommentAccess, begun: BegunReply, request: ReplyRequest
) -> str:
    """Send the reply once. Errors: those of the platform; what they mean is written down."""
    note_sending(database, begun.id)
    try:
        return call_platform(
            database,
            access,
            lambda: access.comments.reply(
                platform_comment(begun.comment), request.text, access.token
            ),
        )
    except Exception as error:
        cause = error if isinstance(error, PlatformError | Snooze) else error.__cause__
        if is_certainly_refused(cause):
            note_outcome(database, begun.id, ReplyState.FAILED, error_code(error))
            raise
        note_outcome(database, begun.id, ReplyState.UNCONFIRMED, error_code(error))
        request_search(database, begun.comment)
        log.warning("comments.reply_unconfirmed", reply=begun.id, code=error_code(error))
        raise unconfirmed_error() from error


def is_certainly_refused(cause: BaseException | None) -> bool:
    """Whether the platform did nothing: it refused the call, or the call was not sent or did not
    arrive.
    """
    if isinstance(cause, Unavailable):
        return isinstance(cause, ServerBusy) or not cause.may_have_arrived
    return isinstance(cause, Rejected | RateLimited | TokenExpired | Snooze)


def error_code(error: Exception) -> str:
    return str(getattr(error, "code", None) or type(error).__name__)


def unconfirmed_error() -> ServiceUnavailable:
    return ServiceUnavailable(
        UNCONFIRMED_MESSAGE, code="reply_unconfirmed", retry_after=timedelta(seconds=30)
    )


def platform_comment(comment: StoredComment) -> PlatformComment:
    return PlatformComment(comment.comment_id, post_id=comment.item_id, parent_id=comment.parent_id)


def has_been_absent(database: Database, reply_id: int) -> bool:
    """Whether the latest call is so long ago that the reply would be listed."""
    with database.transaction() as session:
        return not CommentReplies(session).is_sent_within(reply_id, ABSENCE_PERIOD)


def note_sending(database: Database, reply_id: int) -> None:
    with database.transaction() as session:
        CommentReplies(session).note_call(reply_id)


def note_outcome(
    database: Database, reply_id: int, state: ReplyState, code: str | None = None
) -> None:
    with database.transaction() as session:
        CommentReplies(session).note_outcome(reply_id, state, error_code=code)


def request_search(database: Database, comment: StoredComment) -> None:
    """Let the reading of the account in the background plan when to look for the reply."""
    with database.transaction() as session:
        SamplingSchedules(session).make_due([], [comment.destination_id])


def finish_reply(
    database: Database,
    begun: BegunReply,
    request: ReplyRequest,
    reply_id: str,
    now: datetime,
) -> None:
    """Record that the reply is public, and store it as a comment of the account."""
    comment = begun.comment
    own_comment = NewComment(
        item_row_id=comment.item_row_id,
        comment_id=reply_id,
        seen_at=now,
        parent_id=comment.parent_id or comment.comment_id,
        author_name=comment.account_name,
        text=request.text,
        written_at=now,
        is_hidden=False,
        is_own=True,
    )
    with database.transaction() as session:
        CommentReplies(session).note_sent(begun.id, reply_id)
        get_comment_store(session, comment.provider).upsert([own_comment])
        record_reply(session, "comment.replied", request, comment, reply=begun.id)


def record_reply(
    session: Session, action: str, request: ReplyRequest, comment: StoredComment, **details: Any
) -> None:
    record_action(
        session,
        action,
        user_id=request.user_id,
        subject=f"comment:{comment.id}",
        details=details,
    )
