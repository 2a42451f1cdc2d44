"""One question about an account's numbers: which, with what token, and what came of it.

Values and the choice of what is asked next. Must not ask by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.accounts.tokens import AccessToken
from core.accounts.view import FEATURE_SCOPES
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
from db.session import Session, database_now
from platforms.insights_base import Insights, MetricCounts, PlatformVideo, VideoPage
from platforms.secret import Secret

ANALYTICS_SCOPES = {
    provider: features["analytics"]
    for provider, features in FEATURE_SCOPES.items()
    if "analytics" in features
}
"""Without this one of its platform nobody is sampled."""

MAX_VIDEOS_PER_REQUEST = 20  # videos a question
DUE_LOOKAHEAD = timedelta(minutes=2)  # what falls due so soon is asked for as well

INSIGHTS_OFF = "insights are off"


@dataclass(frozen=True)
class SamplingJob:
    step: str
    access_token: AccessToken
    provider: str
    scopes: tuple[str, ...]
    cursor: int | None = None
    video_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepAnswer:
    """`value` is what the platform said, in the shape of the step; None after a rest."""

    job: SamplingJob
    value: Any
    jitter: float


@dataclass(frozen=True)
class SamplingDenied:
    """The platform does not let us ask this, whatever it said when the account was connected."""

    job: SamplingJob
    code: str


@dataclass(frozen=True)
class TokenRefused:
    access_token: AccessToken


def next_sampling_job(
    session: Session, watch: SamplingSchedule, account: Account, access_token: AccessToken
) -> SamplingJob:
    """What is due of this account; a step called `rest` if nothing is."""
    at = database_now(session)
    step = next_due_step(session, watch, at)
    video_ids: tuple[str, ...] = ()
    if step == "counting":
        video_ids = tuple(
            Videos(session).list_due(
                account.id, until=at + DUE_LOOKAHEAD, limit=MAX_VIDEOS_PER_REQUEST
            )
        )
    scopes = tuple(scope.strip() for scope in account.scope.split(","))
    return SamplingJob(step, access_token, account.provider, scopes, watch.list_cursor, video_ids)


def next_due_step(session: Session, watch: SamplingSchedule, at: datetime) -> str:
    """New videos first: a page of the list has their numbers as well."""
    times = {
        "listing": watch.list_due_at,
        "counting": Videos(session).next_due_at(watch.oauth_account_id),
        "totals": watch.totals_due_at,
    }
    return next((step for step, time in times.items() if time is not None and time <= at), "rest")


def enabled_platforms(services: Services) -> dict[str, bool]:
    """Provider → whether this installation wants its numbers."""
    return {"tiktok": services.settings.tiktok.insights_enabled}


def find_insights_adapter(services: Services, provider: str) -> Insights:
    """Errors: Held while numbers of this platform are switched off."""
    platform = services.platforms.get(provider)
    if (
        platform is None
        or platform.insights is None
        or not enabled_platforms(services).get(provider)
    ):
        raise Park(INSIGHTS_OFF)
    return platform.insights


# MERGED core.insights.seen: Videos that an answer showed, written down: themselves, their numbers, and when to ask again.

VIDEO_SUBJECT = "video"  # as history calls them


def store_videos(
    session: Session, account: Account, videos: Sequence[PlatformVideo], *, jitter: float
) -> bool:
    """Whether one of them is new to us. A number that was not told leaves no trace."""
    videos_by_id = {video.id: video for video in videos}
    rows = Videos(session).upsert([video_row(account, video) for video in videos_by_id.values()])
    metrics_by_subject = {
        MetricSubject(VIDEO_SUBJECT, stored.id, account.provider): video_metrics(
            videos_by_id[stored.video_id]
        )
        for stored in rows
    }
    stored_count = MetricSnapshots(session).add(metrics_by_subject)
    metrics.with_labels(metrics.INSIGHTS_ITEMS, account.provider, VIDEO_SUBJECT, "kept").inc(
        stored_count
    )
    at = database_now(session)
    Videos(session).schedule_next(
        {stored.id: next_sample_delay(at - stored.posted_at, jitter=jitter) for stored in rows}
    )
    return any(stored.is_new for stored in rows)


def video_metrics(video: PlatformVideo) -> dict[str, int]:
    return {name: value for name, value in video.counts.items() if name in VIDEO_METRICS}


def video_row(account: Account, video: PlatformVideo) -> dict[str, Any]:
    duration = video.duration and int(video.duration.total_seconds())
    return {
        "oauth_account_id": account.id,
        "user_id": account.user_id,
        "video_id": video.id,
        "title": video.title,
        "url": video.url,
        "duration_seconds": duration,
        "posted_at": video.posted_at,
        **{name: video.counts.get(name) for name in VIDEO_METRICS},
    }


# MERGED core.insights.listing: A page of the list of public videos: new ones are found, and its numbers are kept.
#
# The first look reads the list to its end, a page a claim; later ones end where nothing is new.


def fetch_video_page(insights: Insights, token: Secret, job: SamplingJob) -> VideoPage:
    return insights.fetch_video_page(token, job.scopes, cursor=job.cursor)


def record_video_page(
    session: Session, watch: SamplingSchedule, account: Account, answer: StepAnswer
) -> None:
    page: VideoPage = answer.value
    has_new_videos = store_videos(session, account, page.videos, jitter=answer.jitter)
    at = database_now(session)
    if answer.job.cursor is None:
        watch.listed_at = at
    if has_next_page(page, answer.job.cursor) and (has_new_videos or not watch.is_whole):
        watch.list_cursor, watch.list_due_at = page.next_cursor, at
        return
    watch.list_cursor, watch.is_whole = None, True
    watch.list_due_at = at + next_sample_delay(
        at - last_publication_time(session, watch), jitter=answer.jitter
    )


def has_next_page(page: VideoPage, requested_cursor: int | None) -> bool:
    """A platform that sends us where we are already would keep us there for ever."""
    return page.next_cursor is not None and (
        requested_cursor is None or page.next_cursor < requested_cursor
    )


def last_publication_time(session: Session, watch: SamplingSchedule) -> datetime:
    """When anything last appeared here: of what we published the platform may be slow to tell."""
    times = (
        Videos(session).newest_posted_at(watch.oauth_account_id),
        SamplingSchedules(session).last_published_at(watch.oauth_account_id),
    )
    return max((time for time in times if time is not None), default=watch.created_at)


# MERGED core.insights.counting: The numbers of videos we know, up to twenty at a time. What is not shown any more is said so.


def fetch_known_videos(
    insights: Insights, token: Secret, job: SamplingJob
) -> tuple[PlatformVideo, ...]:
    return insights.fetch_videos(token, job.scopes, ids=job.video_ids)


def record_known_videos(
    session: Session, _watch: SamplingSchedule, account: Account, answer: StepAnswer
) -> None:
    """What was asked for and not answered keeps its last numbers: nothing new is known of them."""
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
    if not video_ids:
        return
    at = database_now(session)
    missing_videos = Videos(session).mark_missing(account.id, video_ids)
    delays = {
        video.id: next_missing_check_delay(at - (video.missing_since or at), jitter=jitter)
        for video in missing_videos
    }
    Videos(session).schedule_next(
        {row: delay for row, delay in delays.items() if delay is not None}
    )
    metrics.with_labels(metrics.INSIGHTS_ITEMS, account.provider, VIDEO_SUBJECT, "missing").inc(
        len(missing_videos)
    )


# MERGED core.insights.totals: The numbers of an account as a whole: followers, likes, videos.

ACCOUNT_SUBJECT = "account"  # as history calls them
ACCOUNT_METRICS = ("followers", "following", "likes", "videos")


def fetch_account_totals(insights: Insights, token: Secret, job: SamplingJob) -> MetricCounts:
    return insights.fetch_account_totals(token, job.scopes)


def record_account_totals(
    session: Session, watch: SamplingSchedule, account: Account, answer: StepAnswer
) -> None:
    account_metrics = {
        name: value for name, value in answer.value.items() if name in ACCOUNT_METRICS
    }
    stored_count = MetricSnapshots(session).add(
        {MetricSubject(ACCOUNT_SUBJECT, account.id, account.provider): account_metrics}
    )
    metrics.with_labels(metrics.INSIGHTS_ITEMS, account.provider, ACCOUNT_SUBJECT, "kept").inc(
        stored_count
    )
    watch.totals_due_at = database_now(session) + with_jitter(
        TOTALS_INTERVAL, jitter=answer.jitter, share=JITTER_SHARE
    )
