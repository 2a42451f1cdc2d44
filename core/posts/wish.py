"""What somebody wishes to publish on TikTok, as said: by HTTP or through the queue, checked alike.

Says nothing of accounts, files or limits: those are looked up when the wish becomes a post.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from core.links import public_https
from db.posts import SentBy

LONGEST_TITLE, LONGEST_DESCRIPTION = 2200, 4000  # UTF-16 units
MOST_PHOTOS = 35
LARGEST_VIDEO = 4_000_000_000
RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
PRIVACY = Literal["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"]
SETTINGS = (
    "privacy_level",
    "disable_duet",
    "disable_comment",
    "disable_stitch",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
    "video_cover_timestamp_ms",
    "description",
    "auto_add_music",
)
VIDEO_ONLY = {
    "video_url": "videoUrl",
    "disable_duet": "disable_duet",
    "disable_stitch": "disable_stitch",
    "video_cover_timestamp_ms": "video_cover_timestamp_ms",
}
PHOTO_ONLY = {
    name: name for name in ("photo_images", "photo_cover_index", "description", "auto_add_music")
}
"""Fields of one kind of media alone, and how they are called outside."""


def units(text: str) -> int:
    """Length in UTF-16 units, as TikTok counts."""
    return len(text.encode("utf-16-le")) // 2


def titled(text: str) -> str:
    if units(text) > LONGEST_TITLE:
        raise ValueError(f"must not be longer than {LONGEST_TITLE} UTF-16 units")
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def described(text: str) -> str:
    if units(text) > LONGEST_DESCRIPTION:
        raise ValueError(f"must not be longer than {LONGEST_DESCRIPTION} UTF-16 units")
    return text


def moment(value: Any) -> datetime:
    """RFC 3339 with its zone. Errors: ValueError."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("must be a time such as 2026-11-25T09:30:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists") from None


RowId = Annotated[int, Field(ge=1, lt=2**63)]
Address = Annotated[str, AfterValidator(public_https)]


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: Literal["FILE_UPLOAD", "PULL_FROM_URL"]
    title: Annotated[str, AfterValidator(titled)]
    media_type: Literal["VIDEO", "PHOTO"] = "VIDEO"
    mode: Literal["INBOX", "DIRECT"] = "INBOX"
    account_id: RowId | None = None
    video_url: Address | None = Field(
        default=None, validation_alias=AliasChoices("videoUrl", "video_url")
    )
    media_id: RowId | None = None
    video_size: Annotated[int, Field(ge=1, le=LARGEST_VIDEO)] | None = None
    publish_at: Annotated[datetime, BeforeValidator(moment)] | None = None
    privacy_level: PRIVACY | None = None
    disable_duet: bool = False
    disable_comment: bool = False
    disable_stitch: bool = False
    brand_content_toggle: bool = False
    brand_organic_toggle: bool = False
    is_aigc: bool = False
    video_cover_timestamp_ms: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    photo_images: Annotated[list[Address], Field(min_length=1, max_length=MOST_PHOTOS)] | None = (
        None
    )
    photo_cover_index: Annotated[int, Field(ge=0, lt=MOST_PHOTOS)] = 0
    description: Annotated[str, AfterValidator(described)] | None = None
    auto_add_music: bool = False

    @property
    def sent_by(self) -> SentBy:
        if self.source == "PULL_FROM_URL":
            return SentBy.PLATFORM
        return SentBy.CALLER if self.media_id is None else SentBy.SIGNALPOST

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the platform is to fetch."""
        return (*([self.video_url] if self.video_url else []), *(self.photo_images or ()))

    @property
    def settings(self) -> dict[str, Any]:
        """Those that were said; the rest is left to the platform or to the creator."""
        given = {name: getattr(self, name) for name in SETTINGS if name in self.model_fields_set}
        return {name: value for name, value in given.items() if value is not None}
