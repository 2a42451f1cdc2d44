"""The containers of a post: which it needs, their parameters, and what their statuses mean.

Source: Meta, ig-user/media and ig-container, text of 2026-09-11: a container lives for a day; items
of a carousel have no text, location or collaborators; tags in videos have no position.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from platforms.instagram.kinds import CAROUSEL, COLLECTION_ROLE, COVER_ROLE, REELS, STORIES
from platforms.publishing import MediaItem, Part, Publication
from platforms.secret import Secret

CONTAINER_LIFETIME = timedelta(hours=24)
VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class ContainerState(StrEnum):
    """`status_code` of a container."""

    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    PUBLISHED = "PUBLISHED"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class ContainerPlan:
    """A container that a post needs. `item` of None: the one that joins the items of a carousel."""

    position: int
    role: str
    item: MediaItem | None


@dataclass(frozen=True)
class MediaSource:
    """Where the platform gets a file from: a URL, or bytes that we send.

    A link to a file of ours is a secret: it permits the download by itself.
    """

    url: str | Secret | None = None

    @property
    def is_upload(self) -> bool:
        return self.url is None


def plan_items(publication: Publication) -> tuple[ContainerPlan, ...]:
    """Return the containers with media: the items of a carousel, or the single one."""
    items = [item for item in publication.media if item.role != COVER_ROLE]
    if publication.kind.name == CAROUSEL:
        return tuple(ContainerPlan(item.position, item.role, item) for item in items)
    return tuple(ContainerPlan(0, item.role, item) for item in items[:1])


def plan_parent(publication: Publication) -> ContainerPlan | None:
    """Return the container that joins a carousel's items; None for other kinds."""
    is_carousel = publication.kind.name == CAROUSEL
    return ContainerPlan(0, COLLECTION_ROLE, None) if is_carousel else None


def find_cover(publication: Publication) -> MediaItem | None:
    return next((item for item in publication.media if item.role == COVER_ROLE), None)


def is_video(item: MediaItem) -> bool:
    """Return whether a file is a video, by what is known of it; an image if nothing is."""
    named = item.options.get("media_type")
    if item.content_type:
        return item.content_type.startswith("video/")
    if named:
        return bool(named == "VIDEO")
    if item.probe.get("kind"):
        return bool(item.probe["kind"] == "video")
    return item.role == "video" or type_of_url(item.url or "") == "VIDEO"


def type_of_url(url: str) -> str | None:
    """Return IMAGE or VIDEO by the end of a URL's path; None if that does not say it."""
    try:
        path = urlsplit(url).path.lower()
    except ValueError:
        return None
    if path.endswith(VIDEO_SUFFIXES):
        return "VIDEO"
    return "IMAGE" if path.endswith(IMAGE_SUFFIXES) else None


def is_alive(part: Part | None, publication: Publication) -> bool:
    """Return whether the part exists at the platform and has not reached its end."""
    if part is None or part.handle is None:
        return False
    return part.expires_at is None or part.expires_at > publication.now


def item_params(
    publication: Publication,
    item: MediaItem,
    source: MediaSource,
    *,
    cover_url: str | Secret | None = None,
) -> dict[str, Any]:
    """Return the parameters of a container with one file."""
    kind, video = publication.kind.name, is_video(item)
    params: dict[str, Any] = {
        **source_params(source, is_video=video),
        "user_tags": tag_params(item, has_positions=not video) or None,
        "alt_text": item.alt_text if not video and kind != STORIES else None,
    }
    if kind == CAROUSEL:
        child_type = "VIDEO" if video else None
        return compact_params({**params, "media_type": child_type, "is_carousel_item": True})
    if kind == STORIES:
        return compact_params({**params, "media_type": STORIES, **flag_params(publication)})
    params |= post_params(publication)
    if kind == REELS:
        params |= reel_params(publication, cover_url)
    return compact_params(params)


def parent_params(publication: Publication, child_ids: list[str]) -> dict[str, Any]:
    """Return the parameters of the container that joins a carousel's items, in their order."""
    return compact_params(
        {"media_type": CAROUSEL, "children": ",".join(child_ids), **post_params(publication)}
    )


def source_params(source: MediaSource, *, is_video: bool) -> dict[str, Any]:
    if source.is_upload:
        return {"upload_type": "resumable"}
    return {"video_url" if is_video else "image_url": source.url}


def post_params(publication: Publication) -> dict[str, Any]:
    """Return what belongs to the post as a whole."""
    options = publication.options
    return {
        "caption": publication.text or None,
        "location_id": options.get("location_id"),
        "collaborators": [strip_sign(name) for name in options.get("collaborators") or ()] or None,
        **flag_params(publication),
    }


def flag_params(publication: Publication) -> dict[str, Any]:
    return {"is_ai_generated": True if publication.options.get("is_ai_generated") else None}


def reel_params(publication: Publication, cover_url: str | Secret | None) -> dict[str, Any]:
    """Return what only reels have; a cover image replaces the frame of the video."""
    options = publication.options
    strategy = options.get("graduation_strategy")
    return {
        "media_type": REELS,
        "share_to_feed": options.get("share_to_feed"),
        "cover_url": cover_url,
        "thumb_offset": options.get("thumb_offset") if cover_url is None else None,
        "audio_name": options.get("audio_name"),
        "trial_params": {"graduation_strategy": strategy} if strategy else None,
    }


def tag_params(item: MediaItem, *, has_positions: bool) -> list[dict[str, Any]]:
    tags = []
    for tag in item.options.get("user_tags") or ():
        position = {name: tag.get(name) for name in ("x", "y")} if has_positions else {}
        username = strip_sign(str(tag.get("username", "")))
        tags.append(compact_params({"username": username, **position}))
    return tags


def strip_sign(username: str) -> str:
    return username.removeprefix("@")


def compact_params(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}
