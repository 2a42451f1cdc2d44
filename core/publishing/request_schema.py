"""`UploadRequest`: the fields of an upload request, by HTTP or by Celery task, and the rules
between them. Accounts, files and limits are checked later, in `resolve.py` and `create.py`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from core.errors import Invalid
from platforms.url_rules import validate_public_https_url
from db.posts.posts import SentBy

MAX_TITLE_UNITS = 2200  # UTF-16 units
MAX_DESCRIPTION_UNITS = 4000  # UTF-16 units
MAX_PHOTO_TITLE_UNITS = 90  # UTF-16 units
MAX_PHOTOS = 35
MAX_VIDEO_BYTES = 4_000_000_000
MAX_SCHEDULE_AHEAD = timedelta(days=90)
RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
PrivacyLevel = Literal[
    "PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"
]
SETTING_FIELDS = (
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
VIDEO_ONLY_FIELDS = {
    "video_url": "videoUrl",
    "disable_duet": "disable_duet",
    "disable_stitch": "disable_stitch",
    "video_cover_timestamp_ms": "video_cover_timestamp_ms",
}
PHOTO_ONLY_FIELDS = {
    name: name for name in ("photo_images", "photo_cover_index", "description", "auto_add_music")
}
"""Fields that belong to one media type only, to their names in requests."""


def utf16_length(text: str) -> int:
    """Length in UTF-16 units, which TikTok counts."""
    return len(text.encode("utf-16-le")) // 2


def validate_title(text: str) -> str:
    if utf16_length(text) > MAX_TITLE_UNITS:
        raise ValueError(f"must not be longer than {MAX_TITLE_UNITS} UTF-16 units")
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def validate_description(text: str) -> str:
    if utf16_length(text) > MAX_DESCRIPTION_UNITS:
        raise ValueError(f"must not be longer than {MAX_DESCRIPTION_UNITS} UTF-16 units")
    return text


def parse_rfc3339(value: Any) -> datetime:
    """Parse an RFC 3339 time with its zone. Errors: ValueError."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("must be a time such as 2026-11-25T09:30:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time that exist") from None


RowId = Annotated[int, Field(ge=1, lt=2**63)]
PublicHttpsUrl = Annotated[str, AfterValidator(validate_public_https_url)]


class UploadRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

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
    publish_at: Annotated[datetime, BeforeValidator(parse_rfc3339)] | None = None
    privacy_level: PrivacyLevel | None = None
    disable_duet: bool = False
    disable_comment: bool = False
    disable_stitch: bool = False
    brand_content_toggle: bool = False
    brand_organic_toggle: bool = False
    is_aigc: bool = False
    video_cover_timestamp_ms: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    photo_images: (
        Annotated[list[PublicHttpsUrl], Field(min_length=1, max_length=MAX_PHOTOS)] | None
    ) = None
    photo_cover_index: Annotated[int, Field(ge=0, lt=MAX_PHOTOS)] = 0
    description: Annotated[str, AfterValidator(validate_description)] | None = None
    auto_add_music: bool = False

    @property
    def sent_by(self) -> SentBy:
        if self.source == "PULL_FROM_URL":
            return SentBy.PLATFORM
        return SentBy.CALLER if self.media_id is None else SentBy.SIGNALPOST

    @property
    def source_urls(self) -> tuple[str, ...]:
        """The URLs that the platform is to fetch."""
        return (*([self.video_url] if self.video_url else []), *(self.photo_images or ()))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the request contains; the platform or the creator decides the rest."""
        explicit = {
            name: getattr(self, name) for name in SETTING_FIELDS if name in self.model_fields_set
        }
        return {name: value for name, value in explicit.items() if value is not None}


def is_pull(request: UploadRequest) -> bool:
    return request.source == "PULL_FROM_URL"


def is_photo(request: UploadRequest) -> bool:
    return request.media_type == "PHOTO"


def has_ambiguous_size(request: UploadRequest) -> bool:
    return not is_pull(request) and (request.media_id is None) == (request.video_size is None)


def is_missing_url(request: UploadRequest) -> bool:
    return is_pull(request) and not is_photo(request) and request.video_url is None


def has_invalid_cover_index(request: UploadRequest) -> bool:
    return request.photo_images is not None and request.photo_cover_index >= len(
        request.photo_images
    )


def is_private_branded_content(request: UploadRequest) -> bool:
    """Branded content must not be private.

    Source: TikTok, content-sharing-guidelines, read 2026-11-22.
    """
    return (
        request.mode == "DIRECT"
        and request.brand_content_toggle
        and request.privacy_level == "SELF_ONLY"
    )


class FieldRule(NamedTuple):
    """`field` is the one to name in the error."""

    field: str
    is_fault: Callable[[UploadRequest], bool]
    message: str


FIELD_RULES = (
    FieldRule("videoUrl", is_missing_url, "is required for PULL_FROM_URL"),
    FieldRule(
        "videoUrl",
        lambda request: not is_pull(request) and request.video_url is not None,
        "cannot be combined with FILE_UPLOAD",
    ),
    FieldRule(
        "media_id",
        lambda request: is_pull(request) and request.media_id is not None,
        "cannot be combined with PULL_FROM_URL",
    ),
    FieldRule(
        "video_size",
        lambda request: is_pull(request) and request.video_size is not None,
        "cannot be combined with PULL_FROM_URL",
    ),
    FieldRule(
        "video_size",
        has_ambiguous_size,
        "exactly one of media_id and video_size is required for FILE_UPLOAD",
    ),
    FieldRule(
        "privacy_level",
        lambda request: request.mode == "DIRECT" and request.privacy_level is None,
        "is required in DIRECT mode",
    ),
    FieldRule(
        "privacy_level",
        is_private_branded_content,
        "Branded content visibility cannot be set to private.",
    ),
    FieldRule(
        "source",
        lambda request: is_photo(request) and not is_pull(request),
        "must be PULL_FROM_URL for photos",
    ),
    FieldRule(
        "photo_images",
        lambda request: is_photo(request) and not request.photo_images,
        "is required for photos",
    ),
    FieldRule(
        "photo_cover_index",
        has_invalid_cover_index,
        "must be the index of one of photo_images, counted from 0",
    ),
    FieldRule(
        "title",
        lambda request: is_photo(request) and utf16_length(request.title) > MAX_PHOTO_TITLE_UNITS,
        f"must not be longer than {MAX_PHOTO_TITLE_UNITS} UTF-16 units for photos",
    ),
)


def validate_request(request: UploadRequest, *, now: datetime, may_queue: bool) -> None:
    """Check the fields against each other and `publish_at` against the clock.

    `may_queue`: the post may be queued, because the caller does not wait for the first step.
    Errors: Invalid with `details.fields`.
    """
    faults = {rule.field: rule.message for rule in FIELD_RULES if rule.is_fault(request)}
    faults |= dict.fromkeys(
        foreign_fields(request), f"cannot be combined with media_type {request.media_type}"
    )
    publish_at = request.publish_at
    is_sent_by_caller = request.sent_by == SentBy.CALLER
    if publish_at is not None and not now < publish_at <= now + MAX_SCHEDULE_AHEAD:
        faults["publish_at"] = f"must be in the future and within {MAX_SCHEDULE_AHEAD.days} days"
    if publish_at is not None and is_sent_by_caller:
        faults["publish_at"] = (
            "requires media_id or PULL_FROM_URL: later, the caller cannot send the bytes"
        )
    if may_queue and is_sent_by_caller:
        faults.setdefault(
            "video_size",
            "cannot be queued, because the caller has to send the bytes: use media_id",
        )
    if faults:
        raise Invalid("fields are missing or contradict each other", details={"fields": faults})


def foreign_fields(request: UploadRequest) -> list[str]:
    """Names of given fields that belong to the other media type."""
    request_names = VIDEO_ONLY_FIELDS if is_photo(request) else PHOTO_ONLY_FIELDS
    given_fields = {name for name in request.model_fields_set if getattr(request, name) is not None}
    return [request_names[name] for name in request_names if name in given_fields]
