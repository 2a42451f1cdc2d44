"""Values and protocols that every platform adapter shares: accounts, posts, webhook events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from platforms.callbacks import SignedCallbacks
from platforms.comments import PlatformComment
from platforms.secret import Secret

BytesLike = bytes | memoryview


ASSUMED_LIFETIME = timedelta(minutes=15)
"""Lifetime of an access token whose response gave none; every known real one is longer."""


class Phase(StrEnum):
    """How far a publication has got according to the platform, in words all platforms share."""

    RECEIVING = "RECEIVING"  # the platform waits for bytes
    PROCESSING = "PROCESSING"  # the platform has all bytes and processes them
    DELIVERED = "DELIVERED"  # in the creator's inbox, who publishes it from there
    PUBLISHED = "PUBLISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class PlatformApp:
    """Our app's registration at one platform, as the settings give it."""

    client_key: str
    client_secret: Secret
    redirect_uri: str
    scopes: tuple[str, ...]
    webhook_secrets: tuple[Secret, ...]
    # e.g. {"auth": "https://www.tiktok.com", "api": "https://open.tiktokapis.com"}
    base_urls: Mapping[str, str]
    webhook_tolerance: timedelta = timedelta(seconds=300)
    reject_late: bool = False  # refuse deliveries signed correctly, but outside the tolerance
    legacy_webhooks: bool = False
    pkce: bool = False
    is_sandbox: bool = False  # key and secret belong to a sandbox app at the platform
    # values that only this platform's adapter reads, e.g. {"graph_version": "v26.0"}
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """The bytes from index `first` to index `last`, both included, as in Content-Range."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class PublishRequest:
    """What a platform needs to start one publication."""

    kind: str  # INBOX_VIDEO | DIRECT_VIDEO | INBOX_PHOTO | DIRECT_PHOTO
    source: str  # FILE_UPLOAD | PULL_FROM_URL
    size: int | None = None  # bytes, FILE_UPLOAD
    video_url: str | None = None
    image_urls: tuple[str, ...] = ()
    cover_index: int = 0  # index of the cover in `image_urls`
    settings: Mapping[str, Any] = field(default_factory=dict)  # title, privacy_level, disable_*, …


@dataclass(frozen=True)
class StartResult:
    """A publication that the platform has started.

    `upload_url` is a secret: it permits the upload by itself. `chunk_size` and `chunk_count` are
    those that were announced to the platform.
    """

    publish_id: str
    upload_url: Secret | None = None
    upload_lifetime: timedelta | None = None
    chunk_size: int | None = None
    chunk_count: int | None = None
    log_id: str | None = None


@dataclass(frozen=True)
class ChunkResult:
    """How much of the file the platform has: the index of the next byte it expects."""

    next_offset: int
    is_complete: bool


class PublishProgress(msgspec.Struct, frozen=True):
    """The state of one publication, as reported by a poll or by a webhook."""

    phase: Phase
    vendor_status: str  # the vendor's name of the state
    fail_reason: str | None = None  # the vendor's fail reason
    post_ids: tuple[str, ...] = ()
    bytes_done: int | None = None
    is_public: bool | None = None  # None if the report does not say
    occurred_at: datetime | None = None  # the vendor's time of the change
    log_id: str | None = None

    def to_stored(self) -> dict[str, Any]:
        """Return the fields that are set, as JSON values; the time is stored with the event."""
        stored: dict[str, Any] = {"phase": self.phase.value, "vendor_status": self.vendor_status}
        if self.fail_reason is not None:
            stored["fail_reason"] = self.fail_reason
        if self.post_ids:
            stored["post_ids"] = list(self.post_ids)
        if self.bytes_done is not None:
            stored["bytes_done"] = self.bytes_done
        if self.is_public is not None:
            stored["is_public"] = self.is_public
        if self.log_id is not None:
            stored["log_id"] = self.log_id
        return stored

    @classmethod
    def from_stored(
        cls, stored: Mapping[str, Any], *, occurred_at: datetime | None
    ) -> "PublishProgress":
        """Return the report that `to_stored` wrote. Errors: KeyError, ValueError."""
        return cls(
            phase=Phase(stored["phase"]),
            vendor_status=stored["vendor_status"],
            fail_reason=stored.get("fail_reason"),
            post_ids=tuple(stored.get("post_ids", ())),
            bytes_done=stored.get("bytes_done"),
            is_public=stored.get("is_public"),
            occurred_at=occurred_at,
            log_id=stored.get("log_id"),
        )


SIGNATURE_FAULTS = (
    *("missing_header", "malformed_header", "no_secret", "bad_signature"),
    *("stale", "future"),
)


class Verdict(msgspec.Struct, frozen=True):
    """The result of checking a delivery's signature."""

    ok: bool
    reason: str  # "ok" or one of SIGNATURE_FAULTS
    # signed correctly, but too old or from the future; the caller decides whether to accept it
    is_late: bool = False
    # answer a body that cannot be parsed with an error; this sender delivers only once
    reject_unreadable: bool = False
    secret_no: int | None = None  # which of the configured secrets signed it, counted from 1
    signed_seconds: int | None = None  # the signed time, since 1970; None: no time is signed
    is_compat: bool = False  # signed in an older format that the settings still allow

    @property
    def stored_verdict(self) -> str:
        """The verdict that is stored with the events of an accepted delivery."""
        if self.is_compat:
            return "compat"
        return "valid_late" if self.is_late else "valid"


