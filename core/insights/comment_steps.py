"""Steps about what others write: read the comments of young posts, fetch mentions.

The first reading goes to the end of a post's comments, one page per claim; later ones stop at the
first page without a new comment. What the pages should contain and do not is marked as deleted.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.insights.item_steps import PERMISSION_CODES, count_items
from core.insights.sampling_job import SamplingCall, StepAnswer
from core.insights.sampling_schedule import next_comments_delay
from core.new_comments import to_new_comment
from db.comments.mentions import FetchedMention
from db.insights.items import ListedRange
from db.insights.schedule import SamplingSchedule
from db.records.items import find_comment_store, find_mention_store
from db.session import Session, database_now
from platforms.comments import CommentPage, flatten_comments
from platforms.errors import NotReadable, Rejected

COMMENTS_KIND, MENTIONS_KIND = "comment", "mention"  # labels of metrics
NO_DELAY = timedelta(0)
NO_TIME = datetime.max.replace(tzinfo=UTC)
"""Bound of a range that nothing is in."""


@dataclass(frozen=True)
class CommentsRefused:
    """The platform refuses the comments of this post; `is_gone`: it does not show the post."""

    is_gone: bool


def fetch_comment_page(
    call: SamplingCall,
) -> CommentPage | CommentsRefused | None:
    comments, due = call.adapter.comments, call.job.comments
    if comments is None or due is None:
        return None
    try:
        return comments.list_comments(
            due.item_id,
            call.access.token,
            cursor=due.cursor,
            fallback_token=call.access.fallback_token,
        )
    except Rejected as error:
        if error.code in PERMISSION_CODES:
            raise
        return CommentsRefused(isinstance(error, NotReadable))


def record_comment_page(session: Session, _schedule: SamplingSchedule, answer: StepAnswer) -> None:
    """Store a page of comments, and schedule the next page or the next reading."""
    due, store = answer.job.comments, find_comment_store(session, answer.job.provider)
    if due is None or store is None or answer.value is None:
        return
    age = database_now(session) - due.posted_at
    delay = next_comments_delay(answer.job.rules, age, jitter=answer.jitter)
    if isinstance(answer.value, CommentsRefused):
        is_over = answer.value.is_gone
        store.record_reading(due.item_row_id, cursor=None, delay=None if is_over else delay)
        return
    page: CommentPage = answer.value
    listed = flatten_comments(page.comments)
    stored = store.upsert(
        [to_new_comment(item, due.item_row_id, seen_at=answer.at) for item in listed]
    )
    deleted_count = store.mark_absent(
        due.item_row_id,
        listed_range(page, due.cursor),
        threads=[comment.id for comment in page.comments],
        since=answer.at,
    )
    count_items(answer.job.account, COMMENTS_KIND, "kept", len(stored))
    count_items(answer.job.account, COMMENTS_KIND, "missing", deleted_count)
    has_new_comments = any(item.is_new for item in stored)
    if page.next_cursor is not None and (has_new_comments or not due.is_whole):
        store.record_reading(due.item_row_id, cursor=page.next_cursor, delay=NO_DELAY)
        return
    store.record_reading(due.item_row_id, cursor=None, delay=delay)


def listed_range(page: CommentPage, cursor: str | None) -> ListedRange:
    """Return which top-level comments the page covers: none, if a time on it is not known."""
    ids = frozenset(item.id for item in flatten_comments(page.comments))
    times = [comment.written_at for comment in page.comments]
    known_times = [time for time in times if time is not None]
    if not times or len(known_times) < len(times):
        return ListedRange(ids, NO_TIME, NO_TIME)
    return ListedRange(
        ids,
        oldest=None if page.next_cursor is None else min(known_times),
        newest=None if cursor is None else max(known_times),
    )


def fetch_mention(call: SamplingCall) -> FetchedMention | None:
    """Fetch the comment or the post that mentions the account; None if it is not shown to us."""
    comments, mention, access = call.adapter.comments, call.job.mention, call.access
    account_id = access.account_id
    if comments is None or mention is None or account_id is None:
        return None
    if mention.comment_id is None:
        post = comments.fetch_mentioned_post(
            mention.item_id,
            access.token,
            account_id=account_id,
            fallback_token=access.fallback_token,
        )
        return None if post is None else FetchedMention(post.text, None, post.url, post.posted_at)
    comment = comments.fetch_comment(
        mention.comment_id,
        access.token,
        account_id=account_id,
        is_mention=True,
        fallback_token=access.fallback_token,
    )
    if comment is None:
        return None
    return FetchedMention(comment.text, comment.author_name, None, comment.written_at)


def record_mention(session: Session, _schedule: SamplingSchedule, answer: StepAnswer) -> None:
    mention, store = answer.job.mention, find_mention_store(session, answer.job.provider)
    if mention is None or store is None:
        return
    if answer.value is None:
        store.record_unreadable(mention.id)
        return
    store.record_fetched(mention.id, answer.value)
    count_items(answer.job.account, MENTIONS_KIND, "kept", 1)
