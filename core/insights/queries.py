"""Numbers as somebody reads them: of a post, a video, an account. Changes nothing.

What the platform never told is None and stays None in every sum and rate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.bootstrap import Services
from core.errors import Invalid, NotConnected, NotFound
from core.insights import sampling_steps
from core.insights.sampling_steps import ANALYTICS_SCOPES, enabled_platforms
from db.accounts.accounts import Account, Accounts
from db.insights.schedule import SamplingSchedules
from db.insights.snapshots import MetricSnapshots, MetricSubject, MetricValue, TimeRange
from db.insights.video_queries import VideoQueries
from db.insights.videos import VIDEO_METRICS, Video
from db.posts.posts import Post, Posts
from db.posts.reconciliation import PUBLIC_IDS_KEY
from db.posts.tiktok_posts import TikTokPost, TikTokPosts
from db.session import Database, Session

OptionalCount = int | None


@dataclass(frozen=True)
class VideoMetrics:
    """Of one video, or of several together; `counted_at` is the oldest of their last answers."""

    views: OptionalCount = None
    likes: OptionalCount = None
    comments: OptionalCount = None
    shares: OptionalCount = None
    video_ids: tuple[str, ...] = ()
    url: str | None = None
    counted_at: datetime | None = None
    missing_since: datetime | None = None  # set once none of them is shown any more

    @property
    def engagement(self) -> float | None:
        return engagement_rate(self.views, self.likes, self.comments, self.shares)


@dataclass(frozen=True)
class VideoListPage:
    """`posts` says which of them are ours; `next_before` is the id to go on from."""

    videos: Sequence[Video]
    posts: Mapping[tuple[int, str], int]
    next_before: int | None


@dataclass(frozen=True)
class AccountOverview:
    """An account as a whole. `sampled` says whether its numbers are being asked for."""

    account_metrics: Mapping[str, MetricValue]
    video_totals: Mapping[str, OptionalCount]
    is_sampled: bool
    problem: str | None
    next_sample_at: datetime | None

    @property
    def engagement(self) -> float | None:
        return engagement_rate(*(self.video_totals[name] for name in VIDEO_METRICS))


def engagement_rate(
    views: OptionalCount, likes: OptionalCount, comments: OptionalCount, shares: OptionalCount
) -> float | None:
    """What share of the viewers did something, in per cent with two decimals; 0 without views.

    None if one of the numbers is not known: a rate of what is known would be too low.
    """
    if views is None or likes is None or comments is None or shares is None:
        return None
    return round(100 * (likes + comments + shares) / views, 2) if views else 0.0


def sum_videos(videos: Iterable[Video]) -> VideoMetrics | None:
    """None if there are none."""
    video_list = list(videos)
    if not video_list:
        return None
    sums = {name: sum_known(getattr(video, name) for video in video_list) for name in VIDEO_METRICS}
    visible = [video for video in video_list if video.missing_since is None]
    return VideoMetrics(
        **sums,
        video_ids=tuple(video.video_id for video in video_list),
        url=(visible or video_list)[0].url,
        counted_at=min((one.counted_at for one in video_list if one.counted_at), default=None),
        missing_since=None
        if visible
        else max(one.missing_since for one in video_list if one.missing_since),
    )


def sum_known(numbers: Iterable[OptionalCount]) -> OptionalCount:
    known_numbers = [number for number in numbers if number is not None]
    return sum(known_numbers) if known_numbers else None


def load_post_metrics(
    database: Database, posts: Iterable[tuple[Post, TikTokPost | None]], *, user_id: int
) -> dict[int, VideoMetrics]:
    """By our id of the post: those that the public has seen, and whose numbers were ever asked."""
    keys_by_post = {post.id: public_video_keys(post, record) for post, record in posts}
    video_keys = {key for each in keys_by_post.values() for key in each}
    with database.transaction() as session:
        videos_by_key = VideoQueries(session, user_id=user_id).get_many(video_keys)
    found = {
        post: sum_videos(videos_by_key[key] for key in each if key in videos_by_key)
        for post, each in keys_by_post.items()
    }
    return {post: figures for post, figures in found.items() if figures is not None}


def public_video_keys(post: Post, record: TikTokPost | None) -> list[tuple[int, str]]:
    """Under which ids the public sees it; a draft may have been posted several times."""
    known_ids = list(record.details.get(PUBLIC_IDS_KEY, ())) if record else []
    ids = dict.fromkeys(filter(None, (*known_ids, post.platform_post_id)))
    return [(post.oauth_account_id, each) for each in ids] if post.oauth_account_id else []


def list_videos(
    database: Database,
    *,
    user_id: int,
    account_id: int | None = None,
    limit: int,
    before: int | None = None,
) -> VideoListPage:
    """The newest first, the user's own posts and all others of the accounts alike."""
    with database.transaction() as session:
        video_queries = VideoQueries(session, user_id=user_id)
        found = video_queries.page(account_id, limit=limit + 1, before=before)
        page = found[:limit]
        return VideoListPage(
            page, video_queries.map_to_posts(page), page[-1].id if len(found) > limit else None
        )


