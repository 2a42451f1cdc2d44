"""What the platform knows of a post, moved on by its news. Statuses have a rank, and no news moves
a record back, whoever brings it and when.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from db.heard import AnyPost, AnyRecord
from platforms.base import Progress

RANK = {
    "PROCESSING_UPLOAD": 1,
    "PROCESSING_DOWNLOAD": 1,
    "SEND_TO_USER_INBOX": 2,
    "PUBLISH_COMPLETE": 3,
    "FAILED": 3,
}
LAST = 3
BYTES = {"FILE_UPLOAD": "uploaded_bytes", "PULL_FROM_URL": "downloaded_bytes"}
IDS = "publicaly_available_post_id"  # the vendor's spelling


def hear(record: AnyRecord, progress: Progress, *, at: datetime) -> None:
    """What the platform says, and ids of posts that are added to the known ones.

    A status that no page names is kept beside the last known one and changes nothing else.
    """
    record.last_polled_at = at
    if progress.status not in RANK:
        add(record, {"platform_status": progress.status})
        return
    if RANK[progress.status] >= RANK[record.status]:
        advance(record, progress, at=at)
    known = record.details.get(IDS, [])
    fresh = [each for each in progress.post_ids if each not in known]
    if fresh:
        add(record, {IDS: [*known, *fresh]})


def advance(record: AnyRecord, progress: Progress, *, at: datetime) -> None:
    rank, status = RANK[progress.status], progress.status
    if rank == RANK[record.status] == LAST and status != record.status:
        return  # two ends: which of them holds, only a question to the platform decides
    if rank == LAST and record.status != status:
        record.completed_at = at
    record.status = status if rank > RANK[record.status] else record.status
    if progress.bytes_done is not None:
        setattr(record, BYTES[record.source], progress.bytes_done)
    if progress.public is not None:
        record.publicly_available = progress.public


def add(record: AnyRecord, details: Mapping[str, Any]) -> None:
    record.details = {**record.details, **details}


def ended(record: AnyRecord, post: AnyPost, *, at: datetime) -> None:
    """Our own end of a post, where the platform did not name one."""
    if post.state == "PUBLISHED":
        return
    record.error_code, record.error_message = post.error_code, post.error_message
    if RANK[record.status] < LAST:
        record.status, record.completed_at = "FAILED", at


def correct(record: AnyRecord, post: AnyPost, status: str, *, at: datetime) -> None:
    """The platform, asked again, names another end than the one we held."""
    if status in RANK:
        record.status, record.completed_at = status, at
        record.error_code, record.error_message = post.error_code, post.error_message
