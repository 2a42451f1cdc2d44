"""The sandbox's posts and uploads, and how often each post was really published.

Source: TikTok, content-posting-api-reference-*, read 2026-09-11; publish ids also as observed.
"""

import secrets
import threading
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from platforms.sandbox.upload_buffer import UploadBuffer
from platforms.sandbox.video_inspector import ProbedVideo


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
    """Return a 64-bit id of 19 digits that begins with the time; too large for a double."""
    return (int(now) << 32) | secrets.randbits(32)


@dataclass
class SandboxUpload:
    """An upload: how many bytes have arrived, their digest and the first of them."""

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
        """Index of the last byte of the next chunk; the last chunk includes the remainder."""
        chunk_number = self.received // self.chunk_size + 1
        is_last_chunk = chunk_number >= self.chunk_count
        return (self.size if is_last_chunk else chunk_number * self.chunk_size) - 1


@dataclass
class SandboxPost:
    """A post at TikTok, from its start on."""

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
    file_heads: list[bytes] = field(default_factory=list)  # the first bytes of each file
    buffer: UploadBuffer | None = field(default=None, repr=False)  # until the video is inspected
    is_inspected: bool = False
    probed_video: ProbedVideo | None = None  # None before the inspection, and if it is no video
    is_downloading: bool = False
    fail_reason: str = ""
    public: bool = False
    post_ids: list[int] = field(default_factory=list)
    published: int = 0  # how often the post was really published
    published_at: float = 0.0
    # set by a test, in place of the counts that grow with time
    counter_overrides: dict[str, int | None] = field(default_factory=dict)

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
        """Return the post for the control API, without the upload's token."""
        return {
            "publish_id": self.publish_id,
            "kind": self.kind,
            "source": self.source,
            "open_id": self.open_id,
            "created_at": self.created_at,
            "status": self.status,
            "fail_reason": self.fail_reason,
            "public": self.public,
            "published": self.published,
            "sha256": self.sha256,
            "size": self.size,
            "urls": self.urls,
            "post_ids": [str(post_id) for post_id in self.post_ids],
            "post_info": self.info,
            "film": asdict(self.probed_video) if self.probed_video else None,
        }


class SandboxPosts:
    """All posts, by publish id and by upload id."""

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
