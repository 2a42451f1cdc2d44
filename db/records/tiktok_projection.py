"""Writes into a row of `tiktok_posts` what TikTok reported about its post, and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.base import Json
from db.records.record_table import EndedPost, ProgressReport, WebhookReport

PUBLIC_IDS_KEY = "publicaly_available_post_id"
"""Key in `details` (column `metadata`): ids of the public videos, in the vendor's spelling."""

WEBHOOK_REPORTS_KEY = "webhooks"
"""Key in `details`: what webhooks reported (`WebhookReport`), the latest last."""

MAX_WEBHOOK_REPORTS = 10

CHANGED_COLUMNS = frozenset(
    {
        "status",
        "details",
        "error_code",
        "error_message",
        "uploaded_bytes",
        "downloaded_bytes",
        "publicly_available",
        "last_polled_at",
        "completed_at",
    }
)
"""The columns that `TikTokProjection` may change."""


@dataclass(slots=True, eq=False)
class LockedTikTokPost:
    """The row of `tiktok_posts` of a locked post."""

    id: int
    source: str
    status: str
    details: Json
    error_code: str | None
    error_message: str | None
    uploaded_bytes: int | None
    downloaded_bytes: int | None
    publicly_available: bool | None
    last_polled_at: datetime | None
    completed_at: datetime | None


class TikTokProjection:
    """The `RecordProjection` of TikTok."""

    def apply_progress(
        self, record: Any, progress: ProgressReport, *, ranks: Mapping[str, int], at: datetime
    ) -> None:
        """Store a report in the row; ids of public videos are added to the known ones.

        An undocumented status is kept beside the last known one and changes nothing else.
        """
        record.last_polled_at = at  # of any report: webhooks set it too
        if progress.vendor_status not in ranks:
            add_details(record, {"platform_status": progress.vendor_status})
            return
        if ranks[progress.vendor_status] >= ranks[record.status]:
            advance_status(record, progress, ranks=ranks, at=at)
        known_ids = record.details.get(PUBLIC_IDS_KEY, [])
        new_ids = [public_id for public_id in progress.post_ids if public_id not in known_ids]
        if new_ids:
            add_details(record, {PUBLIC_IDS_KEY: [*known_ids, *new_ids]})

    def mark_webhook(self, record: Any, report: WebhookReport, *, at: datetime) -> None:
        """Store the report among the last ones; one that is applied again is stored once."""
        reports = record.details.get(WEBHOOK_REPORTS_KEY, [])
        stored = report.as_json()
        if all({**each, "is_news": report.is_news} != stored for each in reports):
            reports = [*reports, stored][-MAX_WEBHOOK_REPORTS:]
        add_details(record, {"webhook_received_at": at.isoformat(), WEBHOOK_REPORTS_KEY: reports})

    def list_webhook_reports(self, record: Any) -> Sequence[WebhookReport]:
        reports = record.details.get(WEBHOOK_REPORTS_KEY, [])
        return [WebhookReport.from_json(each) for each in reports]

    def end_record(
        self, record: Any, post: EndedPost, *, ranks: Mapping[str, int], at: datetime
    ) -> None:
        if post.state == "PUBLISHED":
            return
        record.error_code, record.error_message = post.error_code, post.error_message
        if not is_final(record.status, ranks):
            record.status, record.completed_at = "FAILED", at

    def correct_record(
        self,
        record: Any,
        post: EndedPost,
        status: str,
        *,
        ranks: Mapping[str, int],
        at: datetime,
    ) -> None:
        if status in ranks:
            record.status, record.completed_at = status, at
            record.error_code, record.error_message = post.error_code, post.error_message


def is_final(status: str, ranks: Mapping[str, int]) -> bool:
    return ranks.get(status) == max(ranks.values())


def advance_status(
    record: Any, progress: ProgressReport, *, ranks: Mapping[str, int], at: datetime
) -> None:
    status, is_now_final = progress.vendor_status, is_final(progress.vendor_status, ranks)
    if is_now_final and is_final(record.status, ranks) and status != record.status:
        return  # two final statuses: only a poll decides, see `correct_record`
    if is_now_final and record.status != status:
        record.completed_at = at
    if ranks[status] > ranks[record.status]:
        record.status = status
    if progress.bytes_done is not None:
        store_bytes_done(record, progress.bytes_done)
    if progress.is_public is not None:
        record.publicly_available = progress.is_public


def store_bytes_done(record: Any, bytes_done: int) -> None:
    if record.source == "FILE_UPLOAD":
        record.uploaded_bytes = bytes_done
    else:
        record.downloaded_bytes = bytes_done


def add_details(record: Any, details: Mapping[str, Any]) -> None:
    record.details = {**record.details, **details}
