"""Numbers as somebody reads them: of a post, a video, an account. Changes nothing.

What the platform never told is None and stays None in every sum and rate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.insights import totals
from core.insights.question import SCOPES, enabled
from core.wiring import World
from db.accounts import Account
from db.insights import Snapshots, Subject, Value
from db.nameless import IDS
from db.posts import Post
from db.records import TikTokPost
from db.session import Database, Session
from db.videolist import VideoList
from db.videos import NUMBERS, Video
from db.watches import Watches

Number = int | None


@dataclass(frozen=True)
class Figures:
    """Of one video, or of several together; `counted_at` is the oldest of their last answers."""

    views: Number = None
    likes: Number = None
    comments: Number = None
    shares: Number = None
    videos: tuple[str, ...] = ()
    url: str | None = None
    counted_at: datetime | None = None
    missing_since: datetime | None = None  # set once none of them is shown any more

    @property
    def engagement(self) -> float | None:
        return engagement(self.views, self.likes, self.comments, self.shares)


@dataclass(frozen=True)
class Page:
    """`posts` says which of them are ours; `next_before` is the id to go on from."""

    videos: Sequence[Video]
    posts: Mapping[tuple[int, str], int]
    next_before: int | None


@dataclass(frozen=True)
class Overview:
    """An account as a whole. `sampled` says whether its numbers are being asked for."""

    account: Mapping[str, Value]
    videos: Mapping[str, Number]
    sampled: bool
    problem: str | None
    next_at: datetime | None

    @property
    def engagement(self) -> float | None:
        return engagement(*(self.videos[name] for name in NUMBERS))


def engagement(views: Number, likes: Number, comments: Number, shares: Number) -> float | None:
    """What share of the viewers did something, in per cent with two decimals; 0 without views.

    None if one of the numbers is not known: a rate of what is known would be too low.
    """
    if views is None or likes is None or comments is None or shares is None:
        return None
    return round(100 * (likes + comments + shares) / views, 2) if views else 0.0


def together(videos: Iterable[Video]) -> Figures | None:
    """None if there are none."""
    found = list(videos)
    if not found:
        return None
    sums = {name: total(getattr(video, name) for video in found) for name in NUMBERS}
    shown = [video for video in found if video.missing_since is None]
    return Figures(
        **sums,
        videos=tuple(video.video_id for video in found),
        url=(shown or found)[0].url,
        counted_at=min((one.counted_at for one in found if one.counted_at), default=None),
        missing_since=None
        if shown
        else max(one.missing_since for one in found if one.missing_since),
    )


def total(numbers: Iterable[Number]) -> Number:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def of_posts(
    database: Database, posts: Iterable[tuple[Post, TikTokPost | None]], *, user_id: int
) -> dict[int, Figures]:
    """By our id of the post: those that the public has seen, and whose numbers were ever asked."""
    names = {post.id: shown_as(post, record) for post, record in posts}
    wanted = {name for each in names.values() for name in each}
    with database.transaction() as session:
        known = VideoList(session, user_id=user_id).named(wanted)
    found = {
        post: together(known[name] for name in each if name in known)
        for post, each in names.items()
    }
    return {post: figures for post, figures in found.items() if figures is not None}


def shown_as(post: Post, record: TikTokPost | None) -> list[tuple[int, str]]:
    """Under which ids the public sees it; a draft may have been posted several times."""
    told = list(record.details.get(IDS, ())) if record else []
    ids = dict.fromkeys(filter(None, (*told, post.platform_post_id)))
    return [(post.oauth_account_id, each) for each in ids] if post.oauth_account_id else []


def videos(
    database: Database,
    *,
    user_id: int,
    account_id: int | None = None,
    limit: int,
    before: int | None = None,
) -> Page:
    """The newest first, the user's own posts and all others of the accounts alike."""
    with database.transaction() as session:
        listed = VideoList(session, user_id=user_id)
        found = listed.page(account_id, limit=limit + 1, before=before)
        here = found[:limit]
        return Page(here, listed.posts(here), here[-1].id if len(found) > limit else None)


def overview(session: Session, world: World, account: Account) -> Overview:
    """Of an account that the caller has found to be theirs."""
    watch = Watches(session).of(account.id)
    allowed = SCOPES.get(account.provider) in {each.strip() for each in account.scope.split(",")}
    wanted = allowed and bool(enabled(world).get(account.provider))
    sums = VideoList(session, user_id=account.user_id).sums(account.id)
    return Overview(
        account=Snapshots(session).latest(Subject(totals.KIND, account.id), totals.NUMBERS),
        videos=sums,
        sampled=wanted and watch is not None and watch.due_at is not None,
        problem=(watch.problem if watch else None) or (None if allowed else "scope_not_authorized"),
        next_at=watch.due_at if watch and wanted else None,
    )


def sums(database: Database, *, user_id: int, account_id: int | None = None) -> dict[str, Number]:
    """Views, likes, comments, shares and videos of all a user's accounts, or of one of them."""
    with database.transaction() as session:
        return VideoList(session, user_id=user_id).sums(account_id)
