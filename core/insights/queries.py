"""Latest metrics of posts, videos and accounts, for display. Read-only.

A metric that the platform never gave is None, and stays None in every rate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.bootstrap import Services
from core.errors import NotFound
from core.insights.history import list_metrics
from core.insights.sampled_platforms import are_insights_enabled, is_capability_granted
from core.insights.sampling_job import ACCOUNT_SUBJECT
from db.accounts.accounts import Account
from db.insights.schedule import SamplingSchedules
from db.insights.snapshots import MetricSnapshots, MetricSubject, MetricValue
from db.insights.videos import VIDEO_COUNT, VIDEO_METRICS, Video, VideoKey, VideoReader
from db.posts.posts import Post
from db.records.items import find_video_reader, list_video_readers
from db.records.post_records import recorded_public_ids
from db.records.record_table import PostRecord
from db.session import Database, Session
from platforms.publishing import Capability

OptionalCount = int | None


@dataclass(frozen=True)
class VideoMetrics:
    """Metrics of one video, or summed over several.

    `counted_at` is the oldest of the times at which their metrics were fetched.
    """

    views: OptionalCount = None
    likes: OptionalCount = None
    comments: OptionalCount = None
    shares: OptionalCount = None
    video_ids: tuple[str, ...] = ()
    url: str | None = None
    counted_at: datetime | None = None
    missing_since: datetime | None = None  # set if none of them is public any more

    @property
    def engagement(self) -> float | None:
        return engagement_rate(self.views, self.likes, self.comments, self.shares)


@dataclass(frozen=True)
class VideoListPage:
    """A page of videos. `posts`: those we published, with their post ids; `next_before`: cursor."""

    videos: Sequence[Video]
    posts: Mapping[VideoKey, int]
    next_before: int | None


@dataclass(frozen=True)
class SamplingStatus:
    """Whether an account's metrics are read; `problem` is the code of the reason if not."""

    is_sampled: bool
    problem: str | None
    next_sample_at: datetime | None


@dataclass(frozen=True)
class AccountOverview:
    """Metrics of a whole account, and whether it is sampled; `problem` is the code if not."""

    account_metrics: Mapping[str, MetricValue]
    video_totals: Mapping[str, OptionalCount]
    is_sampled: bool
    problem: str | None
    next_sample_at: datetime | None

    @property
    def engagement(self) -> float | None:
        totals = self.video_totals
        return engagement_rate(
            totals["views"], totals["likes"], totals["comments"], totals["shares"]
        )


def engagement_rate(
    views: OptionalCount, likes: OptionalCount, comments: OptionalCount, shares: OptionalCount
) -> float | None:
    """Return likes, comments and shares per view, in per cent with two decimals; 0 without views.

    None if one of the metrics is unknown: a rate of the known ones would be too low.
    """
    if views is None or likes is None or comments is None or shares is None:
        return None
    return round(100 * (likes + comments + shares) / views, 2) if views else 0.0


def sum_videos(videos: Iterable[Video]) -> VideoMetrics | None:
    """Sum the metrics of several videos; None without any video."""
    video_list = list(videos)
    if not video_list:
        return None
    sums = {name: sum_known(getattr(video, name) for video in video_list) for name in VIDEO_METRICS}
    visible = [video for video in video_list if video.missing_since is None]
    return VideoMetrics(
        **sums,
        video_ids=tuple(video.video_id for video in video_list),
        url=(visible or video_list)[0].url,
        counted_at=min(
            (video.counted_at for video in video_list if video.counted_at), default=None
        ),
        missing_since=None
        if visible
        else max(video.missing_since for video in video_list if video.missing_since),
    )


def sum_known(counts: Iterable[OptionalCount]) -> OptionalCount:
    """Sum the counts that are known; None if none is."""
    known_counts = [count for count in counts if count is not None]
    return sum(known_counts) if known_counts else None


