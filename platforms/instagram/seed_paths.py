"""`/api/instagram/publish`: the route from before `POST /api/posts`, as a translation to it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from platforms.instagram.kinds import (
    CAROUSEL,
    COVER_ROLE,
    IMAGE,
    IMAGE_ROLE,
    ITEM_ROLE,
    MAX_ITEMS,
    MIN_ITEMS,
    REELS,
    VIDEO_ROLE,
)
from platforms.instagram.seed_answers import PublicationAnswer
from platforms.post_requests import SeedRoute, SeedUse

PUBLISH_PATH = "/api/instagram/publish"
CAMEL_CASE = ConfigDict(
    extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True
)
ROLES = {IMAGE: IMAGE_ROLE, REELS: VIDEO_ROLE}
OPTION_NAMES = (
    "location_id",
    "collaborators",
    "share_to_feed",
    "thumb_offset",
    "is_ai_generated",
    "audio_name",
    "graduation_strategy",
    "convert_images",
)
FIELD_NAMES = {
    "text": "caption",
    "kind": "mediaType",
    "destination_id": "accountId",
    "media": "mediaUrl",
}
MEDIA_FIELD_NAMES = {"url": "mediaUrl"}
ERROR_CODES = {
    "not_connected": "NOT_FOUND",
    "invalid_file_upload": "VALIDATION_ERROR",
    "rate_limit_exceeded": "RATE_LIMIT_EXCEEDED",
    "quota_exceeded": "RATE_LIMIT_EXCEEDED",
    "scope_not_authorized": "FORBIDDEN",
    "access_token_invalid": "FORBIDDEN",
}
"""Our codes → those that this route answers with."""

STATUS_WORDS = {"PUBLISHED": "published", "FAILED": "failed", "CANCELLED": "cancelled"}
WAITING_WORDS = {"UNCONFIRMED": "unconfirmed", "QUEUED": "queued", "SCHEDULED": "queued"}
UNCONFIRMED_SENTENCE = (
    "Instagram did not answer when the post was published. Whether it is public is being checked."
)


EXAMPLE_BODY: JsonDict = {"mediaType": "IMAGE", "mediaId": 48211, "caption": "A day at the sea"}


class MediaSourceBody(BaseModel):
    """Where a file comes from, and what belongs to it."""

    model_config = CAMEL_CASE

    media_url: str | None = None
    media_id: int | None = Field(default=None, ge=1, lt=2**63)
    alt_text: str | None = None
    user_tags: list[dict[str, Any]] | None = None

    def to_media(self, role: str, media_type: str | None = None) -> dict[str, Any]:
        fields = {
            "url": self.media_url,
            "media_id": self.media_id,
            "role": role,
            "alt_text": self.alt_text,
            "user_tags": self.user_tags,
            "media_type": media_type,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def require_source(self) -> None:
        """Errors: ValueError unless exactly one source is given."""
        if (self.media_url is None) == (self.media_id is None):
            raise ValueError("either mediaUrl or mediaId is required")


class CarouselItemBody(MediaSourceBody):
    """One item of a carousel."""

    media_type: Literal["IMAGE", "VIDEO"]

    @model_validator(mode="after")
    def check_source(self) -> Self:
        self.require_source()
        return self


class InstagramPublishBody(MediaSourceBody):
    """The body of `POST /api/instagram/publish`. VIDEO is another word for REELS.

    `story_media_type`: for a story whose URL does not end like an image or a video.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_BODY]})

    media_type: Literal["IMAGE", "VIDEO", "REELS", "STORIES", "CAROUSEL"]
    caption: str = ""
    account_id: int | None = Field(default=None, ge=1, lt=2**63)
    publish_at: str | None = None
    children: list[CarouselItemBody] | None = Field(
        default=None, min_length=MIN_ITEMS, max_length=MAX_ITEMS
    )
    cover_url: str | None = None
    story_media_type: Literal["IMAGE", "VIDEO"] | None = None
    location_id: str | None = None
    collaborators: list[str] | None = None
    share_to_feed: bool | None = None
    thumb_offset: int | None = None
    is_ai_generated: bool | None = None
    audio_name: str | None = None
    graduation_strategy: Literal["MANUAL", "SS_PERFORMANCE"] | None = None
    convert_images: bool | None = None

    @model_validator(mode="after")
    def check_fields(self) -> Self:
        has_own_media = self.media_url is not None or self.media_id is not None
        if self.media_type == CAROUSEL:
            if self.children is None:
                raise ValueError("children is required for a carousel")
            if has_own_media:
                raise ValueError("a carousel has children and no mediaUrl or mediaId of its own")
            return self
        self.require_source()
        if self.children is not None:
            raise ValueError("children is only for a carousel")
        return self

    @property
    def kind(self) -> str:
        return REELS if self.media_type == "VIDEO" else self.media_type

    def list_media(self) -> list[dict[str, Any]]:
        if self.kind == CAROUSEL:
            return [item.to_media(ITEM_ROLE, item.media_type) for item in self.children or ()]
        media = [self.to_media(ROLES.get(self.kind, ITEM_ROLE), self.story_media_type)]
        if self.cover_url is not None:
            media.append({"url": self.cover_url, "role": COVER_ROLE})
        return media


