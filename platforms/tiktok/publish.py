"""TikTok's Content Posting API: start, send, ask, cancel. Must not decide when.

Source: TikTok, content-posting-api-reference-*, read 2026-09-11 to 2026-11-22. There is no
idempotency key: a start sent twice is a video posted twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from platforms.base import (
    BytesLike,
    Chunk,
    ChunkResult,
    Phase,
    PlatformApp,
    PublishProgress,
    PublishRequest,
    StartResult,
)
from platforms.chunks import plan_chunks
from platforms.errors import Unavailable
from platforms.http import NO_RETRY, SAFE_RETRY, HttpClient, HttpRetryPolicy
from platforms.json_body import MAX_NAME_LENGTH, to_text
from platforms.secret import Secret
from platforms.tiktok import photos, uploads
from platforms.tiktok.envelope import require_text, unwrap_data
from platforms.tiktok.events import CANCELLED_REASON

UPLOAD_LIFETIME = timedelta(hours=1)  # from the start to the last byte
PATHS = {
    "inbox_init": "/v2/post/publish/inbox/video/init/",
    "video_init": "/v2/post/publish/video/init/",
    "content_init": "/v2/post/publish/content/init/",
    "status": "/v2/post/publish/status/fetch/",
    "cancel": "/v2/post/publish/cancel/",
    "creator_info": "/v2/post/publish/creator_info/query/",
}
INIT_ENDPOINTS = {
    "INBOX_VIDEO": "inbox_init",
    "DIRECT_VIDEO": "video_init",
    **dict.fromkeys(photos.POST_MODES, "content_init"),
}
FLAG_FIELDS = (
    "disable_duet",
    "disable_comment",
    "disable_stitch",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
)  # always sent, so that no default of the vendor's speaks for the creator
OPTIONAL_FIELDS = ("title", "privacy_level", "video_cover_timestamp_ms")
PHASE_BY_STATUS = {
    "PROCESSING_UPLOAD": Phase.RECEIVING,  # also once all bytes are in: `bytes_done` tells
    "PROCESSING_DOWNLOAD": Phase.PROCESSING,
    "SEND_TO_USER_INBOX": Phase.DELIVERED,
    "PUBLISH_COMPLETE": Phase.PUBLISHED,
    "FAILED": Phase.FAILED,
}


@dataclass(frozen=True)
class TikTokPublisher:
    app: PlatformApp
    http: HttpClient

    def start(self, token: Secret, request: PublishRequest) -> StartResult:
        """Errors: what the envelope says; Unavailable with `reached` if it may have been started.

        ValueError if the file is empty or too large for the platform.
        """
        body = (
            photos.photo_post_body(request)
            if request.kind in photos.POST_MODES
            else video_post_body(request)
        )
        source = body["source_info"]
        payload = self._post(INIT_ENDPOINTS[request.kind], token, body, retry=NO_RETRY)
        started = StartResult(
            publish_id=require_text(payload, "publish_id"),
            chunk_size=source.get("chunk_size"),
            chunk_count=source.get("total_chunk_count"),
            log_id=payload["log_id"],
        )
        if request.source != "FILE_UPLOAD":
            return started
        url = Secret(require_text(payload, "upload_url"))
        uploads.check_upload_host(url, self.app.base_urls["api"])
        return replace(started, upload_url=url, upload_lifetime=UPLOAD_LIFETIME)

    def send_chunk(
        self,
        upload_url: Secret,
        data: BytesLike,
        *,
        chunk: Chunk,
        total_size: int,
        content_type: str,
    ) -> ChunkResult:
        """Errors: Rejected `upload_url_expired`, `upload_unknown`, `upload_failed`; Unavailable."""
        uploads.check_upload_host(upload_url, self.app.base_urls["api"])
        return uploads.upload_chunk(
            self.http,
            upload_url,
            data,
            chunk=chunk,
            total_size=total_size,
            content_type=content_type,
        )

    def fetch_status(self, token: Secret, publish_id: str) -> PublishProgress:
        """Errors: Rejected `invalid_publish_id`, also for a moment after the start."""
        retry = replace(SAFE_RETRY, max_attempts=2)
        return parse_progress(self._post("status", token, {"publish_id": publish_id}, retry=retry))

    def cancel(self, token: Secret, publish_id: str) -> None:
        """Only while TikTok downloads. Errors: Rejected `publish_not_cancellable`."""
        self._post("cancel", token, {"publish_id": publish_id}, retry=NO_RETRY)

    def fetch_creator_info(self, token: Secret) -> Mapping[str, Any]:
        """What the creator may do right now: to be asked for every form, and never kept."""
        return self._post("creator_info", token, None, retry=SAFE_RETRY)

    def _post(
        self,
        endpoint: str,
        token: Secret,
        body: Mapping[str, Any] | None,
        *,
        retry: HttpRetryPolicy,
    ) -> dict[str, Any]:
        response = self.http.call(
            "POST",
            self.app.base_urls["api"].rstrip("/") + PATHS[endpoint],
            endpoint=endpoint,
            retry=retry,
            headers={
                "Authorization": f"Bearer {token.reveal()}",
                "Content-Type": "application/json; charset=UTF-8",
            },
            json=body,
        )
        return unwrap_data(response, endpoint)


def video_post_body(request: PublishRequest) -> dict[str, Any]:
    """Errors: ValueError if the file is empty or too large."""
    body: dict[str, Any] = {"source_info": source_info(request)}
    if request.kind == "DIRECT_VIDEO":
        body["post_info"] = post_info(request.settings)
    return body


def source_info(request: PublishRequest) -> dict[str, Any]:
    """Errors: ValueError if the file is empty or too large."""
    if request.source == "PULL_FROM_URL":
        return {"source": request.source, "video_url": request.video_url}
    chunk_plan = plan_chunks(request.size or 0)
    return {
        "source": request.source,
        "video_size": request.size,
        "chunk_size": chunk_plan.chunk_size,
        "total_chunk_count": chunk_plan.count,
    }


def post_info(settings: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: settings[key] for key in OPTIONAL_FIELDS if settings.get(key) is not None}
    return given | {flag: bool(settings.get(flag, False)) for flag in FLAG_FIELDS}


def parse_progress(payload: Mapping[str, Any]) -> PublishProgress:
    """Errors: Unavailable for a status that no page names: we ask again, rather than guess."""
    status = str(payload.get("status"))
    if status not in PHASE_BY_STATUS:
        raise Unavailable("the answer has no known status", code="INVALID_RESPONSE")
    reason = to_text(payload.get("fail_reason"), MAX_NAME_LENGTH) if status == "FAILED" else None
    ids = parse_post_ids(payload.get("publicaly_available_post_id"))  # the vendor's spelling
    return PublishProgress(
        phase=Phase.CANCELLED if reason == CANCELLED_REASON else PHASE_BY_STATUS[status],
        vendor_status=status,
        fail_reason=reason,
        post_ids=ids,
        bytes_done=parse_size(payload.get("uploaded_bytes", payload.get("downloaded_bytes"))),
        is_public=True if ids else None,  # only public posts get an id, and only after moderation
        log_id=payload.get("log_id"),
    )


def parse_post_ids(value: Any) -> tuple[str, ...]:
    """Numbers on the wire, too large for some languages; text with us."""
    listed = value if isinstance(value, list) else []
    return tuple(filter(None, map(to_text, listed)))


def parse_size(value: Any) -> int | None:
    digits = to_text(value) or ""
    return int(digits) if digits.isascii() and digits.isdigit() else None