class ParsedEvent(msgspec.Struct, frozen=True):
    """One webhook event in the form all platforms share. `key` is the same in every redelivery."""

    key: str  # at most 255 characters
    kind: str  # shared name, e.g. "video.publish.complete"; IGNORED_KIND if it has no effect
    vendor_event: str  # the vendor's name, at most 100 characters
    payload: Mapping[str, Any]  # as stored, JSON
    platform_user_id: str | None = None
    publish_id: str | None = None
    occurred_at: datetime | None = None
    progress: PublishProgress | None = None  # its time is that of the event
    removal_reason: str | None = None  # why the account's grant ended, for events about a grant
    item_id: str | None = None  # the platform's id of the post that the event is about
    comment: PlatformComment | None = None  # of a mention only the ids: its text has to be fetched
    counts: Mapping[str, int] | None = None  # metrics of the item

    def to_stored(self) -> dict[str, Any]:
        """Return the fields that are set and have no column of their own, as JSON values."""
        stored: dict[str, Any] = {}
        if self.occurred_at is not None:
            stored["occurred_at"] = self.occurred_at.isoformat()
        if self.progress is not None:
            stored["progress"] = self.progress.to_stored()
        if self.removal_reason is not None:
            stored["removal_reason"] = self.removal_reason
        if self.item_id is not None:
            stored["item_id"] = self.item_id
        if self.comment is not None:
            stored["comment"] = self.comment.to_stored()
        if self.counts is not None:
            stored["counts"] = dict(self.counts)
        return stored

    @classmethod
    def from_stored(
        cls,
        stored: Mapping[str, Any],
        *,
        key: str,
        kind: str,
        vendor_event: str,
        payload: Mapping[str, Any],
        platform_user_id: str | None,
        publish_id: str | None,
    ) -> "ParsedEvent":
        """Return the event that `to_stored` wrote; the rest comes from the columns of its row.

        Errors: KeyError, ValueError if another version has written it differently.
        """
        time, progress = stored.get("occurred_at"), stored.get("progress")
        comment = stored.get("comment")
        occurred_at = None if time is None else datetime.fromisoformat(time)
        return cls(
            key=key,
            kind=kind,
            vendor_event=vendor_event,
            payload=payload,
            platform_user_id=platform_user_id,
            publish_id=publish_id,
            occurred_at=occurred_at,
            progress=progress and PublishProgress.from_stored(progress, occurred_at=occurred_at),
            removal_reason=stored.get("removal_reason"),
            item_id=stored.get("item_id"),
            comment=comment and PlatformComment.from_stored(comment),
            counts=stored.get("counts"),
        )


IGNORED_KIND = "ignored"


class Actor(StrEnum):
    """Who has to act before another attempt makes sense."""

    CREATOR = "creator"  # change the file, the text or a setting; reconnect
    OPERATOR = "operator"  # of this installation: URL verification, audit, caps
    NOBODY = "nobody"  # wait, or try again
    NEVER = "never"  # no further attempt can succeed


@dataclass(frozen=True)
class FailureReason:
    """Why a platform refused or failed a post: a sentence for the creator, and who has to act."""

    sentence: str
    actor: Actor


class WebhookAdapter(Protocol):
    """Verifies and parses the deliveries of one platform."""

    @property
    def can_verify(self) -> bool:
        """Whether a secret is configured that signatures can be verified with."""
        ...

    @property
    def has_handshake(self) -> bool:
        """Whether the secret that a handshake needs is configured."""
        ...

    @property
    def callbacks(self) -> SignedCallbacks | None:
        """What reads the platform's callbacks about people; None if it has none."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict: ...
    def handshake(self, query: Mapping[str, str]) -> str | None:
        """Return the plain-text answer to a GET; None if this platform sends no handshakes.

        Errors: ValueError if the handshake is malformed; BadHandshake if its token is not ours.
        """
        ...

    def parse(self, body: bytes) -> list[ParsedEvent]:
        """Return the events of a delivery. Errors: ValueError if it is not one of this platform."""
        ...

    def parse_stored(self, payload: Mapping[str, Any]) -> ParsedEvent:
        """Return the event of a stored payload. Errors: ValueError if the payload has none."""
        ...


class PostingOptionsReader(Protocol):
    """Asks what an account may choose at the moment; publishing itself runs in steps."""

    def fetch_posting_options(self, token: Secret) -> Mapping[str, Any]:
        """Return what the account may choose when it posts, in the platform's own names."""
        ...
