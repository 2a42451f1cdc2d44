"""What somebody wishes to publish on TikTok, as said: by HTTP or through the queue, checked alike.

Says nothing of accounts, files or limits: those are looked up when the wish becomes a post.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from core.errors import Invalid
from core.links import public_https
from db.posts import SentBy

LONGEST_TITLE = 2200  # UTF-16 units, as TikTok counts
LARGEST_VIDEO = 4_000_000_000
FARTHEST = timedelta(days=90)
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
)


def titled(text: str) -> str:
    if len(text.encode("utf-16-le")) // 2 > LONGEST_TITLE:
        raise ValueError(f"must not be longer than {LONGEST_TITLE} UTF-16 units")
    if not text.strip():
        raise ValueError("must not be blank")
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


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: Literal["FILE_UPLOAD", "PULL_FROM_URL"]
    title: Annotated[str, AfterValidator(titled)]
    media_type: Literal["VIDEO"] = "VIDEO"
    mode: Literal["INBOX", "DIRECT"] = "INBOX"
    account_id: RowId | None = None
    video_url: Annotated[str, AfterValidator(public_https)] | None = Field(
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

    @property
    def sent_by(self) -> SentBy:
        if self.source == "PULL_FROM_URL":
            return SentBy.PLATFORM
        return SentBy.CALLER if self.media_id is None else SentBy.SIGNALPOST

    @property
    def settings(self) -> dict[str, Any]:
        """Those that were said; the rest is left to the platform or to the creator."""
        given = {name: getattr(self, name) for name in SETTINGS if name in self.model_fields_set}
        return {name: value for name, value in given.items() if value is not None}


FAULTS: tuple[tuple[str, Any, str], ...] = (
    (
        "videoUrl",
        lambda wish: wish.source == "PULL_FROM_URL" and wish.video_url is None,
        "is required for PULL_FROM_URL",
    ),
    (
        "videoUrl",
        lambda wish: wish.source == "FILE_UPLOAD" and wish.video_url is not None,
        "does not go with FILE_UPLOAD",
    ),
    (
        "media_id",
        lambda wish: wish.source == "PULL_FROM_URL" and wish.media_id is not None,
        "does not go with PULL_FROM_URL",
    ),
    (
        "video_size",
        lambda wish: wish.source == "PULL_FROM_URL" and wish.video_size is not None,
        "does not go with PULL_FROM_URL",
    ),
    (
        "video_size",
        lambda wish: (
            wish.source == "FILE_UPLOAD" and (wish.media_id is None) == (wish.video_size is None)
        ),
        "either media_id or video_size is required for FILE_UPLOAD",
    ),
    (
        "privacy_level",
        lambda wish: wish.mode == "DIRECT" and wish.privacy_level is None,
        "is required in DIRECT mode",
    ),
)


def sound(wish: Wish, *, now: datetime, can_wait: bool) -> None:
    """What one field says about another, and the clock about both.

    Shapes: `can_wait` is the requester's wish not to stay for the first step.
    Errors: Invalid with `details.fields`.
    """
    faults = {name: says for name, is_fault, says in FAULTS if is_fault(wish)}
    at, by_caller = wish.publish_at, wish.sent_by == SentBy.CALLER
    if at is not None and not now < at <= now + FARTHEST:
        faults["publish_at"] = f"must be in the future and within {FARTHEST.days} days"
    if at is not None and by_caller:
        faults["publish_at"] = "needs media_id or PULL_FROM_URL: we must be able to send it"
    if can_wait and by_caller:
        faults.setdefault("video_size", "cannot be queued: nobody would send the bytes")
    if faults:
        raise Invalid("fields do not fit together", details={"fields": faults})
