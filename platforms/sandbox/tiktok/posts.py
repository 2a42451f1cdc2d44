"""The posts of the platform, and how often each was really published. Decides nothing.

Source: publish ids as observed and documented, content-posting-api-reference-*, read 2026-09-11.
"""

import secrets
import threading
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from platforms.sandbox.tiktok.upload_buffer import UploadBuffer
from platforms.sandbox.tiktok.video_rules import ProbedVideo


class SandboxPostStatus(StrEnum):
    UPLOADING = "PROCESSING_UPLOAD"
    DOWNLOADING = "PROCESSING_DOWNLOAD"
    IN_INBOX = "SEND_TO_USER_INBOX"
    COMPLETE = "PUBLISH_COMPLETE"
    FAILED = "FAILED"


OPEN_STATUSES = frozenset({SandboxPostStatus.UPLOADING, SandboxPostStatus.DOWNLOADING})
DIRECT, INBOX, PHOTO_DIRECT, PHOTO_INBOX = "direct", "inbox", "photo_direct", "photo_inbox"
DIRECT_KINDS = frozenset({DIRECT, PHOTO_DIRECT})
PHOTO_KINDS = frozenset({PHOTO_DIRECT, PHOTO_INBOX})
FILE_SOURCE, PULL_SOURCE = "FILE_UPLOAD", "PULL_FROM_URL"
PUBLISH_ID_PREFIXES = {
    (DIRECT, FILE_SOURCE): "v_pub_file~v2-1.",
    (DIRECT, PULL_SOURCE): "v_pub_url~v2.",
    (INBOX, FILE_SOURCE): "v_inbox_file~v2.",
    (INBOX, PULL_SOURCE): "v_inbox_url~v2.",
    (PHOTO_DIRECT, PULL_SOURCE): "p_pub_url~v2.",
    (PHOTO_INBOX, PULL_SOURCE): "p_inbox_url~v2.",
}


def new_snowflake_id(now: float) -> int:
    """A 64-bit id of 19 digits, seconds in front: too large for a double."""
    return (int(now) << 32) | secrets.randbits(32)


@dataclass
class SandboxUpload:
    """The bytes of a file: how many are there, their digest and beginning."""

    id: str
    token: str = field(repr=False)
    expires_at: float
    size: int
    chunk_size: int
    chunk_count: int
    received: int = 0
    digest: Any = field(default_factory=sha256, repr=False)
    head: bytes = b""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def expected_last(self) -> int:
        """Index of the last byte that the next chunk must have, as planned: the rest is its own."""
        number = self.received // self.chunk_size + 1
        return (self.size if number >= self.chunk_count else number * self.chunk_size) - 1


@dataclass
class SandboxPost:
    publish_id: str
    kind: str
    source: str
    open_id: str
    created_at: float
    info: dict[str, Any]
    status: SandboxPostStatus
    urls: tuple[str, ...] = ()
    upload: SandboxUpload | None = None
    downloaded: int = 0
    sha256: str = ""
    file_heads: list[bytes] = field(default_factory=list)  # how each file begins
    buffer: UploadBuffer | None = field(default=None, repr=False)  # until it was looked at
    is_inspected: bool = False
    probed_video: ProbedVideo | None = None  # what it is; none if it was seen to be no film
    is_downloading: bool = False
    fail_reason: str = ""
    public: bool = False
    post_ids: list[int] = field(default_factory=list)
    published: int = 0  # how often it really appeared
    published_at: float = 0.0
    counter_overrides: dict[str, int | None] = field(
        default_factory=dict
    )  # instead of those that grow

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def is_photo(self) -> bool:
        return self.kind in PHOTO_KINDS

    @property
    def publish_type(self) -> str:
        return "DIRECT_PUBLISH" if self.kind in DIRECT_KINDS else "INBOX_SHARE"

    @property
    def size(self) -> int:
        return self.upload.received if self.upload else self.downloaded

    def as_dict(self) -> dict[str, Any]:
        """For the control API: everything but the keys to the upload."""
        plain = ("publish_id", "kind", "source", "open_id", "created_at", "status", "fail_reason")
        more = ("public", "published", "sha256", "size", "urls")
        fields = {name: getattr(self, name) for name in (*plain, *more)}
        video = asdict(self.probed_video) if self.probed_video else None
        ids = [str(one) for one in self.post_ids]
        return fields | {"post_ids": ids, "post_info": self.info, "film": video}


class SandboxPosts:
    def __init__(self) -> None:
        self._posts: dict[str, SandboxPost] = {}
        self._uploads: dict[str, SandboxPost] = {}

    def add(self, post: SandboxPost) -> SandboxPost:
        self._posts[post.publish_id] = post
        if post.upload:
            self._uploads[post.upload.id] = post
        return post

    def get(self, publish_id: str) -> SandboxPost | None:
        return self._posts.get(publish_id)

    def get_by_upload(self, upload_id: str) -> SandboxPost | None:
        return self._uploads.get(upload_id)

    def all(self) -> list[SandboxPost]:
        return list(self._posts.values())

    def of_creator(self, open_id: str) -> list[SandboxPost]:
        return [post for post in self._posts.values() if post.open_id == open_id]
