"""The numbers of one account over some days: each metric with its history, and its best posts.

The caller has checked that the user owns the account. What a platform never gave is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.bootstrap import Services
from core.insights.queries import SamplingStatus, engagement_rate, load_sampling_status
from core.insights.sampling_job import ACCOUNT_SUBJECT, DESTINATION_SUBJECT
from core.insights.view_history import ViewPeriod
from db.accounts.accounts import Accounts
from db.insights.snapshots import (
    MetricSnapshots,
    MetricSubject,
    MetricValue,
    SampledSubject,
    list_last_values,
)
from db.records.items import find_item_reader, find_video_reader
from db.session import Database, Session
from platforms.registry import PLATFORMS

LISTED_POSTS = 100  # newest posts among which the best are looked for
BEST_POSTS = 10
POST_METRICS = ("views", "likes", "comments", "shares")


@dataclass(frozen=True)
class MetricHistory:
    """The last value of a metric, the last one before the period, and the last one of each day."""

    name: str
    latest: MetricValue | None
    earlier: int | None
    days: Sequence[tuple[date, int | None]]

    @property
    def change(self) -> int | None:
        """How much it has changed since the period began."""
        if self.latest is None or self.earlier is None:
            return None
        return self.latest.value - self.earlier


@dataclass(frozen=True)
class PublicPost:
    """A public post with its latest numbers. `post_id`: if it is one of ours."""

    id: int
    title: str | None
    url: str | None
    posted_at: datetime | None
    post_id: int | None
    counts: Mapping[str, int | None]
    missing_since: datetime | None

    @property
    def engagement(self) -> float | None:
        return engagement_rate(*(self.counts.get(name) for name in POST_METRICS))


@dataclass(frozen=True)
class AccountNumbers:
    metrics: Sequence[MetricHistory]
    posts: Sequence[PublicPost]
    status: SamplingStatus | None
    last_sample_at: datetime | None


def load_account_numbers(
    database: Database, services: Services, period: ViewPeriod, *, user_id: int
) -> AccountNumbers:
    """Load the numbers of the account that the period names."""
    provider, rules = str(period.provider), PLATFORMS[str(period.provider)].sampling
    with database.transaction() as session:
        login = Accounts(session).get(period.account_id or 0)
        status = (
            load_sampling_status(session, services, login, period.destination_id)
            if login is not None and rules is not None
            else None
        )
        metrics = load_histories(session, period, rules.account_metrics) if rules else []
        posts = list_public_posts(session, provider, period, user_id=user_id)
    times = [history.latest.at for history in metrics if history.latest is not None]
    return AccountNumbers(metrics, select_best(posts, period), status, max(times, default=None))


def load_histories(
    session: Session, period: ViewPeriod, names: Sequence[str]
) -> list[MetricHistory]:
    """Load the history of each metric of the account."""
    subject = find_subject(period)
    latest = MetricSnapshots(session).latest(subject, names)
    bounds = period.list_bounds()
    days = period.list_days()
    middle = len(days) // 2
    histories = []
    for name in names:
        sampled = SampledSubject(subject.kind, subject.id)
        values = list_last_values(session, [sampled], name, bounds=bounds)
        by_day = {value.begins: value.value for value in values}
        starts = bounds[1:-1]
        earlier = [by_day[start] for start in (bounds[0], *starts[:middle]) if start in by_day]
        histories.append(
            MetricHistory(
                name,
                latest.get(name),
                earlier[-1] if earlier else None,
                [
                    (day, by_day.get(start))
                    for day, start in zip(days[middle:], starts[middle:], strict=True)
                ],
            )
        )
    return histories


def find_subject(period: ViewPeriod) -> MetricSubject:
    provider = str(period.provider)
    if period.destination_id is not None:
        return MetricSubject(DESTINATION_SUBJECT, period.destination_id, provider)
    return MetricSubject(ACCOUNT_SUBJECT, period.account_id or 0, provider)


def list_public_posts(
    session: Session, provider: str, period: ViewPeriod, *, user_id: int
) -> list[PublicPost]:
    """List the newest public posts of the account, whether we posted them or not."""
    videos = find_video_reader(session, provider)
    if videos is not None:
        rows = videos.list_page(period.account_id, user_id=user_id, limit=LISTED_POSTS, before=None)
        own = videos.map_to_posts(rows, user_id=user_id)
        return [
            PublicPost(
                row.id,
                row.title,
                row.url,
                row.posted_at,
                own.get(row.key),
                {name: getattr(row, name) for name in POST_METRICS},
                row.missing_since,
            )
            for row in rows
        ]
    items = find_item_reader(session, provider)
    if items is None:
        return []
    listed = items.list_page(
        user_id=user_id, destination_id=period.destination_id, limit=LISTED_POSTS, before=None
    )
    return [
        PublicPost(
            item.id,
            item.text,
            item.url,
            item.posted_at,
            item.post_id,
            {name: item.counts.get(name) for name in POST_METRICS},
            item.missing_since,
        )
        for item in listed
    ]


def select_best(posts: Sequence[PublicPost], period: ViewPeriod) -> list[PublicPost]:
    """Return the posts of the period with the most views; those without a number come last."""
    days = period.list_days()
    first, last = days[len(days) // 2], days[-1]
    recent = [
        post
        for post in posts
        if post.posted_at is not None
        and first <= post.posted_at.astimezone(period.zone).date() <= last
    ]
    return sorted(recent, key=lambda post: post.counts["views"] or -1, reverse=True)[:BEST_POSTS]
