"""The steps of sampling an account: list its videos, count known videos, fetch its totals.

Each step has a function that fetches from the platform and one that records the response. The
first listing reads the whole list of public videos, one page per claim; later listings stop at the
first page without a new video. Known videos are queried up to twenty at a time, and videos that
the platform no longer returns are marked as missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.accounts.tokens import AccessToken
from core.backoff import with_jitter
from core.bootstrap import Services
from core.insights.sampling_schedule import (
    JITTER_SHARE,
    TOTALS_INTERVAL,
    next_missing_check_delay,
    next_sample_delay,
)
from core.observability import metrics
from core.outcomes import Park
from db.accounts.accounts import Account
from db.insights.schedule import SamplingSchedule, SamplingSchedules
from db.insights.snapshots import MetricSnapshots, MetricSubject
from db.insights.videos import VIDEO_METRICS, Videos
from db.records.destinations import DESTINATION_STORES
from db.session import Session, database_now
from platforms.insights_base import AccountAccess, Insights, ItemPage, MetricCounts, PublicItem
from platforms.publishing import Capability
from platforms.registry import PLATFORMS

ANALYTICS_SCOPES = {
    name: scope
    for name, platform in PLATFORMS.items()
    if name not in DESTINATION_STORES
    for rules in platform.flows.values()
    for scope in rules.scopes.get(Capability.INSIGHTS, ())
}
"""Platform whose logins are sampled → the scope that sampling requires."""

LISTING = "listing"
COUNTING = "counting"
TOTALS = "totals"
NOTHING_DUE = "nothing due"
"""Steps. The first three are also labels of metrics."""

VIDEO_SUBJECT = "video"
ACCOUNT_SUBJECT = "account"
"""Kinds of subjects of metric snapshots."""

ACCOUNT_METRICS = ("followers", "following", "likes", "videos")
MAX_VIDEOS_PER_REQUEST = 20
DUE_LOOKAHEAD = timedelta(minutes=2)
"""Videos that fall due within this time are queried in the same request."""

INSIGHTS_OFF = "insights are off"


@dataclass(frozen=True)
class SamplingJob:
    """One request to the platform, or none if the step is `NOTHING_DUE`."""

    step: str
    access_token: AccessToken
    provider: str
    scopes: tuple[str, ...]
    cursor: str | None = None
    video_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepAnswer:
    """The platform's response; the type of `value` depends on the step, None if nothing was due."""

    job: SamplingJob
    value: Any
    jitter: float


@dataclass(frozen=True)
class SamplingDenied:
    """The platform refused the request for lack of a permission, although the scope was granted."""

    job: SamplingJob
    code: str


@dataclass(frozen=True)
class TokenRefused:
    access_token: AccessToken


def next_sampling_job(
    session: Session, schedule: SamplingSchedule, account: Account, access_token: AccessToken
) -> SamplingJob:
    """Build the job of the step that is due for this account."""
    at = database_now(session)
    step = next_due_step(session, schedule, at)
    video_ids: tuple[str, ...] = ()
    if step == COUNTING:
        video_ids = tuple(
            Videos(session).list_due(
                account.id, until=at + DUE_LOOKAHEAD, limit=MAX_VIDEOS_PER_REQUEST
            )
        )
    scopes = tuple(scope.strip() for scope in account.scope.split(","))
    cursor = None if schedule.list_cursor is None else str(schedule.list_cursor)
    return SamplingJob(step, access_token, account.provider, scopes, cursor, video_ids)


def next_due_step(session: Session, schedule: SamplingSchedule, at: datetime) -> str:
    """Return the first step that is due. Listing comes first: its pages contain metrics as well."""
    due_times = {
        LISTING: schedule.list_due_at,
        COUNTING: Videos(session).next_due_at(schedule.oauth_account_id),
        TOTALS: schedule.totals_due_at,
    }
    for step, due_at in due_times.items():
        if due_at is not None and due_at <= at:
            return step
    return NOTHING_DUE


def enabled_platforms(services: Services) -> dict[str, bool]:
    """Platform → whether its insights are switched on in the settings."""
    return {"tiktok": services.settings.of_platform("tiktok").insights_enabled}


def find_insights_adapter(services: Services, provider: str) -> Insights:
    """Return the platform's insights adapter. Errors: Park while its insights are switched off."""
    platform = services.adapters.get(provider)
    if (
        platform is None
        or platform.insights is None
        or not enabled_platforms(services).get(provider)
    ):
        raise Park(INSIGHTS_OFF)
    return platform.insights


