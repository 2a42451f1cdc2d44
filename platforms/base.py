"""The words every platform speaks: values and three small Protocols. No I/O, no vendor names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from platforms.numbers import Insights
from platforms.secret import Secret

Octets = bytes | memoryview


class Phase(StrEnum):
    """Where a publication stands, in words all platforms share."""

    RECEIVING = "RECEIVING"  # the platform waits for bytes
    PROCESSING = "PROCESSING"  # the platform has everything and works on it
    DELIVERED = "DELIVERED"  # in the creator's inbox: our part is done
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class App:
    """Our registration at one platform, as settings give it."""

    client_key: str
    client_secret: Secret
    redirect_uri: str
    scopes: tuple[str, ...]
    webhook_secrets: tuple[Secret, ...]
    bases: Mapping[
        str, str
    ]  # e.g. {"auth": "https://www.tiktok.com", "api": "https://open.tiktokapis.com"}
    webhook_tolerance: timedelta = timedelta(seconds=300)
    refuses_late: bool = False  # deliveries rightly signed, but outside the tolerance
    compat: bool = False
    pkce: bool = False
    sandbox: bool = False  # the key and secret are those of a sandbox of the platform


@dataclass(frozen=True)
class Grant:
    """What a token endpoint gave. Lifetimes are as answered, never constants."""

    external_id: str  # TikTok: open_id
    access_token: Secret
    lifetime: timedelta
    refresh_token: Secret | None = None
    refresh_lifetime: timedelta | None = None
    scopes: tuple[str, ...] = ()
    token_type: str = "Bearer"  # noqa: S105 - a kind of token, not one


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
class Order:
    """One publication to start: what the platform is told, nothing of ours."""

    kind: str  # INBOX_VIDEO | DIRECT_VIDEO | INBOX_PHOTO | DIRECT_PHOTO
    source: str  # FILE_UPLOAD | PULL_FROM_URL
    size: int | None = None  # bytes, FILE_UPLOAD
    video_url: str | None = None
    images: tuple[str, ...] = ()  # addresses of pictures
    cover: int = 0  # which of them stands for all
    settings: Mapping[str, Any] = field(default_factory=dict)  # title, privacy_level, disable_*, …


@dataclass(frozen=True)
class Started:
    """`upload_url` is a bearer secret; `chunk_size` and `chunk_count` are those announced."""

    publish_id: str
    upload_url: Secret | None = None
    upload_lifetime: timedelta | None = None
    chunk_size: int | None = None
    chunk_count: int | None = None
    log_id: str | None = None


@dataclass(frozen=True)
class Sent:
    """How far the platform has the file: `offset` is the next byte it wants, `done` is all in."""

    offset: int
    done: bool


@dataclass(frozen=True)
class Progress:
    """News of one publication, from a poll or a webhook alike."""

    phase: Phase
    status: str  # the vendor's own word
    reason: str | None = None  # the vendor's fail reason
    post_ids: tuple[str, ...] = ()
    bytes_done: int | None = None
    public: bool | None = None  # publicly visible, if the news says so
    at: datetime | None = None  # when the vendor says it happened
    log_id: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The judgement over a delivery's signature. `late`: rightly signed, outside the window."""

    ok: bool
    reason: (
        str  # ok | missing_header | malformed_header | no_secret | bad_signature | stale | future
    )
    late: bool = False  # reason is stale or future, and ok is True: the policy is not ours
    strict: bool = False  # this sender is told of a body we cannot read; it delivers only once


@dataclass(frozen=True)
class Notice:
    """One webhook event in normal form. `key` is the same for every redelivery."""

    key: str  # at most 255 characters
    kind: str  # normal form, e.g. "video.publish.complete"; IGNORED if nothing follows from it
    vendor_event: str  # the vendor's name, at most 100 characters
    payload: Mapping[str, Any]  # as stored, JSON
    account: str | None = None  # the platform's user id
    publish_id: str | None = None
    at: datetime | None = None
    progress: Progress | None = None
    reason: str | None = (
        None  # why, where there is no progress: TikTok's number for a removed grant
    )


IGNORED = "ignored"


class Who(StrEnum):
    """Who has to act before another try makes sense."""

    CREATOR = "creator"  # change the file, the text or a setting; reconnect
    OPERATOR = "operator"  # of this installation: verification, audit, caps
    NOBODY = "nobody"  # wait, or simply try again
    NEVER = "never"  # no try will help


@dataclass(frozen=True)
class Reason:
    """Why a platform refused or failed something: a sentence for the creator."""

    sentence: str
    who: Who


class Webhooks(Protocol):
    @property
    def hears(self) -> bool:
        """Whether it has a secret to judge deliveries by."""
        ...

    @property
    def greets(self) -> bool:
        """Whether it has what a handshake is answered with."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict: ...
    def handshake(self, query: Mapping[str, str]) -> str | None:
        """What to answer to a GET, as plain text; None if this platform never asks.

        Errors: ValueError if it asks in a way we do not answer; BadHandshake without our token.
        """
        ...

    def parse(self, body: bytes) -> list[Notice]:
        """Errors: ValueError if the body is not a delivery of this platform."""
        ...

    def read(self, payload: Mapping[str, Any]) -> Notice:
        """A stored payload back as a notice. Errors: ValueError."""
        ...


class OAuth(Protocol):
    def authorize_url(
        self,
        *,
        state: str,
        scopes: Iterable[str] = (),
        switch: bool = False,
        verifier: str | None = None,
    ) -> str: ...
    def exchange(self, code: str, *, verifier: str | None = None) -> Grant: ...
    def refresh(self, refresh_token: Secret) -> Grant: ...
    def revoke(self, access_token: Secret) -> None: ...
    def profile(self, access_token: Secret, scopes: Iterable[str]) -> Profile: ...


class Publisher(Protocol):
    def start(self, token: Secret, order: Order) -> Started:
        """Unsafe: sent once, never repeated by itself."""
        ...

    def send(
        self, upload_url: Secret, data: Octets, *, chunk: Chunk, total: int, content_type: str
    ) -> Sent: ...
    def check(self, token: Secret, publish_id: str) -> Progress: ...
    def cancel(self, token: Secret, publish_id: str) -> None: ...
    def creator(self, token: Secret) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Platform:
    name: str
    webhooks: Webhooks
    oauth: OAuth
    publisher: Publisher
    reasons: Mapping[str, Reason] = field(default_factory=dict)  # by fail reason or error code
    doubts: tuple[str, ...] = ()  # what it would not take of our registration, in sentences
    insights: Insights | None = None  # if numbers can be had of it