def load_account_overview(
    session: Session, services: Services, account: Account
) -> AccountOverview:
    """Of an account that the caller has found to be theirs."""
    watch = SamplingSchedules(session).get_by_account(account.id)
    is_allowed = ANALYTICS_SCOPES.get(account.provider) in {
        each.strip() for each in account.scope.split(",")
    }
    is_wanted = is_allowed and bool(enabled_platforms(services).get(account.provider))
    video_totals = VideoQueries(session, user_id=account.user_id).sum_metrics(account.id)
    return AccountOverview(
        account_metrics=MetricSnapshots(session).latest(
            MetricSubject(sampling_steps.ACCOUNT_SUBJECT, account.id),
            sampling_steps.ACCOUNT_METRICS,
        ),
        video_totals=video_totals,
        is_sampled=is_wanted and watch is not None and watch.due_at is not None,
        problem=(watch.problem if watch else None)
        or (None if is_allowed else "scope_not_authorized"),
        next_sample_at=watch.due_at if watch and is_wanted else None,
    )


def load_video_totals(
    database: Database, *, user_id: int, account_id: int | None = None
) -> dict[str, OptionalCount]:
    """Views, likes, comments, shares and videos of all a user's accounts, or of one of them."""
    with database.transaction() as session:
        return VideoQueries(session, user_id=user_id).sum_metrics(account_id)


# MERGED core.insights.history: Numbers over time, as points: what the platform told at each, and None where it did not.

