"""Published media, and which fields of them each login may read.

Source: Meta, IG Media, text of 2026-09-11; facebook-python-business-sdk v25.0.2.
"""

from dataclasses import dataclass
from typing import Any

FEED, REELS_PRODUCT, STORY = "FEED", "REELS", "STORY"
IMAGE_MEDIA, VIDEO_MEDIA, ALBUM_MEDIA = "IMAGE", "VIDEO", "CAROUSEL_ALBUM"
STORY_SECONDS = 86_400.0
COMMON_FIELDS = frozenset(
    (
        *("id", "media_type", "media_url", "thumbnail_url", "permalink", "shortcode", "timestamp"),
        *("username", "owner", "like_count", "comments_count", "is_comment_enabled"),
        *("is_shared_to_feed", "alt_text", "children", "is_ai_generated", "media_audio_type"),
        *("copyright_check_information", "legacy_instagram_media_id"),
    )
)
CAPTION_FIELDS = frozenset(("caption", "media_product_type"))
"""The page says Facebook Login only; the SDK and clients read them with Instagram Login too."""

FACEBOOK_LOGIN_FIELDS = frozenset(
    (
        *("ig_id", "boost_ads_list", "boost_eligibility_info", "reposts_count", "saved_count"),
        *("shares_count", "total_like_count", "total_comments_count", "total_views_count"),
        "collaborators",
    )
)
CHILD_FIELDS = frozenset(
    (
        *("id", "ig_id", "media_type", "media_url", "owner", "permalink", "shortcode"),
        *("thumbnail_url", "timestamp", "username", "alt_text"),
    )
)
NOT_IN_CHILDREN = frozenset(
    (
        *("permalink", "shortcode", "caption", "like_count", "comments_count", "is_shared_to_feed"),
        *("is_comment_enabled", "children", "media_product_type"),
    )
)
"""Fields without a value in the items of an album."""


@dataclass
class SandboxMedia:
    """One post, story, reel, or item of an album. Units: `timestamp` in seconds since 1970."""

    id: str
    account_id: str
    media_product_type: str
    media_type: str
    caption: str
    timestamp: float
    shortcode: str
    permalink: str
    container_id: str = ""
    children: tuple[str, ...] = ()
    parent_id: str | None = None  # the album of an item
    is_comment_enabled: bool = True
    is_shared_to_feed: bool = True
    alt_text: str = ""
    collaborators: tuple[str, ...] = ()
    is_ai_generated: bool = False
    like_count: int = 0
    is_like_count_hidden: bool = False
    is_archived: bool = False  # by the owner in the app: not listed, but readable
    is_flagged: bool = False  # for copyright: `media_url` is omitted
    size: int = 0  # bytes of the file
    digest: str = ""

    @property
    def is_story(self) -> bool:
        return self.media_product_type == STORY

    def is_over(self, now: float) -> bool:
        """Return whether this is a story that has ended."""
        return self.is_story and now >= self.timestamp + STORY_SECONDS

    def as_dict(self) -> dict[str, Any]:
        """Return the media for the control API."""
        return {
            "id": self.id,
            "account_id": self.account_id,
            "container_id": self.container_id,
            "media_product_type": self.media_product_type,
            "media_type": self.media_type,
            "caption": self.caption,
            "timestamp": self.timestamp,
            "permalink": self.permalink,
            "children": list(self.children),
            "parent_id": self.parent_id,
            "is_archived": self.is_archived,
            "is_comment_enabled": self.is_comment_enabled,
            "alt_text": self.alt_text,
            "size": self.size,
            "sha256": self.digest,
        }


def readable_fields(*, is_instagram: bool, reads_captions: bool) -> frozenset[str]:
    """Return the fields of a login. `reads_captions`: whether an Instagram Login reads captions."""
    if not is_instagram:
        return COMMON_FIELDS | CAPTION_FIELDS | FACEBOOK_LOGIN_FIELDS
    return COMMON_FIELDS | CAPTION_FIELDS if reads_captions else COMMON_FIELDS