def store_videos(
    session: Session, account: Account, videos: Sequence[PublicItem], *, jitter: float
) -> bool:
    """Store videos of a response with their metrics, and schedule their next samples.

    Return whether one of them is new. Metrics that the response leaves out are not stored.
    """
    videos_by_id = {video.id: video for video in videos}
    rows = Videos(session).upsert([video_row(account, video) for video in videos_by_id.values()])
    metrics_by_subject = {
        MetricSubject(VIDEO_SUBJECT, row.id, account.provider): video_metrics(
            videos_by_id[row.video_id]
        )
        for row in rows
    }
    stored_count = MetricSnapshots(session).add(metrics_by_subject)
    metrics.with_labels(metrics.INSIGHTS_ITEMS, account.provider, VIDEO_SUBJECT, "kept").inc(
        stored_count
    )
    at = database_now(session)
    Videos(session).schedule_next(
        {row.id: next_sample_delay(at - row.posted_at, jitter=jitter) for row in rows}
    )
    return any(row.is_new for row in rows)


def video_metrics(video: PublicItem) -> dict[str, int]:
    return {name: value for name, value in video.counts.items() if name in VIDEO_METRICS}


def video_row(account: Account, video: PublicItem) -> dict[str, Any]:
    return {
        "oauth_account_id": account.id,
        "user_id": account.user_id,
        "video_id": video.id,
        "title": video.text,
        "url": video.url,
        "duration_seconds": duration_seconds(video),
        "posted_at": video.posted_at,
        **{name: video.counts.get(name) for name in VIDEO_METRICS},
    }


def duration_seconds(video: PublicItem) -> int | None:
    return None if video.duration is None else int(video.duration.total_seconds())


def fetch_video_page(insights: Insights, access: AccountAccess, job: SamplingJob) -> ItemPage:
    return insights.fetch_item_page(access, cursor=job.cursor)


def record_video_page(
    session: Session, schedule: SamplingSchedule, account: Account, answer: StepAnswer
) -> None:
    """Store the videos of a page, and schedule the next page or the next listing."""
    page: ItemPage = answer.value
    has_new_videos = store_videos(session, account, page.items, jitter=answer.jitter)
    at = database_now(session)
    if answer.job.cursor is None:
        schedule.listed_at = at
    if page.next_cursor is not None and (has_new_videos or not schedule.is_whole):
        schedule.list_cursor = int(page.next_cursor)
        schedule.list_due_at = at
        return
    schedule.list_cursor = None
    schedule.is_whole = True
    schedule.list_due_at = at + next_sample_delay(
        at - last_publication_time(session, schedule), jitter=answer.jitter
    )


def last_publication_time(session: Session, schedule: SamplingSchedule) -> datetime:
    """Return when a video last appeared, by the list or by our own posts, whichever is later.

    The platform may list what we published only after a while.
    """
    times = (
        Videos(session).newest_posted_at(schedule.oauth_account_id),
        SamplingSchedules(session).last_published_at(schedule.oauth_account_id),
    )
    return max((time for time in times if time is not None), default=schedule.created_at)


def fetch_known_videos(
    insights: Insights, access: AccountAccess, job: SamplingJob
) -> tuple[PublicItem, ...]:
    return insights.fetch_items(access, ids=job.video_ids)


def record_known_videos(
    session: Session, _schedule: SamplingSchedule, account: Account, answer: StepAnswer
) -> None:
    """Store the returned videos and mark the others as missing; those keep their last metrics."""
    requested_ids = set(answer.job.video_ids)
    returned_videos = [video for video in answer.value if video.id in requested_ids]
    store_videos(session, account, returned_videos, jitter=answer.jitter)
    mark_missing_videos(
        session,
        account,
        requested_ids - {video.id for video in returned_videos},
        jitter=answer.jitter,
    )


def mark_missing_videos(
    session: Session, account: Account, video_ids: set[str], *, jitter: float
) -> None:
    """Mark these videos as missing and schedule when to query them again, if at all."""
    if not video_ids:
        return
    at = database_now(session)
    missing_videos = Videos(session).mark_missing(account.id, video_ids)
    delays = {
        video.id: next_missing_check_delay(at - (video.missing_since or at), jitter=jitter)
        for video in missing_videos
    }
    Videos(session).schedule_next(
        {video_row_id: delay for video_row_id, delay in delays.items() if delay is not None}
    )
    metrics.with_labels(metrics.INSIGHTS_ITEMS, account.provider, VIDEO_SUBJECT, "missing").inc(
        len(missing_videos)
    )


def fetch_account_totals(
    insights: Insights, access: AccountAccess, _job: SamplingJob
) -> MetricCounts:
    return insights.fetch_account_totals(access)


def record_account_totals(
    session: Session, schedule: SamplingSchedule, account: Account, answer: StepAnswer
) -> None:
    """Store the totals of the account and schedule the next request for them."""
    account_metrics = {
        name: value for name, value in answer.value.items() if name in ACCOUNT_METRICS
    }
    stored_count = MetricSnapshots(session).add(
        {MetricSubject(ACCOUNT_SUBJECT, account.id, account.provider): account_metrics}
    )
    metrics.with_labels(metrics.INSIGHTS_ITEMS, account.provider, ACCOUNT_SUBJECT, "kept").inc(
        stored_count
    )
    schedule.totals_due_at = database_now(session) + with_jitter(
        TOTALS_INTERVAL, jitter=answer.jitter, share=JITTER_SHARE
    )
