"""Before a start that cannot be taken back: the address looked at, the creator asked.

Safe, so a claim of its own: killed here, nothing has begun, and both are simply asked again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.accounts.tokens import Access, access, refused
from core.errors import Failed
from core.ledger.book import Book
from core.ledger.memo import AGREED, INLINE, without
from core.ledger.settle import FINAL
from core.outcomes import NOW, Again, Later
from core.posts.creators import agree
from core.posts.reach import reach
from core.posts.turn import turn
from core.wiring import World
from db.media import Medias
from db.posts import Post
from db.session import Session, now
from platforms.base import Order
from platforms.errors import TokenExpired

LIVE = "live"  # the mode in which platforms are spoken to
FRESH = timedelta(minutes=1)  # an agreement older than that is asked for again


@dataclass(frozen=True)
class Job:
    access: Access
    provider: str
    order: Order
    seconds: float | None  # of the film, where we know it


@dataclass(frozen=True)
class Agreed:
    """Nothing speaks against a start that follows at once."""


@dataclass(frozen=True)
class NoToken:
    access: Access


def brief(session: Session, post: Post) -> Job:
    if post.state in FINAL:
        raise Failed("it has ended: nothing more is sent")
    turn(session, post)
    used = access(session, post.oauth_account_id)
    return Job(used, post.provider, order(post), duration(session, post))


def order(post: Post) -> Order:
    return Order(
        kind=post.kind,
        source=post.source,
        size=post.bytes_total,
        video_url=post.payload_json.get("video_url"),
        images=tuple(post.payload_json.get("photo_images", ())),
        cover=post.payload_json.get("photo_cover_index", 0),
        settings={**post.payload_json.get("settings", {}), "title": post.title},
    )


def duration(session: Session, post: Post) -> float | None:
    media = Medias(session).get(post.media_id)
    milliseconds = (media.probe or {}).get("duration_ms") if media else None
    return None if milliseconds is None else milliseconds / 1000


def perform(job: Job, world: World) -> Agreed | NoToken:
    if world.settings.publish_mode == LIVE:
        try:
            agreed(job, world)
        except TokenExpired:
            return NoToken(job.access)
    return Agreed()


def agreed(job: Job, world: World) -> None:
    """Errors: Rejected for what would be refused; TokenExpired; what asking raises."""
    reach(job.order, world)
    agree(job.access, job.provider, job.order, world, seconds=job.seconds)


def record(book: Book, post: Post, outcome: Agreed | NoToken) -> Again:
    """To be started at once, by whoever claims it next; that it was asked after costs no try."""
    if isinstance(outcome, NoToken):
        refused(book.session, outcome.access)
    post.memo = {**without(post.memo, INLINE), AGREED: book.at.isoformat()}
    post.attempts -= 1
    return Again(NOW, progressed=False)


def spent(session: Session, post: Post) -> None:
    """An agreement serves one start. Errors: Later if it is too old, so that it is sought anew."""
    since = datetime.fromisoformat(post.memo[AGREED])
    post.memo = without(post.memo, AGREED)
    if now(session) - since > FRESH:
        raise Later(NOW, "its agreement is too old")
