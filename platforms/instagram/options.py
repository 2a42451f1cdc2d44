"""Instagram's own fields of a post, and of one media file of it.

Source: Meta, ig-user/media, text of 2026-09-11, and the Instagram changelog up to 2026-10-05.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_COLLABORATORS, MAX_USER_TAGS = 3, 20
MAX_ALT_TEXT_LENGTH = 1000  # characters
MAX_AUDIO_NAME_LENGTH = 100  # characters; the page gives no limit

Username = Annotated[str, Field(pattern=r"^@?[A-Za-z0-9._]{1,30}$")]
Coordinate = Annotated[float, Field(ge=0, le=1)]


class UserTag(BaseModel):
    """Another account in an image or a video; `x` and `y` from the upper left corner."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    username: Username
    x: Coordinate | None = None
    y: Coordinate | None = None


class InstagramMediaOptions(BaseModel):
    """Instagram's own fields of one media file. `media_type` is for URLs that do not show it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    media_type: Literal["IMAGE", "VIDEO"] | None = None
    user_tags: Annotated[tuple[UserTag, ...], Field(max_length=MAX_USER_TAGS)] = ()


class InstagramOptions(BaseModel):
    """Instagram's own fields of a post.

    `thumb_offset` in milliseconds; a cover image wins over it. `graduation_strategy` makes the post
    a trial reel. `convert_images`: pictures of other formats are sent as JPEG.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    location_id: Annotated[str, Field(pattern=r"^[0-9]{1,25}$")] | None = None
    collaborators: Annotated[tuple[Username, ...], Field(max_length=MAX_COLLABORATORS)] = ()
    share_to_feed: bool | None = None
    thumb_offset: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    audio_name: Annotated[str, Field(min_length=1, max_length=MAX_AUDIO_NAME_LENGTH)] | None = None
    graduation_strategy: Literal["MANUAL", "SS_PERFORMANCE"] | None = None
    is_ai_generated: bool = False
    convert_images: bool = False
