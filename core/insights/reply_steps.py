"""Step about a reply whose answer was lost, if nobody asks again: it is looked for, never sent.

A reply that is not listed minutes after it was sent was not posted: its user is notified.
"""

from dataclasses import dataclass

import structlog

from core.audit import record_action
from core.insights.item_steps import PERMISSION_CODES
from core.insights.sampling_job import DueReply, SamplingCall, StepAnswer
from db.comments.comments import NewComment
from db.comments.replies import CommentReplies
from db.identity.notifications import Notifications
from db.insights.schedule import SamplingSchedule
from db.records.items import find_comment_store
from db.session import Session
from platforms.comments import PlatformComment
from platforms.errors import Rejected

NOT_SENT = "reply_not_sent"
"""Kind of the notification, code of its text and of the reply."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ReplySearch:
    """The id of the reply; None if the platform does not list it, or refused to say."""

    found_id: str | None
    is_answered: bool = True


def search_reply(call: SamplingCall) -> ReplySearch | None:
    comments, due = call.adapter.comments, call.job.reply
    if comments is None or due is None:
        return None
    try:
        found_id = comments.find_own_reply(
            answered_comment(due), due.reply.text, call.access.token, since=due.reply.first_sent_at
        )
    except Rejected as error:
        # A comment that is gone has no replies; without the permission nothing is known.
        log.warning("comments.reply_not_readable", reply=due.reply.id, code=error.code)
        return ReplySearch(None, is_answered=error.code not in PERMISSION_CODES)
    return ReplySearch(found_id)


def answered_comment(due: DueReply) -> PlatformComment:
    comment = due.comment
    if comment is None:
        return PlatformComment(due.reply.comment_external_id)
    return PlatformComment(comment.comment_id, post_id=comment.item_id, parent_id=comment.parent_id)


def record_reply_search(session: Session, _schedule: SamplingSchedule, answer: StepAnswer) -> None:
    """Record that the reply is public, or that it certainly is not; else it is looked for later."""
    due, search = answer.job.reply, answer.value
    if due is None or search is None:
        return
    if search.found_id is not None:
        record_found(session, due, search.found_id, answer)
    elif search.is_answered and due.reply.is_old:
        record_not_sent(session, due, answer)


def record_found(session: Session, due: DueReply, found_id: str, answer: StepAnswer) -> None:
    if not CommentReplies(session).settle(due.reply, external_id=found_id):
        return
    record_about_reply(session, due, "comment.replied")
    comment, store = due.comment, find_comment_store(session, answer.job.provider)
    if comment is None or store is None:
        return
    own_comment = NewComment(
        item_row_id=comment.item_row_id,
        comment_id=found_id,
        seen_at=answer.at,
        parent_id=comment.parent_id or comment.comment_id,
        author_name=comment.account_name,
        text=due.reply.text,
        written_at=due.reply.first_sent_at,
        is_hidden=False,
        is_own=True,
    )
    store.upsert([own_comment])


def record_not_sent(session: Session, due: DueReply, answer: StepAnswer) -> None:
    """The reply is not sent again by itself: its user is notified, and may reply again."""
    if not CommentReplies(session).settle(due.reply, external_id=None, error_code=NOT_SENT):
        return
    record_about_reply(session, due, "comment.reply_not_sent")
    account = answer.job.account
    Notifications(session).add(
        due.reply.user_id,
        NOT_SENT,
        cause=f"reply:{due.reply.id}:{due.reply.claimed_at.isoformat()}",
        subject=f"account:{account.account_id}",
        account_id=account.account_id,
        platform=account.provider,
        name=None if due.comment is None else due.comment.account_name,
        code=NOT_SENT,
    )


def record_about_reply(session: Session, due: DueReply, action: str) -> None:
    comment = due.comment
    subject = f"comment:{due.reply.comment_external_id if comment is None else comment.id}"
    record_action(
        session,
        action,
        user_id=due.reply.user_id,
        subject=subject,
        details={"reply": due.reply.id},
    )
