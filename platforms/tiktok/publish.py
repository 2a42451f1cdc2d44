"""TikTok's Content Posting API: start a post, upload its chunks, fetch its status, cancel it.

There is no idempotency key: a start that is sent twice posts the video twice.
Source: TikTok, content-posting-api-reference-*, read 2026-09-11 to 2026-11-22.
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
from platforms.errors import UnreadableResponse
from platforms.http import NO_RETRY, SAFE_RETRY, HttpClient, HttpRetryPolicy
from platforms.json_body import MAX_NAME_LENGTH
from platforms.secret import Secret
from platforms.tiktok import photos, uploads
from platforms.tiktok.envelope import check_subject, require_id, require_secret, unwrap_data
from platforms.tiktok.events import CANCELLED_REASON
from platforms.vendor_values import (
    read_count,
    read_flag,
    read_id,
    read_ids,
    read_limit,
    read_names,
    read_text,
    read_url,
)

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
FLAG_FIELDS = (  # always sent, so that TikTok's defaults never replace the creator's choice
    "disable_duet",
    "disable_comment",
    "disable_stitch",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
)
MAX_CREATOR_NAME_LENGTH, MAX_URL_LENGTH = 255, 2048  # characters
CREATOR_FLAG_FIELDS = ("comment_disabled", "duet_disabled", "stitch_disabled")
OPTIONAL_FIELDS = ("title", "privacy_level", "video_cover_timestamp_ms")
PHASE_BY_STATUS = {
    "PROCESSING_UPLOAD": Phase.RECEIVING,  # also when all bytes have arrived, see `bytes_done`
    "PROCESSING_DOWNLOAD": Phase.PROCESSING,
    "SEND_TO_USER_INBOX": Phase.DELIVERED,
    "PUBLISH_COMPLETE": Phase.PUBLISHED,
    "FAILED": Phase.FAILED,
}


@dataclass(frozen=True)
class TikTokPublisher:
    """Publishes videos and photos."""

    app: PlatformApp
    http: HttpClient

    def start(self, token: Secret, request: PublishRequest) -> StartResult:
        """Start a post and return its publish id; the post exists even if the answer is lost.

        Errors: those of `unwrap_data`; Unavailable, where `may_have_arrived` says whether the
        post may have been started; ValueError if the file is empty or too large.
        """
        is_photo = request.kind in photos.POST_MODES
        body = photos.photo_post_body(request) if is_photo else video_post_body(request)
        source = body["source_info"]
        payload = self._post(INIT_ENDPOINTS[request.kind], token, body, retry=NO_RETRY)
        result = StartResult(
            publish_id=require_id(payload, "publish_id"),
            chunk_size=source.get("chunk_size"),
            chunk_count=source.get("total_chunk_count"),
            log_id=payload["log_id"],
        )
        if request.source != "FILE_UPLOAD":
            return result
        url = require_secret(payload, "upload_url")
        uploads.check_upload_host(url, self.app.base_urls["api"])
        return replace(result, upload_url=url, upload_lifetime=UPLOAD_LIFETIME)

    def send_chunk(
        self,
        upload_url: Secret,
        data: BytesLike,
        *,
        chunk: Chunk,
        total_size: int,
        content_type: str,
    ) -> ChunkResult:
        """Upload one chunk; sent once.

        Errors: Rejected `upload_url_expired`, `upload_unknown`, `upload_failed`; Unavailable.
        """
        uploads.check_upload_host(upload_url, self.app.base_urls["api"])
        return uploads.send_chunk(
            self.http,
            upload_url,
            data,
            chunk=chunk,
            total_size=total_size,
            content_type=content_type,
        )

    def fetch_status(self, token: Secret, publish_id: str) -> PublishProgress:
        """Return how far a post has got.

        Errors: Rejected `invalid_publish_id`, also for a short time after the start;
        MisdirectedResponse if the answer is about another post.
        """
        retry = replace(SAFE_RETRY, max_attempts=2)
        payload = self._post("status", token, {"publish_id": publish_id}, retry=retry)
        check_subject(payload, "publish_id", publish_id)
        return parse_progress(payload)

    def cancel(self, token: Secret, publish_id: str) -> None:
        """Cancel a post while TikTok downloads its files.

        Errors: Rejected `publish_not_cancellable`; MisdirectedResponse if the answer is about
        another post.
        """
        payload = self._post("cancel", token, {"publish_id": publish_id}, retry=NO_RETRY)
        check_subject(payload, "publish_id", publish_id)

    def fetch_posting_options(self, token: Secret) -> Mapping[str, Any]:
        """Return what the creator may do at the moment; TikTok wants it fetched for every form."""
        return parse_creator_info(self._post("creator_info", token, None, retry=SAFE_RETRY))

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
    """Return the body that starts a video. Errors: ValueError if the file has a bad size."""
    body: dict[str, Any] = {"source_info": source_info(request)}
    if request.kind == "DIRECT_VIDEO":
        body["post_info"] = post_info(request.settings)
    return body


def source_info(request: PublishRequest) -> dict[str, Any]:
    """Return where the bytes come from. Errors: ValueError if the file has a bad size."""
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
    options = {name: settings[name] for name in OPTIONAL_FIELDS if settings.get(name) is not None}
    return options | {flag: bool(settings.get(flag, False)) for flag in FLAG_FIELDS}


def parse_progress(payload: Mapping[str, Any]) -> PublishProgress:
    """Parse a status response.

    Errors: UnreadableResponse for an unknown status, so that it is polled again.
    """
    status = (read_id(payload.get("status"), MAX_NAME_LENGTH) or "").upper()
    if status not in PHASE_BY_STATUS:
        raise UnreadableResponse("the response has no documented `status`")
    reason = read_id(payload.get("fail_reason"), MAX_NAME_LENGTH) if status == "FAILED" else None
    # the vendor's spelling, and that of the dictionary
    ids = read_ids(payload.get("publicaly_available_post_id")) or read_ids(
        payload.get("publicly_available_post_id")
    )
    uploaded_bytes = read_count(payload.get("uploaded_bytes"))
    return PublishProgress(
        phase=Phase.CANCELLED if reason == CANCELLED_REASON else PHASE_BY_STATUS[status],
        vendor_status=status,
        fail_reason=reason,
        post_ids=ids,
        bytes_done=read_count(payload.get("downloaded_bytes"))
        if uploaded_bytes is None
        else uploaded_bytes,
        is_public=True if ids else None,  # only public posts get an id, and only after moderation
        log_id=payload.get("log_id"),
    )


def parse_creator_info(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer's fields in their documented types; None for what it does not say."""
    return {
        **payload,
        "creator_nickname": read_text(payload.get("creator_nickname"), MAX_CREATOR_NAME_LENGTH),
        "creator_username": read_text(payload.get("creator_username"), MAX_CREATOR_NAME_LENGTH),
        "creator_avatar_url": read_url(payload.get("creator_avatar_url"), MAX_URL_LENGTH),
        "privacy_level_options": [
            name.upper() for name in read_names(payload.get("privacy_level_options"))
        ],
        **{name: read_flag(payload.get(name)) for name in CREATOR_FLAG_FIELDS},
        "max_video_post_duration_sec": read_limit(payload.get("max_video_post_duration_sec")),
    }