def load_post_metrics(
    database: Database, posts: Iterable[tuple[Post, PostRecord | None]], *, user_id: int
) -> dict[int, VideoMetrics]:
    """Load the metrics of posts by post id; posts whose public video is unknown are left out."""
    keys_by_post: dict[int, list[VideoKey]] = {}
    keys_by_provider: dict[str, set[VideoKey]] = {}
    for post, record in posts:
        keys_by_post[post.id] = public_video_keys(post, record)
        keys_by_provider.setdefault(post.provider, set()).update(keys_by_post[post.id])
    videos_by_key: dict[VideoKey, Video] = {}
    with database.transaction() as session:
        for provider, keys in keys_by_provider.items():
            if (reader := find_video_reader(session, provider)) is not None:
                videos_by_key |= reader.get_many(keys, user_id=user_id)
    metrics_by_post = {
        post_id: sum_videos(videos_by_key[key] for key in keys if key in videos_by_key)
        for post_id, keys in keys_by_post.items()
    }
    return {post_id: metrics for post_id, metrics in metrics_by_post.items() if metrics is not None}


def public_video_keys(post: Post, record: PostRecord | None) -> list[VideoKey]:
    """Return the keys of the post's public videos.

    There may be several: a creator can publish a draft more than once.
    """
    if not post.oauth_account_id:
        return []
    recorded_ids = recorded_public_ids(post.provider, record)
    video_ids = dict.fromkeys(filter(None, (*recorded_ids, post.platform_post_id)))
    return [(post.oauth_account_id, video_id) for video_id in video_ids]


def list_videos(
    database: Database,
    provider: str,
    *,
    user_id: int,
    account_id: int | None = None,
    limit: int,
    before: int | None = None,
) -> VideoListPage:
    """List public videos of the user's accounts, newest first, whether we posted them or not.

    Errors: NotFound if the platform has no lists of videos.
    """
    with database.transaction() as session:
        reader = get_video_reader(session, provider)
        videos = reader.list_page(account_id, user_id=user_id, limit=limit + 1, before=before)
        page = videos[:limit]
        return VideoListPage(
            videos=page,
            posts=reader.map_to_posts(page, user_id=user_id),
            next_before=page[-1].id if len(videos) > limit else None,
        )


def get_video_reader(session: Session, provider: str) -> VideoReader:
    """Errors: NotFound if the platform has no lists of videos."""
    reader = find_video_reader(session, provider)
    if reader is None:
        raise NotFound(f"{provider} has no lists of videos")
    return reader


def load_account_overview(
    session: Session, services: Services, account: Account
) -> AccountOverview:
    """Load the overview of an account; the caller has checked that the user owns it.

    Errors: NotFound if its platform has no lists of videos.
    """
    reader = get_video_reader(session, account.provider)
    subject = MetricSubject(ACCOUNT_SUBJECT, account.id, account.provider)
    status = load_sampling_status(session, services, account)
    return AccountOverview(
        account_metrics=MetricSnapshots(session).latest(subject, list_metrics(subject)),
        video_totals=reader.sum_metrics(account.id, user_id=account.user_id),
        is_sampled=status.is_sampled,
        problem=status.problem,
        next_sample_at=status.next_sample_at,
    )


def load_sampling_status(
    session: Session, services: Services, account: Account, destination_id: int | None = None
) -> SamplingStatus:
    """Load whether the metrics of an account are read, and if not, why."""
    schedule = SamplingSchedules(session).get_by_account(account.id, destination_id)
    is_allowed = is_capability_granted(account, Capability.INSIGHTS)
    is_enabled = is_allowed and are_insights_enabled(services, account.provider)
    problem = schedule.problem if schedule else None
    if not problem and not is_allowed:
        problem = "scope_not_authorized"
    return SamplingStatus(
        is_sampled=is_enabled and schedule is not None and schedule.due_at is not None,
        problem=problem,
        next_sample_at=schedule.due_at if schedule and is_enabled else None,
    )


def load_video_totals(
    database: Database, *, user_id: int, account_id: int | None = None
) -> dict[str, OptionalCount]:
    """Sum views, likes, comments, shares and videos over a user's accounts, or of one account."""
    with database.transaction() as session:
        totals = [
            reader.sum_metrics(account_id, user_id=user_id)
            for reader in list_video_readers(session)
        ]
    return {
        name: sum_known(total[name] for total in totals) for name in (VIDEO_COUNT, *VIDEO_METRICS)
    }
