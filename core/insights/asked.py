"""Somebody asks for the numbers of one account, post or video of theirs: found, then read.

What a disconnected account left behind can still be read; whose anything is, is looked at here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import Invalid, NotConnected, NotFound
from core.insights import seen, totals
from core.insights.figures import Overview, overview, shown_as
from core.insights.history import METRICS, Series, series, step_for
from core.wiring import World
from db.accounts import Account, Accounts
from db.insights import Snapshots, Subject, Value
from db.posts import Posts
from db.records import Records
from db.session import Database, Session
from db.videolist import VideoList
from db.videos import Video

USUAL = timedelta(days=30)
PROVIDER = "tiktok"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Of what, at most one of three; of which number and when. None: whatever is usual."""

    account_id: int | None = None
    post_id: int | None = None
    video_id: str | None = None
    metric: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    step: str | None = None
    after: datetime | None = None
    limit: int


@dataclass(frozen=True)
class Answer:
    """`overview` is there for an account, `video` for a video; neither for a post not seen yet."""

    kind: str
    latest: Mapping[str, Value | None]
    series: Series
    overview: Overview | None = None
    account_id: int | None = None
    video: Video | None = None
    post_id: int | None = None


def answer(database: Database, world: World, asked: Asked, *, user_id: int) -> Answer:
    """Errors: NotFound, NotConnected; Invalid `account_required`, or with `details.fields`."""
    if sum(each is not None for each in (asked.account_id, asked.post_id, asked.video_id)) > 1:
        raise Invalid(
            "of what?", details={"fields": {"video_id": "name one: account, post, video"}}
        )
    with database.transaction() as session:
        if asked.post_id is not None:
            video = of_post(session, asked.post_id, user_id=user_id)
            return of_video(session, world, asked, video, user_id=user_id)
        if asked.video_id is not None:
            video = VideoList(session, user_id=user_id).one(asked.video_id)
            if video is None:
                raise NotFound("no such video")
            return of_video(session, world, asked, video, user_id=user_id)
        account = mine(session, asked.account_id, user_id=user_id)
        return of_account(session, world, asked, account)


def mine(session: Session, account_id: int | None, *, user_id: int) -> Account:
    """Errors: NotFound, NotConnected; Invalid `account_required` if several would do."""
    if account_id is not None:
        found = Accounts(session).owned(account_id, user_id=user_id)
        if found is None or found.provider != PROVIDER:
            raise NotFound("no such account")
        return found
    accounts = Accounts(session).of_user(user_id, PROVIDER)
    if not accounts:
        raise NotConnected
    if len(accounts) > 1:
        fields = {"account_id": "is required: several accounts are connected"}
        raise Invalid("which account?", code="account_required", details={"fields": fields})
    return accounts[0]


def of_post(session: Session, post_id: int, *, user_id: int) -> Video | None:
    """None while nobody has seen it. Errors: NotFound; Invalid if it is several videos."""
    post = Posts(session).owned(post_id, user_id=user_id)
    if post is None:
        raise NotFound("no such post")
    names = shown_as(post, Records(session).of(post.id))
    found = VideoList(session, user_id=user_id).named(names)
    if len(found) > 1:
        ids = [video.video_id for video in found.values()]
        fields = {"video_id": "is required: the post appeared as several videos"}
        raise Invalid("which video?", details={"fields": fields, "video_ids": ids})
    return next(iter(found.values()), None)


def of_account(session: Session, world: World, asked: Asked, account: Account) -> Answer:
    subject = Subject(totals.KIND, account.id)
    whole = overview(session, world, account)
    latest = {name: whole.account.get(name) for name in METRICS[totals.KIND]}
    told = read(session, world, asked, subject)
    return Answer(totals.KIND, latest, told, overview=whole, account_id=account.id)


def of_video(
    session: Session, world: World, asked: Asked, video: Video | None, *, user_id: int
) -> Answer:
    names = METRICS[seen.KIND]
    if video is None:
        checked(asked, seen.KIND)
        nothing = Series((), asked.step or step_for(USUAL), None)
        return Answer(seen.KIND, dict.fromkeys(names), nothing, post_id=asked.post_id)
    subject = Subject(seen.KIND, video.id)
    known = Snapshots(session).latest(subject, names)
    posts = VideoList(session, user_id=user_id).posts([video])
    return Answer(
        seen.KIND,
        {name: known.get(name) for name in names},
        read(session, world, asked, subject),
        account_id=video.oauth_account_id,
        video=video,
        post_id=asked.post_id or posts.get((video.oauth_account_id, video.video_id)),
    )


def read(session: Session, world: World, asked: Asked, subject: Subject) -> Series:
    until = asked.until or world.now()
    since = asked.since or until - USUAL
    if since >= until:
        raise Invalid("an empty span", details={"fields": {"from": "is not before `to`"}})
    metrics = checked(asked, subject.kind)
    step = asked.step or step_for(until - since)
    return series(
        session,
        subject,
        metrics,
        since=since,
        until=until,
        step=step,
        after=asked.after,
        limit=asked.limit,
    )


def checked(asked: Asked, kind: str) -> tuple[str, ...]:
    """Errors: Invalid for a number that things of this kind do not have."""
    if asked.metric is None:
        return METRICS[kind]
    if asked.metric not in METRICS[kind]:
        known = ", ".join(METRICS[kind])
        raise Invalid("no such metric", details={"fields": {"metric": f"one of {known}"}})
    return (asked.metric,)
