"""`PostRequest`: the fields of a request for a post on any platform, by HTTP or by Celery task.

Accounts, files and limits are checked later, in `resolve.py` and `create.py`.
"""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from db.posts.posts import SentBy
from platforms.request_types import PublicHttpsUrl, PublishTime, RowId

MAX_SCHEDULE_AHEAD = timedelta(days=90)
MAX_MEDIA = 50  # more than any platform takes
MAX_NAME_LENGTH = 50  # characters of a platform, a kind or a role
MAX_TEXT_LENGTH = 20_000  # characters; each platform has a lower limit of its own

GroupId = Annotated[UUID, Field(strict=False)]
ShortName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]


class MediaRequest(BaseModel):
    """A media file: one of ours, a URL that the platform fetches, or bytes that the caller sends.

    `size` in bytes, for a caller who sends them. `convert`: a picture of another format is sent as
    JPEG. Other fields are the platform's own.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    media_id: RowId | None = None
    url: PublicHttpsUrl | None = None
    size: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    role: ShortName | None = None
    alt_text: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] | None = None
    convert: bool = False

    @property
    def own_fields(self) -> dict[str, Any]:
        """The fields of the platform."""
        return dict(self.model_extra or {})

    @property
    def source_count(self) -> int:
        return sum(value is not None for value in (self.media_id, self.url, self.size))


class PostRequest(BaseModel):
    """A post. `destination_id` is the account to post to, `account_id` the login.

    Without a platform the account decides; without a kind the media do. `group_id` is chosen by the
    client: posts that belong together have the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    platform: ShortName | None = None
    account_id: RowId | None = None
    destination_id: RowId | None = None
    kind: ShortName | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""
    media: Annotated[list[MediaRequest], Field(max_length=MAX_MEDIA)] = Field(default_factory=list)
    publish_at: PublishTime | None = None
    group_id: GroupId | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """The request as JSON values. A field that older requests lack is left out if it is empty,
        so that their digest stays the same.
        """
        is_grouped = self.group_id is not None
        return self.model_dump(mode="json", exclude=None if is_grouped else {"group_id"})

    @property
    def sent_by(self) -> SentBy:
        if any(item.size is not None for item in self.media):
            return SentBy.CALLER
        has_own_files = any(item.media_id is not None for item in self.media)
        return SentBy.SIGNALPOST if has_own_files else SentBy.PLATFORM