METRICS_BY_SUBJECT: Mapping[str, tuple[str, ...]] = {
    sampling_steps.ACCOUNT_SUBJECT: sampling_steps.ACCOUNT_METRICS,
    sampling_steps.VIDEO_SUBJECT: VIDEO_METRICS,
}
"""Kind of subject → what is known of it over time."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SERIES_STEPS: Mapping[str, timedelta | None] = {"raw": None, "hour": HOUR, "day": DAY}
DEFAULT_STEPS = ((3 * DAY, "raw"), (30 * DAY, "hour"))
"""A span so long at most → how finely it is shown unless somebody says otherwise."""


@dataclass(frozen=True)
class SeriesPoint:
    at: datetime
    values: Mapping[str, int | None]


@dataclass(frozen=True)
class Series:
    """Oldest first. `next_after` is the slot to go on from; None at the end."""

    points: Sequence[SeriesPoint]
    step: str
    next_after: datetime | None


def default_step(length: timedelta) -> str:
    return next((step for longest, step in DEFAULT_STEPS if length <= longest), "day")


def load_series(
    session: Session,
    subject: MetricSubject,
    metrics: Sequence[str],
    *,
    since: datetime,
    until: datetime,
    step: str,
    after: datetime | None = None,
    limit: int,
) -> Series:
    """The last values of each interval; whose subject it is, the caller has made sure."""
    span = TimeRange(since, until, SERIES_STEPS[step])
    values = MetricSnapshots(session).series(subject, metrics, span, after=after, limit=limit + 1)
    slots: dict[datetime, list[MetricValue]] = {}
    for value in values:
        slots.setdefault(value.slot, []).append(value)
    page = dict(list(slots.items())[:limit])
    next_after = list(page)[-1] if len(slots) > limit else None
    return Series(
        [build_point(slot_values, metrics) for slot_values in page.values()], step, next_after
    )


def build_point(values: Sequence[MetricValue], metrics: Sequence[str]) -> SeriesPoint:
    values_by_metric = {value.metric: value.value for value in values}
    at = max(value.at for value in values)
    return SeriesPoint(at, {metric: values_by_metric.get(metric) for metric in metrics})


# MERGED core.insights.asked: Somebody asks for the numbers of one account, post or video of theirs: found, then read.
#
# What a disconnected account left behind can still be read; whose anything is, is looked at here.

DEFAULT_PERIOD = timedelta(days=30)
PROVIDER = "tiktok"


@dataclass(frozen=True, kw_only=True)
class InsightsRequest:
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
class InsightsResult:
    """`overview` is there for an account, `video` for a video; neither for a post not seen yet."""

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
    """Errors: NotFound, NotConnected; Invalid `account_required`, or with `details.fields`."""
    if (
        sum(each is not None for each in (request.account_id, request.post_id, request.video_id))
        > 1
    ):
        raise Invalid(
            "of what?", details={"fields": {"video_id": "name one: account, post, video"}}
        )
    with database.transaction() as session:
        if request.post_id is not None:
            video = find_post_video(session, request.post_id, user_id=user_id)
            return video_insights(session, services, request, video, user_id=user_id)
        if request.video_id is not None:
            video = VideoQueries(session, user_id=user_id).get(request.video_id)
            if video is None:
                raise NotFound("no such video")
            return video_insights(session, services, request, video, user_id=user_id)
        account = find_account(session, request.account_id, user_id=user_id)
        return account_insights(session, services, request, account)


def find_account(session: Session, account_id: int | None, *, user_id: int) -> Account:
    """Errors: NotFound, NotConnected; Invalid `account_required` if several would do."""
    if account_id is not None:
        account = Accounts(session).get_for_user(account_id, user_id=user_id)
        if account is None or account.provider != PROVIDER:
            raise NotFound("no such account")
        return account
    accounts = Accounts(session).list_for_user(user_id, PROVIDER)
    if not accounts:
        raise NotConnected
    if len(accounts) > 1:
        fields = {"account_id": "is required: several accounts are connected"}
        raise Invalid("which account?", code="account_required", details={"fields": fields})
    return accounts[0]


def find_post_video(session: Session, post_id: int, *, user_id: int) -> Video | None:
    """None while nobody has seen it. Errors: NotFound; Invalid if it is several videos."""
    post = Posts(session).get_for_user(post_id, user_id=user_id)
    if post is None:
        raise NotFound("no such post")
    video_keys = public_video_keys(post, TikTokPosts(session).get_by_post(post.id))
    found = VideoQueries(session, user_id=user_id).get_many(video_keys)
    if len(found) > 1:
        ids = [video.video_id for video in found.values()]
        fields = {"video_id": "is required: the post appeared as several videos"}
        raise Invalid("which video?", details={"fields": fields, "video_ids": ids})
    return next(iter(found.values()), None)


def account_insights(
    session: Session, services: Services, request: InsightsRequest, account: Account
) -> InsightsResult:
    subject = MetricSubject(sampling_steps.ACCOUNT_SUBJECT, account.id)
    account_overview = load_account_overview(session, services, account)
    latest = {
        name: account_overview.account_metrics.get(name)
        for name in METRICS_BY_SUBJECT[sampling_steps.ACCOUNT_SUBJECT]
    }
    series = read_series(session, services, request, subject)
    return InsightsResult(
        sampling_steps.ACCOUNT_SUBJECT,
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
    names = METRICS_BY_SUBJECT[sampling_steps.VIDEO_SUBJECT]
    if video is None:
        requested_metrics(request, sampling_steps.VIDEO_SUBJECT)
        empty_series = Series((), request.step or default_step(DEFAULT_PERIOD), None)
        return InsightsResult(
            sampling_steps.VIDEO_SUBJECT,
            dict.fromkeys(names),
            empty_series,
            post_id=request.post_id,
        )
    subject = MetricSubject(sampling_steps.VIDEO_SUBJECT, video.id)
    latest_values = MetricSnapshots(session).latest(subject, names)
    posts = VideoQueries(session, user_id=user_id).map_to_posts([video])
    return InsightsResult(
        sampling_steps.VIDEO_SUBJECT,
        {name: latest_values.get(name) for name in names},
        read_series(session, services, request, subject),
        account_id=video.oauth_account_id,
        video=video,
        post_id=request.post_id or posts.get((video.oauth_account_id, video.video_id)),
    )


def read_series(
    session: Session, services: Services, request: InsightsRequest, subject: MetricSubject
) -> Series:
    until = request.until or services.now()
    since = request.since or until - DEFAULT_PERIOD
    if since >= until:
        raise Invalid("an empty span", details={"fields": {"from": "is not before `to`"}})
    metrics = requested_metrics(request, subject.kind)
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


def requested_metrics(request: InsightsRequest, kind: str) -> tuple[str, ...]:
    """Errors: Invalid for a number that things of this kind do not have."""
    if request.metric is None:
        return METRICS_BY_SUBJECT[kind]
    if request.metric not in METRICS_BY_SUBJECT[kind]:
        allowed = ", ".join(METRICS_BY_SUBJECT[kind])
        raise Invalid("no such metric", details={"fields": {"metric": f"one of {allowed}"}})
    return (request.metric,)
