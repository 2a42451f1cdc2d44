"""The words every platform speaks: values and three small Protocols. No I/O, no vendor names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from platforms.insights_base import Insights
from platforms.secret import Secret

BytesLike = bytes | memoryview


class Phase(StrEnum):
    """Where a publication stands, in words all platforms share."""

    RECEIVING = "RECEIVING"  # the platform waits for bytes
    PROCESSING = "PROCESSING"  # the platform has everything and works on it
    DELIVERED = "DELIVERED"  # in the creator's inbox: our part is done
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class PlatformApp:
    """Our registration at one platform, as settings give it."""

    client_key: str
    client_secret: Secret
    redirect_uri: str
    scopes: tuple[str, ...]
    webhook_secrets: tuple[Secret, ...]
    base_urls: Mapping[
        str, str
    ]  # e.g. {"auth": "https://www.tiktok.com", "api": "https://open.tiktokapis.com"}
    webhook_tolerance: timedelta = timedelta(seconds=300)
    reject_late: bool = False  # deliveries rightly signed, but outside the tolerance
    legacy_webhooks: bool = False
    pkce: bool = False
    is_sandbox: bool = False  # the key and secret are those of a sandbox of the platform


@dataclass(frozen=True)
class Grant:
    """What a token endpoint gave. Lifetimes are as answered, never constants."""

    external_id: str  # TikTok: open_id
    access_token: Secret
    lifetime: timedelta
    refresh_token: Secret | None = None
    refresh_lifetime: timedelta | None = None
    scopes: tuple[str, ...] = ()
    token_type: str = "Bearer"


@dataclass(frozen=True)
class Profile:
    external_id: str
    display_name: str | None = None
    avatar_url: str | None = None
    union_id: str | None = None


@dataclass(frozen=True)
class Chunk:
    """Bytes `first` to `last` inclusive, as Content-Range counts them."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class PublishRequest:
    """One publication to start: what the platform is told, nothing of ours."""

    kind: str  # INBOX_VIDEO | DIRECT_VIDEO | INBOX_PHOTO | DIRECT_PHOTO
    source: str  # FILE_UPLOAD | PULL_FROM_URL
    size: int | None = None  # bytes, FILE_UPLOAD
    video_url: str | None = None
    image_urls: tuple[str, ...] = ()  # addresses of pictures
    cover_index: int = 0  # which of them stands for all
    settings: Mapping[str, Any] = field(default_factory=dict)  # title, privacy_level, disable_*, …


@dataclass(frozen=True)
class StartResult:
    """`upload_url` is a bearer secret; `chunk_size` and `chunk_count` are those announced."""

    publish_id: str
    upload_url: Secret | None = None
    upload_lifetime: timedelta | None = None
    chunk_size: int | None = None
    chunk_count: int | None = None
    log_id: str | None = None


@dataclass(frozen=True)
class ChunkResult:
    """How far the platform has the file: `offset` is the next byte it wants, `done` is all in."""

    next_offset: int
    is_complete: bool


@dataclass(frozen=True)
class PublishProgress:
    """News of one publication, from a poll or a webhook alike."""

    phase: Phase
    vendor_status: str  # the vendor's own word
    fail_reason: str | None = None  # the vendor's fail reason
    post_ids: tuple[str, ...] = ()
    bytes_done: int | None = None
    is_public: bool | None = None  # publicly visible, if the news says so
    occurred_at: datetime | None = None  # when the vendor says it happened
    log_id: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The judgement over a delivery's signature. `late`: rightly signed, outside the window."""

    ok: bool
    reason: (
        str  # ok | missing_header | malformed_header | no_secret | bad_signature | stale | future
    )
    is_late: bool = False  # reason is stale or future, and ok is True: the policy is not ours
    reject_unreadable: bool = (
        False  # this sender is told of a body we cannot read; it delivers only once
    )


@dataclass(frozen=True)
class ParsedEvent:
    """One webhook event in normal form. `key` is the same for every redelivery."""

    key: str  # at most 255 characters
    kind: str  # normal form, e.g. "video.publish.complete"; IGNORED if nothing follows from it
    vendor_event: str  # the vendor's name, at most 100 characters
    payload: Mapping[str, Any]  # as stored, JSON
    external_id: str | None = None  # the platform's user id
    publish_id: str | None = None
    occurred_at: datetime | None = None
    progress: PublishProgress | None = None
    removal_reason: str | None = (
        None  # why, where there is no progress: TikTok's number for a removed grant
    )


IGNORED_KIND = "ignored"


class Actor(StrEnum):
    """Who has to act before another try makes sense."""

    CREATOR = "creator"  # change the file, the text or a setting; reconnect
    OPERATOR = "operator"  # of this installation: verification, audit, caps
    NOBODY = "nobody"  # wait, or simply try again
    NEVER = "never"  # no try will help


@dataclass(frozen=True)
class FailureReason:
    """Why a platform refused or failed something: a sentence for the creator."""

    sentence: str
    actor: Actor


class WebhookAdapter(Protocol):
    @property
    def can_verify(self) -> bool:
        """Whether it has a secret to judge deliveries by."""
        ...

    @property
    def has_handshake(self) -> bool:
        """Whether it has what a handshake is answered with."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict: ...
    def handshake(self, query: Mapping[str, str]) -> str | None:
        """What to answer to a GET, as plain text; None if this platform never asks.

        Errors: ValueError if it asks in a way we do not answer; BadHandshake without our token.
        """
        ...

    def parse(self, body: bytes) -> list[ParsedEvent]:
        """Errors: ValueError if the body is not a delivery of this platform."""
        ...

    def parse_stored(self, payload: Mapping[str, Any]) -> ParsedEvent:
        """A stored payload back as a notice. Errors: ValueError."""
        ...


class OAuth(Protocol):
    def authorize_url(
        self,
        *,
        state: str,
        scopes: Iterable[str] = (),
        force_consent: bool = False,
        code_verifier: str | None = None,
    ) -> str: ...
    def exchange_code(self, code: str, *, code_verifier: str | None = None) -> Grant: ...
    def refresh(self, refresh_token: Secret) -> Grant: ...
    def revoke(self, access_token: Secret) -> None: ...
    def fetch_profile(self, access_token: Secret, scopes: Iterable[str]) -> Profile: ...


class Publisher(Protocol):
    def start(self, token: Secret, request: PublishRequest) -> StartResult:
        """Unsafe: sent once, never repeated by itself."""
        ...

    def send_chunk(
        self,
        upload_url: Secret,
        data: BytesLike,
        *,
        chunk: Chunk,
        total_size: int,
        content_type: str,
    ) -> ChunkResult: ...
    def fetch_status(self, token: Secret, publish_id: str) -> PublishProgress: ...
    def cancel(self, token: Secret, publish_id: str) -> None: ...
    def fetch_creator_info(self, token: Secret) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Platform:
    name: str
    webhooks: WebhookAdapter
    oauth: OAuth
    publisher: Publisher
    failure_reasons: Mapping[str, FailureReason] = field(
        default_factory=dict
    )  # by fail reason or error code
    config_warnings: tuple[
        str, ...
    ] = ()  # what it would not take of our registration, in sentences
    insights: Insights | None = None  # if numbers can be had of it
