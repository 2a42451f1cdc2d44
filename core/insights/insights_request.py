"""A request for the insights of one account, post or video of a user, and its result.

Ownership is checked here. What is stored of a disconnected account can still be read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.bootstrap import Services
from core.errors import Invalid, NotConnected, NotFound
from core.insights.history import Series, default_step, list_metrics, load_series
from core.insights.queries import (
    AccountOverview,
    get_video_reader,
    load_account_overview,
    public_video_keys,
)
from core.insights.sampled_platforms import get_rules
from core.insights.sampling_job import ACCOUNT_SUBJECT
from db.accounts.accounts import Account, Accounts
from db.insights.snapshots import MetricSnapshots, MetricSubject, MetricValue
from db.insights.videos import Video
from db.posts.posts import Posts
from db.records.post_records import find_post_record
from db.session import Database, Session

DEFAULT_PERIOD = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class SeriesRequest:
    """A metric, time range and step of a platform, or their defaults."""

    provider: str
    metric: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    step: str | None = None
    after: datetime | None = None
    limit: int


@dataclass(frozen=True, kw_only=True)
class InsightsRequest(SeriesRequest):
    """At most one of account, post and video."""

    account_id: int | None = None
    post_id: int | None = None
    video_id: str | None = None

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
            video = find_post_video(session, request.provider, request.post_id, user_id=user_id)
            return video_insights(session, services, request, video, user_id=user_id)
        if request.video_id is not None:
            reader = get_video_reader(session, request.provider)
            video = reader.find(request.video_id, user_id=user_id)
            if video is None:
                raise NotFound("this user has no such video")
            return video_insights(session, services, request, video, user_id=user_id)
        account = find_account(session, request, user_id=user_id)
        return account_insights(session, services, request, account)


def find_account(session: Session, request: InsightsRequest, *, user_id: int) -> Account:
    """Return the user's account with this id, or the only one they have connected.

    Errors: NotFound, NotConnected; Invalid `account_required` if several are connected.
    """
    if request.account_id is not None:
        account = Accounts(session).get_for_user(request.account_id, user_id=user_id)
        if account is None or account.provider != request.provider:
            raise NotFound("this user has no such account")
        return account
    accounts = Accounts(session).list_for_user(user_id, request.provider)
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


def find_post_video(session: Session, provider: str, post_id: int, *, user_id: int) -> Video | None:
    """Return the post's public video; None until it is seen in the list of public videos.

    Errors: NotFound; Invalid if the post became several videos.
    """
    post = Posts(session).get_for_user(post_id, user_id=user_id)
    if post is None:
        raise NotFound("this user has no such post")
    video_keys = public_video_keys(post, find_post_record(session, post.provider, post.id))
    videos = get_video_reader(session, provider).get_many(video_keys, user_id=user_id)
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
    subject = MetricSubject(ACCOUNT_SUBJECT, account.id, account.provider)
    account_overview = load_account_overview(session, services, account)
    latest = {name: account_overview.account_metrics.get(name) for name in list_metrics(subject)}
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
    kind = get_rules(request.provider).item_subject
    names = get_rules(request.provider).item_metrics
    if video is None:
        validate_metric(request.metric, names)
        empty_series = Series((), request.step or default_step(DEFAULT_PERIOD), None)
        return InsightsResult(
            kind=kind,
            latest=dict.fromkeys(names),
            series=empty_series,
            post_id=request.post_id,
        )
    subject = MetricSubject(kind, video.id, request.provider)
    latest_values = MetricSnapshots(session).latest(subject, names)
    posts = get_video_reader(session, request.provider).map_to_posts([video], user_id=user_id)
    return InsightsResult(
        kind=kind,
        latest={name: latest_values.get(name) for name in names},
        series=read_series(session, services, request, subject),
        account_id=video.oauth_account_id,
        video=video,
        post_id=request.post_id or posts.get(video.key),
    )


def read_series(
    session: Session, services: Services, request: SeriesRequest, subject: MetricSubject
) -> Series:
    """Load the subject's series for the requested time range, by default the last 30 days."""
    until = request.until or services.now()
    since = request.since or until - DEFAULT_PERIOD
    if since >= until:
        raise Invalid(
            "the time range is empty", details={"fields": {"from": "must be before `to`"}}
        )
    names = list_metrics(subject)
    validate_metric(request.metric, names)
    return load_series(
        session,
        subject,
        [request.metric] if request.metric else names,
        since=since,
        until=until,
        step=request.step or default_step(until - since),
        after=request.after,
        limit=request.limit,
    )


def validate_metric(metric: str | None, names: Sequence[str]) -> None:
    """Errors: Invalid if the metric is none of these."""
    if metric is not None and metric not in names:
        fields = {"metric": f"one of {', '.join(names)}"}
        raise Invalid("no such metric", details={"fields": fields})
