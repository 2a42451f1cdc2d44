"""`UploadRequest`: the body of `POST /api/tiktok/upload`, and the rules of its own fields. What it
shares with other requests is checked where every post is.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from platforms.request_types import PublicHttpsUrl, PublishTime, RowId, is_blank, utf16_length
from platforms.tiktok.options import (
    MAX_PHOTOS,
    CoverIndex,
    CoverTime,
    Description,
    PrivacyLevel,
)

MAX_TITLE_UNITS = 2200  # UTF-16 units
MAX_PHOTO_TITLE_UNITS = 90  # UTF-16 units
MAX_VIDEO_BYTES = 4_000_000_000
OPTION_FIELDS = (
    "privacy_level",
    "disable_duet",
    "disable_comment",
    "disable_stitch",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
    "video_cover_timestamp_ms",
    "photo_cover_index",
    "description",
    "auto_add_music",
)


EXAMPLE_BODY: JsonDict = {"source": "FILE_UPLOAD", "title": "A day at the sea", "media_id": 48211}


def validate_title(text: str) -> str:
    if utf16_length(text) > MAX_TITLE_UNITS:
        raise ValueError(f"must not be longer than {MAX_TITLE_UNITS} UTF-16 units")
    if is_blank(text):
        raise ValueError("must not be blank")
    return text


class UploadRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, json_schema_extra={"examples": [EXAMPLE_BODY]}
    )

    source: Literal["FILE_UPLOAD", "PULL_FROM_URL"]
    title: Annotated[str, AfterValidator(validate_title)]
    media_type: Literal["VIDEO", "PHOTO"] = "VIDEO"
    mode: Literal["INBOX", "DIRECT"] = "INBOX"
    account_id: RowId | None = None
    video_url: PublicHttpsUrl | None = Field(
        default=None, validation_alias=AliasChoices("videoUrl", "video_url")
    )
    media_id: RowId | None = None
    video_size: Annotated[int, Field(ge=1, le=MAX_VIDEO_BYTES)] | None = None
    publish_at: PublishTime | None = None
    privacy_level: PrivacyLevel | None = None
    disable_duet: bool = False
    disable_comment: bool = False
    disable_stitch: bool = False
    brand_content_toggle: bool = False
    brand_organic_toggle: bool = False
    is_aigc: bool = False
    video_cover_timestamp_ms: CoverTime | None = None
    photo_images: (
        Annotated[list[PublicHttpsUrl], Field(min_length=1, max_length=MAX_PHOTOS)] | None
    ) = None
    photo_cover_index: CoverIndex = 0
    description: Description | None = None
    auto_add_music: bool = False

    @property
    def is_pull(self) -> bool:
        return self.source == "PULL_FROM_URL"

    @property
    def is_photo(self) -> bool:
        return self.media_type == "PHOTO"

    @property
    def kind(self) -> str:
        return f"{self.mode}_{self.media_type}"

    @property
    def options(self) -> dict[str, Any]:
        """The settings that the request contains; the platform or the creator decides the rest."""
        explicit = {
            name: getattr(self, name) for name in OPTION_FIELDS if name in self.model_fields_set
        }
        return {name: value for name, value in explicit.items() if value is not None}

    def list_media(self) -> list[dict[str, Any]]:
        """Return the files as `POST /api/posts` names them; none if the source is not clear."""
        if self.is_photo:
            return [{"url": url} for url in self.photo_images or ()]
        if self.is_pull:
            return [{"url": self.video_url}] if self.video_url else []
        if self.media_id is not None:
            return [{"media_id": self.media_id}]
        return [{"size": self.video_size}] if self.video_size is not None else []


class FieldRule(NamedTuple):
    """`field` is the one to name in the error."""

    field: str
    is_fault: Callable[[UploadRequest], bool]
    message: str


FIELD_RULES = (
    FieldRule(
        "videoUrl",
        lambda body: body.is_pull and not body.is_photo and body.video_url is None,
        "is required for PULL_FROM_URL",
    ),
    FieldRule(
        "videoUrl",
        lambda body: not body.is_pull and body.video_url is not None,
        "cannot be combined with FILE_UPLOAD",
    ),
    FieldRule(
        "media_id",
        lambda body: body.is_pull and body.media_id is not None,
        "cannot be combined with PULL_FROM_URL",
    ),
    FieldRule(
        "video_size",
        lambda body: body.is_pull and body.video_size is not None,
        "cannot be combined with PULL_FROM_URL",
    ),
    FieldRule(
        "video_size",
        lambda body: not body.is_pull and (body.media_id is None) == (body.video_size is None),
        "exactly one of media_id and video_size is required for FILE_UPLOAD",
    ),
    FieldRule(
        "source",
        lambda body: body.is_photo and not body.is_pull,
        "must be PULL_FROM_URL for photos",
    ),
    FieldRule(
        "photo_images",
        lambda body: body.is_photo and not body.photo_images,
        "is required for photos",
    ),
    FieldRule(
        "title",
        lambda body: body.is_photo and utf16_length(body.title) > MAX_PHOTO_TITLE_UNITS,
        f"must not be longer than {MAX_PHOTO_TITLE_UNITS} UTF-16 units for photos",
    ),
    FieldRule(
        "videoUrl",
        lambda body: body.is_photo and body.video_url is not None,
        "cannot be combined with media_type PHOTO",
    ),
    FieldRule(
        "photo_images",
        lambda body: not body.is_photo and body.photo_images is not None,
        "cannot be combined with media_type VIDEO",
    ),
)
"""What the fields of this body can have wrong together; of several faults the last is named."""


def find_body_problems(body: UploadRequest) -> dict[str, str]:
    return {rule.field: rule.message for rule in FIELD_RULES if rule.is_fault(body)}
