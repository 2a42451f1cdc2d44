"""A start whose answer was lost and that may run at the platform: find out, never send again.

A later webhook of the same creator names the publication, or the list of public videos shows it;
without either the post ends as unknown after a day, and a person may retry it, with the risk named.
Also: a post that is published, and of which nobody has told its id, is asked about again.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.ledger.book import Book
from core.ledger.endings import end, move
from core.ledger.news import note, to
from core.ledger.settle import DAY, State
from core.outcomes import NOW, Again
from core.posts.sighting import OUR_CLOCKS, PRIVACY, progress, sighting
from core.posts.waiting import age, pause
from core.wiring import World
from db.lost import LostStarts
from db.nameless import Nameless
from db.posts import Post
from db.session import Database, Session
from db.videos import Video
from db.watches import Watches
from platforms.base import Phase

LIST = "video list"  # the mouth that brings news of what the public sees

LOOKS = (
    (timedelta(hours=1), timedelta(minutes=5)),
    (DAY, timedelta(hours=1)),
    (7 * DAY, timedelta(hours=6)),
)
"""Published so lately, and not heard of for so long: moderation may take hours."""

MANY = 500  # posts woken at once; the rest a minute later


@dataclass(frozen=True)
class Job:
    publish_id: str | None


@dataclass(frozen=True)
class Found:
    publish_id: str | None
    dice: float


def brief(session: Session, post: Post) -> Job:
    to(session, post, State.UNCONFIRMED, note="the answer to the start was lost")
    if post.oauth_account_id is not None:
        Watches(session).hasten_of(post.oauth_account_id)
    return Job(named(session, post))


def named(session: Session, post: Post) -> str | None:
    """The one publication we were told of and cannot place, if this is the one start we miss."""
    since = (post.started_at or post.created_at) - OUR_CLOCKS
    strangers = LostStarts(session).strangers(post, since=since)
    if len(strangers) != 1 or LostStarts(session).others(post):
        return None
    return strangers[0]


def perform(job: Job, world: World) -> Found:
    return Found(job.publish_id, world.dice())


def record(book: Book, post: Post, outcome: Found) -> Again:
    if outcome.publish_id is not None and outcome.publish_id == named(book.session, post):
        return found(book, post, outcome.publish_id)
    if (video := sighting(book.session, post)) is not None:
        return surfaced(book, post, video)
    if age(post, book.at) >= DAY:
        end(book, post, State.FAILED, "outcome_unknown")
        return Again(None)
    return pause(book, post, dice=outcome.dice)


def found(book: Book, post: Post, publish_id: str) -> Again:
    post.publish_id, post.step = publish_id, Phase.PROCESSING
    book.line(post, "found", note=publish_id)
    move(book, post, State.PROCESSING, note="a webhook named it")
    LostStarts(book.session).adopt(post)
    return Again(NOW)


def surfaced(book: Book, post: Post, video: Video) -> Again:
    """It is out. Nobody needs its publish_id; a notice that names it is recognised all the same."""
    book.line(post, "found", note=video.video_id)
    post.permalink = video.url
    note(book, post, progress(video), mouth=LIST)
    return Again(None)


def look_again(database: Database) -> int:
    """Published posts without an id fall due to be asked about; how many."""
    with database.transaction() as session:
        return Nameless(session).rouse(LOOKS, privacy=PRIVACY, limit=MANY)
