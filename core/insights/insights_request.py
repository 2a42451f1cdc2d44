"""A request for the insights of one account, post or video of a user, and its result.

Ownership is checked here. What is stored of a disconnected account can still be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.bootstrap import Services
from core.errors import Invalid, NotConnected, NotFound
from core.insights.history import METRICS_BY_SUBJECT, Series, default_step, load_series
from core.insights.queries import AccountOverview, load_account_overview, public_video_keys
from core.insights.sampling_steps import ACCOUNT_SUBJECT, VIDEO_SUBJECT
from db.accounts.accounts import Account, Accounts
from db.insights.snapshots import MetricSnapshots, MetricSubject, MetricValue
from db.insights.video_queries import VideoQueries
from db.insights.videos import Video
from db.posts.posts import Posts
from db.posts.tiktok_posts import TikTokPosts
from db.session import Database, Session

DEFAULT_PERIOD = timedelta(days=30)
PROVIDER = "tiktok"


@dataclass(frozen=True, kw_only=True)
class InsightsRequest:
    """At most one of account, post and video; a metric, time range and step, or their defaults."""

    account_id: int | None = None
    post_id: int | None = None
    video_id: str | None = None
    metric: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    step: str | None = None
    after: datetime | None = None
    limit: int

    @property
    def names_several_subjects(self) -> bool:
        subjects = (self.account_id, self.post_id, self.video_id)
        return len([subject for subject in subjects if subject is not None]) > 1


@dataclass(frozen=True)
class InsightsResult:
    """Latest metrics and their history.

    `overview` is set for an account, `video` for a video. Neither is set for a post whose video
    is not in the public list yet.
    """

    kind: str
    latest: Mapping[str, MetricValue | None]
    series: Series
    overview: AccountOverview | None = None
    account_id: int | None = None
    video: Video | None = None
    post_id: int | None = None


def load_insights(
    database: Database, services: Services, request: InsightsRequest, *, user_id: int
) -> InsightsResult:
    """Load the insights that the request names, or those of the user's only account.

    Errors: NotFound, NotConnected; Invalid `account_required`, or with `details.fields`.
    """
    if request.names_several_subjects:
        fields = {"video_id": "name only one of account_id, post_id and video_id"}
        raise Invalid("more than one subject is named", details={"fields": fields})
    with database.transaction() as session:
        if request.post_id is not None:
            video = find_post_video(session, request.post_id, user_id=user_id)
            return video_insights(session, services, request, video, user_id=user_id)
        if request.video_id is not None:
            video = VideoQueries(session, user_id=user_id).get(request.video_id)
            if video is None:
                raise NotFound("this user has no such video")
            return video_insights(session, services, request, video, user_id=user_id)
        account = find_account(session, request.account_id, user_id=user_id)
        return account_insights(session, services, request, account)


def find_account(session: Session, account_id: int | None, *, user_id: int) -> Account:
    """Return the user's account with this id, or the only one they have connected.

    Errors: NotFound, NotConnected; Invalid `account_required` if several are connected.
    """
    if account_id is not None:
        account = Accounts(session).get_for_user(account_id, user_id=user_id)
        if account is None or account.provider != PROVIDER:
            raise NotFound("this user has no such account")
        return account
    accounts = Accounts(session).list_for_user(user_id, PROVIDER)
    if not accounts:
        raise NotConnected
    if len(accounts) > 1:
        fields = {"account_id": "is required: several accounts are connected"}
        raise Invalid(
            "several accounts are connected: name one with account_id",
            code="account_required",
            details={"fields": fields},
        )
    return accounts[0]


def find_post_video(session: Session, post_id: int, *, user_id: int) -> Video | None:
    """Return the post's public video; None until it is seen in the list of public videos.

    Errors: NotFound; Invalid if the post became several videos.
    """
    post = Posts(session).get_for_user(post_id, user_id=user_id)
    if post is None:
        raise NotFound("this user has no such post")
    video_keys = public_video_keys(post, TikTokPosts(session).get_by_post(post.id))
    videos = VideoQueries(session, user_id=user_id).get_many(video_keys)
    if len(videos) > 1:
        ids = [video.video_id for video in videos.values()]
        fields = {"video_id": "is required: the post appeared as several videos"}
        raise Invalid(
            "the post appeared as several videos: name one with video_id",
            details={"fields": fields, "video_ids": ids},
        )
    return next(iter(videos.values()), None)


def account_insights(
    session: Session, services: Services, request: InsightsRequest, account: Account
) -> InsightsResult:
    subject = MetricSubject(ACCOUNT_SUBJECT, account.id)
    account_overview = load_account_overview(session, services, account)
    latest = {
        name: account_overview.account_metrics.get(name)
        for name in METRICS_BY_SUBJECT[ACCOUNT_SUBJECT]
    }
    series = read_series(session, services, request, subject)
    return InsightsResult(
        ACCOUNT_SUBJECT,
        latest,
        series,
        overview=account_overview,
        account_id=account.id,
    )


def video_insights(
    session: Session,
    services: Services,
    request: InsightsRequest,
    video: Video | None,
    *,
    user_id: int,
) -> InsightsResult:
    """Load the insights of a video, or empty ones for a post whose video is not known yet."""
    names = METRICS_BY_SUBJECT[VIDEO_SUBJECT]
    if video is None:
        validate_metric(request, VIDEO_SUBJECT)
        empty_series = Series((), request.step or default_step(DEFAULT_PERIOD), None)
        return InsightsResult(
            kind=VIDEO_SUBJECT,
            latest=dict.fromkeys(names),
            series=empty_series,
            post_id=request.post_id,
        )
    subject = MetricSubject(VIDEO_SUBJECT, video.id)
    latest_values = MetricSnapshots(session).latest(subject, names)
    posts = VideoQueries(session, user_id=user_id).map_to_posts([video])
    return InsightsResult(
        kind=VIDEO_SUBJECT,
        latest={name: latest_values.get(name) for name in names},
        series=read_series(session, services, request, subject),
        account_id=video.oauth_account_id,
        video=video,
        post_id=request.post_id or posts.get((video.oauth_account_id, video.video_id)),
    )


def read_series(
    session: Session, services: Services, request: InsightsRequest, subject: MetricSubject
) -> Series:
    """Load the subject's series for the requested time range, by default the last 30 days."""
    until = request.until or services.now()
    since = request.since or until - DEFAULT_PERIOD
    if since >= until:
        raise Invalid(
            "the time range is empty", details={"fields": {"from": "must be before `to`"}}
        )
    validate_metric(request, subject.kind)
    metrics = [request.metric] if request.metric else METRICS_BY_SUBJECT[subject.kind]
    step = request.step or default_step(until - since)
    return load_series(
        session,
        subject,
        metrics,
        since=since,
        until=until,
        step=step,
        after=request.after,
        limit=request.limit,
    )


def validate_metric(request: InsightsRequest, kind: str) -> None:
    """Errors: Invalid if subjects of this kind do not have the requested metric."""
    if request.metric is not None and request.metric not in METRICS_BY_SUBJECT[kind]:
        allowed = ", ".join(METRICS_BY_SUBJECT[kind])
        raise Invalid("no such metric", details={"fields": {"metric": f"one of {allowed}"}})
