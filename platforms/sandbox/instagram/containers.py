"""A media container: what was requested, how far it is, and its node.

Source: Meta, ig-user/media and ig-container, text of 2026-09-11; sentences of `status` as observed.
The states follow from times, so that a container needs no timer.
"""

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

from platforms.sandbox.upload_buffer import UploadBuffer
from platforms.sandbox.video_inspector import ProbedVideo

IMAGE, VIDEO, REELS, STORIES, CAROUSEL = "IMAGE", "VIDEO", "REELS", "STORIES", "CAROUSEL"
MEDIA_TYPES = (IMAGE, VIDEO, REELS, STORIES, CAROUSEL)
CONTAINER_FIELDS = frozenset(
    ("id", "status_code", "status", "copyright_check_status", "video_status")
)
NODE_TYPE = "ShadowIGMediaBuilder"


class SandboxContainerStatus(StrEnum):
    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    PUBLISHED = "PUBLISHED"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"


STATUS_SENTENCES = {
    "IN_PROGRESS": "In Progress: Media is still being processed.",
    "FINISHED": "Finished: Media has been uploaded and it is ready to be published.",
    "PUBLISHED": "Published: Media has been published.",
    "ERROR": "Error: Media upload has failed with error code {subcode}",
    "EXPIRED": "Expired: Media was not published within 24 hours.",
}


@dataclass(frozen=True)
class ContainerRequest:
    """The valid parameters of `POST /{ig-id}/media`. Units: `thumb_offset` in milliseconds."""

    media_type: str
    is_carousel_item: bool = False
    image_url: str = ""
    video_url: str = ""
    is_resumable: bool = False
    children: tuple[str, ...] = ()
    caption: str = ""
    alt_text: str = ""
    user_tags: tuple[dict[str, Any], ...] = ()
    collaborators: tuple[str, ...] = ()
    location_id: str = ""
    share_to_feed: bool = True
    thumb_offset: int = 0
    cover_url: str = ""
    audio_name: str = ""
    graduation_strategy: str = ""  # of a trial reel
    is_ai_generated: bool = False

    @property
    def is_video(self) -> bool:
        return bool(self.video_url) or self.is_resumable


@dataclass
class ResumableUpload:
    """A resumable upload: the bytes that have arrived, in order, and their digest."""

    size: int = 0
    received: int = 0
    digest: Any = field(default_factory=sha256, repr=False)
    buffer: UploadBuffer | None = field(default=None, repr=False)
    is_complete: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def restart(self, size: int) -> None:
        if self.buffer is not None:
            self.buffer.close()
        self.size, self.received = size, 0
        self.digest, self.buffer = sha256(), UploadBuffer(size)


@dataclass
class SandboxContainer:
    """A container. `finish_at`: when it is ready, None while that is open. Units: seconds."""

    id: str
    account_id: str
    request: ContainerRequest
    created_at: float
    expires_at: float
    finish_at: float | None = None
    error_subcode: int = 0
    is_stuck: bool = False  # by a test: never ready
    has_copyright_match: bool = False  # by a test
    late_publishes: int = 0  # so many publishes after FINISHED are still refused
    media_id: str = ""
    upload: ResumableUpload | None = None
    size: int = 0  # bytes of its file
    digest: str = ""
    probed_video: ProbedVideo | None = None
    objection: str = ""  # which property of its video was not accepted

    def status_at(self, now: float) -> SandboxContainerStatus:
        if self.media_id:
            return SandboxContainerStatus.PUBLISHED
        if self.error_subcode:
            return SandboxContainerStatus.ERROR
        if now >= self.expires_at:
            return SandboxContainerStatus.EXPIRED
        is_ready = self.finish_at is not None and now >= self.finish_at and not self.is_stuck
        return SandboxContainerStatus.FINISHED if is_ready else SandboxContainerStatus.IN_PROGRESS

    def fail(self, subcode: int) -> None:
        self.error_subcode = subcode

    def as_node(self, now: float) -> dict[str, Any]:
        """Return every field of the node."""
        status = self.status_at(now)
        return {
            "id": self.id,
            "status_code": str(status),
            "status": STATUS_SENTENCES[status].format(subcode=self.error_subcode),
            "copyright_check_status": {
                "status": "in_progress"
                if status == SandboxContainerStatus.IN_PROGRESS
                else "completed",
                "matches_found": self.has_copyright_match,
            },
            "video_status": self._video_status(status) if self.request.is_video else None,
        }

    def _video_status(self, status: SandboxContainerStatus) -> dict[str, Any]:
        """Return the phases as the SDK has them; the bytes tell where an upload resumes."""
        is_uploading = self.upload is not None and not self.upload.is_complete
        uploading = {
            "status": "in_progress" if is_uploading else "complete",
            "bytes_transferred": self.upload.received if self.upload else self.size,
        }
        phases = {
            SandboxContainerStatus.IN_PROGRESS: "in_progress",
            SandboxContainerStatus.ERROR: "error",
        }
        processing = "not_started" if is_uploading else phases.get(status, "complete")
        return {"uploading_phase": uploading, "processing_phase": {"status": processing}}

    def as_dict(self, now: float) -> dict[str, Any]:
        """Return the container for the control API."""
        request = self.request
        return {
            "id": self.id,
            "account_id": self.account_id,
            "created_at": self.created_at,
            "media_type": request.media_type,
            "is_carousel_item": request.is_carousel_item,
            "children": list(request.children),
            "caption": request.caption,
            "status_code": str(self.status_at(now)),
            "error_subcode": self.error_subcode,
            "objection": self.objection,
            "media_id": self.media_id,
            "size": self.upload.received if self.upload else self.size,
            "sha256": self.digest,
        }
