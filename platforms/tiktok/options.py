"""TikTok's own fields of a post.

Source: TikTok, content-posting-api-reference-direct-post and -photo-post, read 2026-11-22.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from platforms.request_types import utf16_length

MAX_DESCRIPTION_UNITS = 4000  # UTF-16 units
MAX_PHOTOS = 35

PrivacyLevel = Literal[
    "PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"
]
CoverTime = Annotated[int, Field(ge=0, lt=2**31)]  # milliseconds
CoverIndex = Annotated[int, Field(ge=0, lt=MAX_PHOTOS)]


def validate_description(text: str) -> str:
    if utf16_length(text) > MAX_DESCRIPTION_UNITS:
        raise ValueError(f"must not be longer than {MAX_DESCRIPTION_UNITS} UTF-16 units")
    return text


Description = Annotated[str, AfterValidator(validate_description)]


class TikTokOptions(BaseModel):
    """TikTok's own fields of a post. Those of drafts have no effect: the creator chooses them.

    `photo_cover_index` counts the photos from 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    privacy_level: PrivacyLevel | None = None
    disable_duet: bool = False
    disable_comment: bool = False
    disable_stitch: bool = False
    brand_content_toggle: bool = False
    brand_organic_toggle: bool = False
    is_aigc: bool = False
    video_cover_timestamp_ms: CoverTime | None = None
    photo_cover_index: CoverIndex = 0
    description: Description | None = None
    auto_add_music: bool = False
