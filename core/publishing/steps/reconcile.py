"""Step `reconcile`: find out what became of a start whose response was lost. Nothing is sent again.

A later webhook of the same creator may name the publication, or the public video list may show it.
Without either the post fails as unknown after a day, and a person may retry it, warned of the risk.

A public video is matched by publish time, caption and duration; if two videos or two posts fit,
none is matched. `recheck_posts_without_video_id` polls published posts again whose video id is not
known yet.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.bootstrap import Services
from core.outcomes import IMMEDIATELY, Reschedule
from core.post_state.changes import ChangeSet
from core.post_state.settle import DAY, PostState
from core.post_state.transitions import apply_update, end_post, move_one_post, move_post
from core.publishing.preflight import load_video_duration
from core.publishing.step import Step
from core.publishing.steps.poll import poll_later, time_since_start
from db.insights.schedule import SamplingSchedules
from db.insights.videos import Video
from db.posts.posts import Post
from db.posts.reconciliation import RecheckBand, Reconciliation
from db.posts.tiktok_posts import TikTokPosts
from db.records.tiktok_video_reader import list_unmatched_videos
from db.session import Database, Session
from platforms.base import Phase, PublishProgress

MATCHABLE_KIND = "DIRECT_VIDEO"  # the caption of a draft is written by its creator
PUBLIC_PRIVACY_LEVEL = "PUBLIC_TO_EVERYONE"
PUBLISHED_STATUS = "PUBLISH_COMPLETE"
VIDEO_LIST_SOURCE = "video list"  # the source of a progress report made from a public video

CLOCK_TOLERANCE = timedelta(seconds=30)  # a report may seem to be this much older than the start
COMPETITION_WINDOW = 7 * DAY  # how long a post may take to become public
DURATION_TOLERANCE = timedelta(seconds=1.5)  # TikTok reports whole seconds
MIN_CUT_CAPTION_CHARS = 75
"""Shortest cut caption that is compared. TikTok shows 150 characters of a caption, perhaps counted
in UTF-16 units.
"""

RECHECK_BANDS = (
    RecheckBand(published_within=timedelta(hours=1), quiet_for=timedelta(minutes=5)),
    RecheckBand(published_within=DAY, quiet_for=timedelta(hours=1)),
    RecheckBand(published_within=7 * DAY, quiet_for=timedelta(hours=6)),
)
"""When to poll for a missing video id. Moderation may take hours."""

MAX_RECHECKED_POSTS = 500  # made due in one run; the next run, a minute later, continues


@dataclass(frozen=True)
class ReconcileJob:
    publish_id: str | None


@dataclass(frozen=True)
class ReconcileResult:
    publish_id: str | None
    jitter: float


class ReconcileStep(Step[ReconcileJob, ReconcileResult]):
    """Look for the publication of a start whose response was lost."""

    def prepare(self, session: Session, post: Post) -> ReconcileJob:
        move_one_post(session, post, PostState.UNCONFIRMED, note="the answer to the start was lost")
        if post.oauth_account_id is not None:
            SamplingSchedules(session).request_listing_for(post.oauth_account_id)
        return ReconcileJob(find_unmatched_publish_id(session, post))

    def execute(self, job: ReconcileJob, services: Services) -> ReconcileResult:
        return ReconcileResult(job.publish_id, services.jitter())

    def record(self, changes: ChangeSet, post: Post, outcome: ReconcileResult) -> Reschedule:
        publish_id = outcome.publish_id
        if publish_id is not None and publish_id == find_unmatched_publish_id(
            changes.session, post
        ):
            return adopt_publish_id(changes, post, publish_id)
        if (video := match_video(changes.session, post)) is not None:
            return adopt_video(changes, post, video)
        if time_since_start(post, changes.at) >= DAY:
            end_post(changes, post, PostState.FAILED, "outcome_unknown")
            return Reschedule(None)
        return poll_later(changes, post, jitter=outcome.jitter)


def find_unmatched_publish_id(session: Session, post: Post) -> str | None:
    """The publish_id that webhooks reported and that can only be this post's.

    None if no such id is without a post, or several are, or another start is unconfirmed too.
    """
    reconciliation = Reconciliation(session)
    since = (post.started_at or post.created_at) - CLOCK_TOLERANCE
    unmatched_ids = reconciliation.list_unmatched_publications(post, since=since)
    if len(unmatched_ids) != 1 or reconciliation.has_other_unconfirmed(post):
        return None
    return unmatched_ids[0]


def adopt_publish_id(changes: ChangeSet, post: Post, publish_id: str) -> Reschedule:
    post.publish_id, post.step = publish_id, Phase.PROCESSING
    changes.add_timeline_entry(post, "found", note=publish_id)
    move_post(changes, post, PostState.PROCESSING, note="a webhook named it")
    TikTokPosts(changes.session).create(post)
    return Reschedule(IMMEDIATELY)


def adopt_video(changes: ChangeSet, post: Post, video: Video) -> Reschedule:
    """The post is public. It needs no publish_id; a webhook that names it is matched later."""
    changes.add_timeline_entry(post, "found", note=video.video_id)
    post.permalink = video.url
    apply_update(changes, post, progress_from_video(video), source=VIDEO_LIST_SOURCE)
    return Reschedule(None)


def progress_from_video(video: Video) -> PublishProgress:
    """A public video as a progress report: it is published."""
    return PublishProgress(
        Phase.PUBLISHED, PUBLISHED_STATUS, post_ids=(video.video_id,), is_public=True
    )


def match_video(session: Session, post: Post) -> Video | None:
    """The public video that can only be this post; None if none or several fit."""
    if not is_searchable(post):
        return None
    started_at = post.started_at or post.created_at
    competing_posts = Reconciliation(session).list_competing_posts(
        post, since=started_at - COMPETITION_WINDOW
    )
    if any(
        is_same_caption(other.title, post.title) or is_same_caption(post.title, other.title)
        for other in competing_posts
    ):
        return None
    duration = load_video_duration(session, post)
    videos = list_unmatched_videos(
        session,
        post.oauth_account_id,
        since=started_at - CLOCK_TOLERANCE,
        until=started_at + DAY,
    )
    matches = [video for video in videos if is_match(video, post, duration)]
    return matches[0] if len(matches) == 1 else None


def is_searchable(post: Post) -> bool:
    """Whether the post becomes a public video with our caption."""
    settings = post.payload_json.get("settings", {})
    is_public = settings.get("privacy_level") == PUBLIC_PRIVACY_LEVEL
    return post.kind == MATCHABLE_KIND and is_public and bool(post.title.strip())


def is_match(video: Video, post: Post, duration: timedelta | None) -> bool:
    return (
        video.missing_since is None
        and is_same_caption(post.title, video.title or "")
        and is_same_duration(video.duration_seconds, duration)
    )


def is_same_duration(video_seconds: int | None, duration: timedelta | None) -> bool:
    """True also if either duration is unknown."""
    return (
        video_seconds is None
        or duration is None
        or abs(timedelta(seconds=video_seconds) - duration) <= DURATION_TOLERANCE
    )


def is_same_caption(post_title: str, video_title: str) -> bool:
    """Whether the video has the post's caption, or the beginning of it; white space is ignored."""
    post_caption = " ".join(post_title.split())
    video_caption = " ".join(video_title.split())
    is_cut = len(video_caption) >= MIN_CUT_CAPTION_CHARS and post_caption.startswith(video_caption)
    return is_cut or video_caption == post_caption


def recheck_posts_without_video_id(database: Database) -> int:
    """Make published posts without a video id due for a poll; returns how many."""
    with database.transaction() as session:
        return Reconciliation(session).schedule_video_id_recheck(
            RECHECK_BANDS, privacy=PUBLIC_PRIVACY_LEVEL, limit=MAX_RECHECKED_POSTS
        )