def write_request(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": post_fields(answer), "meta": answer["meta"]}


def post_fields(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Translate what `GET /api/posts/<id>` says of a post to the `data` of these routes."""
    status = find_status_word(str(answer.get("state") or ""))
    common = {
        "id": answer.get("id"),
        "platform": "instagram",
        "type": answer.get("kind"),
        "status": status,
        "statusUrl": f"{PUBLISH_PATH}/{answer.get('id')}",
        "steps": list_steps(answer),
    }
    if status == "published":
        return {**common, **published_fields(answer)}
    if status == "failed":
        return {**common, **failed_fields(answer)}
    if status == "unconfirmed":
        return {**common, "checking": UNCONFIRMED_SENTENCE}
    return common


ROUTES = (
    SeedRoute(
        SeedUse.REQUEST,
        "request_publication",
        PUBLISH_PATH,
        "Publish an image, a reel, a story or a carousel to Instagram.",
        write_request,
        error_codes=ERROR_CODES,
        is_timed=True,
        answer=PublicationAnswer,
    ),
    SeedRoute(
        SeedUse.SHOW,
        "show_publication",
        f"{PUBLISH_PATH}/<int:post_id>",
        "Show how far a publication on Instagram is, and where it can be seen.",
        write_request,
        is_timed=True,
        answer=PublicationAnswer,
    ),
)


class InstagramSeedPaths:
    """Translates bodies and answers of these routes."""

    routes: Sequence[SeedRoute] = ROUTES
    body: type[BaseModel] = InstagramPublishBody
    is_default_format = False

    def find_body_problems(self, body: BaseModel) -> Mapping[str, str]:
        """Nothing: what this body alone can have wrong, its model refuses."""
        del body
        return {}

    def to_post_request(self, body: BaseModel) -> dict[str, Any]:
        publication = require_publication(body)
        options = {name: getattr(publication, name) for name in OPTION_NAMES}
        request = {
            "platform": "instagram",
            "destination_id": publication.account_id,
            "kind": publication.kind,
            "text": publication.caption,
            "media": publication.list_media(),
            "publish_at": publication.publish_at,
            "options": {name: value for name, value in options.items() if value is not None},
        }
        return {name: value for name, value in request.items() if value is not None}

    def name_field(self, body: BaseModel, field: str) -> str:
        if field.startswith("media."):
            return name_media_field(require_publication(body), field)
        name, *rest = field.removeprefix("options.").split(".")
        return ".".join((FIELD_NAMES.get(name) or to_camel(name), *rest))

    def is_complete(self, answer: Mapping[str, Any]) -> bool:
        """Whether the post is public."""
        return find_status_word(str(answer.get("state") or "")) == "published"


def require_publication(body: BaseModel) -> InstagramPublishBody:
    if not isinstance(body, InstagramPublishBody):
        raise TypeError("the body is of another route")
    return body


def name_media_field(body: InstagramPublishBody, field: str) -> str:
    """Translate `media.<index>…`: to `children.<index>…`, `coverUrl` or a field of the body."""
    _, index, *rest = field.split(".")
    name = ".".join(MEDIA_FIELD_NAMES.get(word) or to_camel(word) for word in rest) or "mediaUrl"
    if body.kind == CAROUSEL:
        return f"children.{index}.{name}"
    return "coverUrl" if index != "0" else name


def list_steps(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps that were made, or the timeline if the answer has no steps."""
    steps = answer.get("steps")
    if steps is not None:
        return list(steps)
    return [step_of_event(event) for event in answer.get("events") or ()]


def find_status_word(state: str) -> str:
    return STATUS_WORDS.get(state) or WAITING_WORDS.get(state) or "processing"


def step_of_event(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": event.get("kind"), "state": event.get("to"), "at": event.get("at")}


def published_fields(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a public post. Without `postId` its id is not known yet."""
    caption = answer.get("text") or answer.get("title")
    return {
        "postId": answer.get("platform_post_id"),
        "url": answer.get("permalink"),
        "permalink": answer.get("permalink"),
        "timestamp": answer.get("posted_at") or answer.get("finished_at"),
        **({"caption": caption} if caption else {}),
        "metadata": {
            "userId": answer.get("user_id"),
            "accountId": answer.get("destination_id"),
            "igBusinessId": answer.get("destination_external_id"),
        },
    }


def failed_fields(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return why a post failed; of a carousel also which item, counted from 1."""
    error = answer.get("error")
    position = answer.get("failed_position")
    return {"error": error, **({"item": position} if position else {})}


SEED_PATHS = InstagramSeedPaths()
