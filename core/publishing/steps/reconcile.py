"""A public video that can only be the post whose start was never answered; None in any doubt.

Told by when it appeared, what is written under it and how long it lasts. Never a guess: a second
video like it, or a second post that it may be, and it is nobody's.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.bootstrap import Services
from core.outcomes import IMMEDIATELY, Reschedule
from core.post_state.changes import ChangeSet
from core.post_state.settle import DAY, PostState
from core.post_state.transitions import apply_update, end_post, move_one_post, move_post
from core.publishing.steps.poll import poll_later, time_since_start
from db.insights.schedule import SamplingSchedules
from db.insights.videos import Video
from db.media.files import MediaFiles
from db.posts.posts import Post
from db.posts.reconciliation import PostsWithoutVideoId, UnconfirmedStarts
from db.session import Database, Session
from platforms.base import Phase, PublishProgress

MATCHABLE_KIND, PUBLIC_PRIVACY_LEVEL = (
    "DIRECT_VIDEO",
    "PUBLIC_TO_EVERYONE",
)  # of a draft its creator writes the caption
CLOCK_TOLERANCE = timedelta(seconds=30)  # by which the news may seem to be older than the start
RIVAL_WINDOW = 7 * DAY  # how long a post may take to appear
MIN_CUT_CAPTION_CHARS = (
    75  # characters: TikTok shows 150 of a caption, perhaps as UTF-16 counts them
)
DURATION_TOLERANCE = timedelta(seconds=1.5)  # TikTok tells whole seconds
PUBLISHED_STATUS = "PUBLISH_COMPLETE"


def match_video(session: Session, post: Post) -> Video | None:
    if not is_searchable(post):
        return None
    lost_starts, started_at = UnconfirmedStarts(session), post.started_at or post.created_at
    rivals = lost_starts.list_competing_posts(post, since=started_at - RIVAL_WINDOW)
    if any(
        is_same_caption(rival.title, post.title) or is_same_caption(post.title, rival.title)
        for rival in rivals
    ):
        return None
    duration = media_duration(session, post)
    videos = lost_starts.list_unmatched_videos(
        post, since=started_at - CLOCK_TOLERANCE, until=started_at + DAY
    )
    matches = [video for video in videos if is_match(video, post, duration)]
    return matches[0] if len(matches) == 1 else None


def is_searchable(post: Post) -> bool:
    """Whether the public will see it, under a caption of ours."""
    settings = post.payload_json.get("settings", {})
    is_public = settings.get("privacy_level") == PUBLIC_PRIVACY_LEVEL
    return post.kind == MATCHABLE_KIND and is_public and bool(post.title.strip())


def is_match(video: Video, post: Post, duration: timedelta | None) -> bool:
    return (
        video.missing_since is None
        and is_same_caption(post.title, video.title or "")
        and is_same_duration(video.duration_seconds, duration)
    )


def is_same_duration(shown_seconds: int | None, duration: timedelta | None) -> bool:
    """Where one of both is unknown, the other proves nothing."""
    return (
        shown_seconds is None
        or duration is None
        or abs(timedelta(seconds=shown_seconds) - duration) <= DURATION_TOLERANCE
    )


def is_same_caption(ours: str, shown: str) -> bool:
    """The same caption, which may be shown cut."""
    our_caption, shown_caption = " ".join(ours.split()), " ".join(shown.split())
    return shown_caption == our_caption or (
        len(shown_caption) >= MIN_CUT_CAPTION_CHARS and our_caption.startswith(shown_caption)
    )


def media_duration(session: Session, post: Post) -> timedelta | None:
    """Of the film, where it is with us."""
    media = MediaFiles(session).get(post.media_id)
    milliseconds = (media.probe or {}).get("duration_ms") if media else None
    return timedelta(milliseconds=milliseconds) if isinstance(milliseconds, int | float) else None


def progress_from_video(video: Video) -> PublishProgress:
    """The same as news: a video that the public sees is published."""
    return PublishProgress(
        Phase.PUBLISHED, PUBLISHED_STATUS, post_ids=(video.video_id,), is_public=True
    )


# MERGED core.posts.reconcile: A start whose answer was lost and that may run at the platform: find out, never send again.
#
# A later webhook of the same creator names the publication, or the list of public videos shows it;
# without either the post ends as unknown after a day, and a person may retry it, with the risk named.
# Also: a post that is published, and of which nobody has told its id, is asked about again.

VIDEO_LIST_SOURCE = "video list"  # the mouth that brings news of what the public sees

RECHECK_BANDS = (
    (timedelta(hours=1), timedelta(minutes=5)),
    (DAY, timedelta(hours=1)),
    (7 * DAY, timedelta(hours=6)),
)
"""Published so lately, and not heard of for so long: moderation may take hours."""

MAX_WOKEN_POSTS = 500  # posts woken at once; the rest a minute later


@dataclass(frozen=True)
class ReconcileJob:
    publish_id: str | None


@dataclass(frozen=True)
class ReconcileResult:
    publish_id: str | None
    jitter: float


def prepare(session: Session, post: Post) -> ReconcileJob:
    move_one_post(session, post, PostState.UNCONFIRMED, note="the answer to the start was lost")
    if post.oauth_account_id is not None:
        SamplingSchedules(session).request_listing_for(post.oauth_account_id)
    return ReconcileJob(find_unmatched_publish_id(session, post))


def find_unmatched_publish_id(session: Session, post: Post) -> str | None:
    """The one publication we were told of and cannot place, if this is the one start we miss."""
    since = (post.started_at or post.created_at) - CLOCK_TOLERANCE
    unmatched_ids = UnconfirmedStarts(session).list_unmatched_publications(post, since=since)
    if len(unmatched_ids) != 1 or UnconfirmedStarts(session).has_other_unconfirmed(post):
        return None
    return unmatched_ids[0]


def execute(job: ReconcileJob, services: Services) -> ReconcileResult:
    return ReconcileResult(job.publish_id, services.jitter())


def record(changes: ChangeSet, post: Post, outcome: ReconcileResult) -> Reschedule:
    if outcome.publish_id is not None and outcome.publish_id == find_unmatched_publish_id(
        changes.session, post
    ):
        return adopt_publish_id(changes, post, outcome.publish_id)
    if (video := match_video(changes.session, post)) is not None:
        return adopt_video(changes, post, video)
    if time_since_start(post, changes.at) >= DAY:
        end_post(changes, post, PostState.FAILED, "outcome_unknown")
        return Reschedule(None)
    return poll_later(changes, post, jitter=outcome.jitter)


def adopt_publish_id(changes: ChangeSet, post: Post, publish_id: str) -> Reschedule:
    post.publish_id, post.step = publish_id, Phase.PROCESSING
    changes.add_event(post, "found", note=publish_id)
    move_post(changes, post, PostState.PROCESSING, note="a webhook named it")
    UnconfirmedStarts(changes.session).create_tiktok_post(post)
    return Reschedule(IMMEDIATELY)


def adopt_video(changes: ChangeSet, post: Post, video: Video) -> Reschedule:
    """It is out. Nobody needs its publish_id; a notice that names it is recognised all the same."""
    changes.add_event(post, "found", note=video.video_id)
    post.permalink = video.url
    apply_update(changes, post, progress_from_video(video), source=VIDEO_LIST_SOURCE)
    return Reschedule(None)


def recheck_posts_without_video_id(database: Database) -> int:
    """Published posts without an id fall due to be asked about; how many."""
    with database.transaction() as session:
        return PostsWithoutVideoId(session).schedule_recheck(
            RECHECK_BANDS, privacy=PUBLIC_PRIVACY_LEVEL, limit=MAX_WOKEN_POSTS
        )
