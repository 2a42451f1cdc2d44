"""A draft becomes a post: its row, its slot, its place in our hand if its requester waits.

One transaction, with the account locked, so that no crowd overshoots a limit or a key.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from core import audit
from core.accounts.tokens import fresh
from core.engine.kinds import Hand
from core.errors import Away, Failed, Limited, NotFound, QuotaExceeded
from core.ledger.memo import SLOTS, UNAUDITED, Memo
from core.ledger.settle import State
from core.posts.answers import Answer, again, answer
from core.posts.conclude import Ended, concluded, told
from core.posts.draft import Draft
from core.posts.idempotency import earlier
from core.posts.inline import step, taken
from core.posts.publish import Task
from core.posts.quota import limits
from core.posts.turn import take
from core.watch.metrics import QUOTA_REFUSALS
from core.wiring import World
from db.media import Media, Medias
from db.posts import Post, Posts, SentBy
from db.session import Database, Session
from db.slots import Slots
from db.timeline import PostEvents

KEEP_FILES = timedelta(days=7)
SOON = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a post is asked for, as opposed to what is asked."""

    said: str  # the digest of the request
    begun: datetime
    key: str | None = None
    can_wait: bool = False  # the requester does not stay for the first step


def replay(session: Session, world: World, terms: Terms, *, user_id: int) -> Ended | None:
    post = earlier(session, terms.key, terms.said, user_id=user_id)
    return again(session, world, post) if post else None


def place(database: Database, world: World, draft: Draft, terms: Terms) -> Answer:
    """The post is written, its first step taken if somebody waits. Errors: as `request`."""
    is_inline = wanted_now(database, world, draft, terms)
    with database.transaction() as session:
        ended = placed(session, world, draft, terms, is_inline=is_inline)
    if isinstance(ended, Hand):
        step(database, world, ended)
        return concluded(database, world, ended)
    world.ring("posts")
    return told(ended)


def placed(
    session: Session, world: World, draft: Draft, terms: Terms, *, is_inline: bool
) -> Hand[Task] | Ended:
    """The post in our hand, or the answer to its request. Errors: QuotaExceeded, Conflict."""
    Slots(session).lock(draft.oauth_account_id)
    post = written(session, world, draft, terms)
    if post is None:
        known = replay(session, world, terms, user_id=draft.user_id)
        return known or Away("the first request has just been withdrawn", retry_after=SOON)
    reserved(session, post, terms)
    hand = taken(session, post) if is_inline and post.has_slot else None
    return hand or answer(session, world, post)


def wanted_now(database: Database, world: World, draft: Draft, terms: Terms) -> bool:
    """Whether the platform is told inline. The token is renewed first, within the budget.

    Errors: NotConnected, NeedsReconnect; for a caller who sends the bytes also Away and `timeout`.
    """
    if draft.sent_by == SentBy.SIGNALPOST or draft.publish_at is not None or terms.can_wait:
        return False
    must = draft.sent_by == SentBy.CALLER
    try:
        fresh(database, world, draft.oauth_account_id)
    except Away:
        if must:
            raise
        return False
    in_time = world.now() - terms.begun < world.settings.limits.inline_budget
    if must and not in_time:
        raise Failed("the time for an answer is used up", code="timeout")
    return in_time


def written(session: Session, world: World, draft: Draft, terms: Terms) -> Post | None:
    """None if the key has been used meanwhile."""
    media = wanted_file(session, draft)
    post = Posts(session).add(
        **asdict(draft),
        idempotency_key=terms.key,
        request_hash=terms.said,
        due_at=draft.publish_at or Posts.now(),
        memo=terms_of(world, draft),
    )
    if post is None:
        return None
    PostEvents(session).add(post, "request", after=State.QUEUED)
    audit.note(session, "post.requested", user_id=post.user_id, subject=f"post:{post.id}")
    if media is not None:
        Medias(session).touch(media, keep=KEEP_FILES)
    return post


def terms_of(world: World, draft: Draft) -> Memo:
    """What settings say of its limits, for those who claim it and have no settings at hand."""
    slots: Memo = {SLOTS: limits(world.settings.limits)[draft.mode]}
    return slots if world.settings.tiktok.app_audited else {**slots, UNAUDITED: True}


def wanted_file(session: Session, draft: Draft) -> Media | None:
    """Held until the post is written, so that nobody deletes it in between. Errors: NotFound."""
    if draft.media_id is None:
        return None
    media = Medias(session).locked(draft.media_id, user_id=draft.user_id)
    if media is None:
        raise NotFound("no such file")
    return media


def reserved(session: Session, post: Post, terms: Terms) -> None:
    """The post's slot; one that waits may do so without.

    A limit of the whole application makes everything wait that we can send later.
    Errors: QuotaExceeded; Limited, for a caller who sends the bytes.
    """
    if post.publish_at is not None:
        return  # taken when it falls due
    try:
        take(session, post)
    except QuotaExceeded:
        if not terms.can_wait:
            QUOTA_REFUSALS.labels(post.provider).inc()
            raise
    except Limited:
        if post.sent_by == SentBy.CALLER:
            raise
