"""A public video that can only be the post whose start was never answered; None in any doubt.

Told by when it appeared, what is written under it and how long it lasts. Never a guess: a second
video like it, or a second post that it may be, and it is nobody's.
"""

from datetime import timedelta

from core.ledger.settle import DAY
from db.lost import LostStarts
from db.media import Medias
from db.posts import Post
from db.session import Session
from db.videos import Video
from platforms.base import Phase, Progress

KIND, PRIVACY = "DIRECT_VIDEO", "PUBLIC_TO_EVERYONE"  # of a draft its creator writes the caption
OUR_CLOCKS = timedelta(seconds=30)  # by which the news may seem to be older than the start
RIVALS = 7 * DAY  # how long a post may take to appear
SHORTEST_CUT = 75  # characters: TikTok shows 150 of a caption, perhaps as UTF-16 counts them
INEXACT = timedelta(seconds=1.5)  # TikTok tells whole seconds
STATUS = "PUBLISH_COMPLETE"


def sighting(session: Session, post: Post) -> Video | None:
    if not shows(post):
        return None
    lost, began = LostStarts(session), post.started_at or post.created_at
    rivals = lost.rivals(post, since=began - RIVALS)
    if any(alike(one.title, post.title) or alike(post.title, one.title) for one in rivals):
        return None
    length = duration(session, post)
    shown = lost.videos(post, since=began - OUR_CLOCKS, until=began + DAY)
    fitting = [video for video in shown if fits(video, post, length)]
    return fitting[0] if len(fitting) == 1 else None


def shows(post: Post) -> bool:
    """Whether the public will see it, under a caption of ours."""
    settings = post.payload_json.get("settings", {})
    is_public = settings.get("privacy_level") == PRIVACY
    return post.kind == KIND and is_public and bool(post.title.strip())


def fits(video: Video, post: Post, length: timedelta | None) -> bool:
    return (
        video.missing_since is None
        and alike(post.title, video.title or "")
        and lasts(video.duration_seconds, length)
    )


def lasts(told: int | None, length: timedelta | None) -> bool:
    """Where one of both is unknown, the other proves nothing."""
    return told is None or length is None or abs(timedelta(seconds=told) - length) <= INEXACT


def alike(ours: str, shown: str) -> bool:
    """The same caption, which may be shown cut."""
    whole, told = " ".join(ours.split()), " ".join(shown.split())
    return told == whole or (len(told) >= SHORTEST_CUT and whole.startswith(told))


def duration(session: Session, post: Post) -> timedelta | None:
    """Of the film, where it is with us."""
    media = Medias(session).get(post.media_id)
    length = (media.probe or {}).get("duration_ms") if media else None
    return timedelta(milliseconds=length) if isinstance(length, int | float) else None


def progress(video: Video) -> Progress:
    """The same as news: a video that the public sees is published."""
    return Progress(Phase.PUBLISHED, STATUS, post_ids=(video.video_id,), public=True)
