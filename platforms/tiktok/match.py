"""Recognises a post whose start was not answered: by a webhook or in the list of public videos.

A public video is matched by its time, caption and duration; if two videos or two posts fit, none
is matched. No calls.
"""

from datetime import timedelta

from platforms.insights_base import PublicItem
from platforms.publishing import Publication
from platforms.request_types import is_blank
from platforms.tiktok.post_rules import read_settings
from platforms.tiktok.steps import find_file

MATCHABLE_KIND = "DIRECT_VIDEO"  # the caption of a draft is written by its creator
PUBLIC_PRIVACY_LEVEL = "PUBLIC_TO_EVERYONE"
CLOCK_TOLERANCE = timedelta(seconds=30)  # a report may seem to be this much older than the start
MAX_PUBLISHING_TIME = timedelta(hours=24)
DURATION_TOLERANCE = timedelta(seconds=1.5)  # TikTok reports whole seconds
MIN_CUT_CAPTION_CHARS = 75
"""Shortest cut caption that is compared. TikTok shows 150 characters of a caption, perhaps counted
in UTF-16 units.
"""


def find_named_handle(publication: Publication) -> str | None:
    """Return the publish_id that webhooks reported and that can only be this post's.

    None if no such id is without a post, or several are, or another start is unconfirmed too.
    """
    evidence = publication.evidence
    is_only = len(evidence.named_handles) == 1 and not evidence.has_other_unconfirmed
    return evidence.named_handles[0] if is_only else None


def find_video(publication: Publication) -> PublicItem | None:
    """Return the public video that can only be this post; None if none or several fit."""
    if not is_searchable(publication):
        return None
    text, rivals = publication.text, publication.evidence.rivals
    if any(is_same_caption(other, text) or is_same_caption(text, other) for other in rivals):
        return None
    videos = [video for video in publication.evidence.public_items if is_match(video, publication)]
    return videos[0] if len(videos) == 1 else None


def is_searchable(publication: Publication) -> bool:
    """Return whether the post becomes a public video with our caption."""
    is_public = read_settings(publication).get("privacy_level") == PUBLIC_PRIVACY_LEVEL
    return publication.kind.name == MATCHABLE_KIND and is_public and not is_blank(publication.text)


def is_match(video: PublicItem, publication: Publication) -> bool:
    began_at = publication.unsafe_at or publication.started_at or publication.created_at
    is_in_time = video.posted_at is not None and (
        began_at - CLOCK_TOLERANCE <= video.posted_at <= began_at + MAX_PUBLISHING_TIME
    )
    return (
        is_in_time
        and is_same_caption(publication.text, video.text or "")
        and is_same_duration(video.duration, find_duration(publication))
    )


def find_duration(publication: Publication) -> timedelta | None:
    """Return the duration of our file; None if we do not have the file or could not read it."""
    item = find_file(publication)
    milliseconds = None if item is None else item.probe.get("duration_ms")
    return timedelta(milliseconds=milliseconds) if isinstance(milliseconds, int | float) else None


def is_same_duration(video_duration: timedelta | None, file_duration: timedelta | None) -> bool:
    """Return True also if either duration is not known."""
    if video_duration is None or file_duration is None:
        return True
    return abs(video_duration - file_duration) <= DURATION_TOLERANCE


def is_same_caption(post_text: str, video_text: str) -> bool:
    """Return whether the video has the post's caption or its beginning; blanks are ignored."""
    post_caption, video_caption = " ".join(post_text.split()), " ".join(video_text.split())
    is_cut = len(video_caption) >= MIN_CUT_CAPTION_CHARS and post_caption.startswith(video_caption)
    return is_cut or video_caption == post_caption
