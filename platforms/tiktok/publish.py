"""TikTok's Content Posting API: start, send, ask, cancel. Must not decide when.

Source: TikTok, content-posting-api-reference-*, read 2026-09-11 to 2026-11-22. There is no
idempotency key: a start sent twice is a video posted twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from platforms.base import App, Chunk, Octets, Order, Phase, Progress, Sent, Started
from platforms.bodies import MAX_NAME, text
from platforms.chunks import plan
from platforms.errors import Unavailable
from platforms.http import ONCE, SAFE, Http, Repeat
from platforms.secret import Secret
from platforms.tiktok import photos, uploads
from platforms.tiktok.envelope import data, needed
from platforms.tiktok.events import CANCELLED

UPLOAD_LIFETIME = timedelta(hours=1)  # from the start to the last byte
PATHS = {
    "inbox_init": "/v2/post/publish/inbox/video/init/",
    "video_init": "/v2/post/publish/video/init/",
    "content_init": "/v2/post/publish/content/init/",
    "status": "/v2/post/publish/status/fetch/",
    "cancel": "/v2/post/publish/cancel/",
    "creator_info": "/v2/post/publish/creator_info/query/",
}
STARTS = {
    "INBOX_VIDEO": "inbox_init",
    "DIRECT_VIDEO": "video_init",
    **dict.fromkeys(photos.MODES, "content_init"),
}
FLAGS = (
    "disable_duet",
    "disable_comment",
    "disable_stitch",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
)  # always sent, so that no default of the vendor's speaks for the creator
OPTIONAL = ("title", "privacy_level", "video_cover_timestamp_ms")
PHASES = {
    "PROCESSING_UPLOAD": Phase.RECEIVING,  # also once all bytes are in: `bytes_done` tells
    "PROCESSING_DOWNLOAD": Phase.PROCESSING,
    "SEND_TO_USER_INBOX": Phase.DELIVERED,
    "PUBLISH_COMPLETE": Phase.PUBLISHED,
    "FAILED": Phase.FAILED,
}


@dataclass(frozen=True)
class TikTokPublisher:
    app: App
    http: Http

    def start(self, token: Secret, order: Order) -> Started:
        """Errors: what the envelope says; Unavailable with `reached` if it may have been started.

        ValueError if the file is empty or too large for the platform.
        """
        body = photos.content(order) if order.kind in photos.MODES else video(order)
        source = body["source_info"]
        answer = self._post(STARTS[order.kind], token, body, repeat=ONCE)
        started = Started(
            publish_id=needed(answer, "publish_id"),
            chunk_size=source.get("chunk_size"),
            chunk_count=source.get("total_chunk_count"),
            log_id=answer["log_id"],
        )
        if order.source != "FILE_UPLOAD":
            return started
        url = Secret(needed(answer, "upload_url"))
        uploads.check_host(url, self.app.bases["api"])
        return replace(started, upload_url=url, upload_lifetime=UPLOAD_LIFETIME)

    def send(
        self, upload_url: Secret, data: Octets, *, chunk: Chunk, total: int, content_type: str
    ) -> Sent:
        """Errors: Rejected `upload_url_expired`, `upload_unknown`, `upload_failed`; Unavailable."""
        uploads.check_host(upload_url, self.app.bases["api"])
        return uploads.put(
            self.http, upload_url, data, chunk=chunk, total=total, content_type=content_type
        )

    def check(self, token: Secret, publish_id: str) -> Progress:
        """Errors: Rejected `invalid_publish_id`, also for a moment after the start."""
        once_more = replace(SAFE, tries=2)
        return progress(self._post("status", token, {"publish_id": publish_id}, repeat=once_more))

    def cancel(self, token: Secret, publish_id: str) -> None:
        """Only while TikTok downloads. Errors: Rejected `publish_not_cancellable`."""
        self._post("cancel", token, {"publish_id": publish_id}, repeat=ONCE)

    def creator(self, token: Secret) -> Mapping[str, Any]:
        """What the creator may do right now: to be asked for every form, and never kept."""
        return self._post("creator_info", token, None, repeat=SAFE)

    def _post(
        self, endpoint: str, token: Secret, body: Mapping[str, Any] | None, *, repeat: Repeat
    ) -> dict[str, Any]:
        reply = self.http.call(
            "POST",
            self.app.bases["api"].rstrip("/") + PATHS[endpoint],
            endpoint=endpoint,
            repeat=repeat,
            headers={
                "Authorization": f"Bearer {token.reveal()}",
                "Content-Type": "application/json; charset=UTF-8",
            },
            json=body,
        )
        return data(reply, endpoint)


def video(order: Order) -> dict[str, Any]:
    """Errors: ValueError if the file is empty or too large."""
    body: dict[str, Any] = {"source_info": source_info(order)}
    if order.kind == "DIRECT_VIDEO":
        body["post_info"] = post_info(order.settings)
    return body


def source_info(order: Order) -> dict[str, Any]:
    """Errors: ValueError if the file is empty or too large."""
    if order.source == "PULL_FROM_URL":
        return {"source": order.source, "video_url": order.video_url}
    cut = plan(order.size or 0)
    return {
        "source": order.source,
        "video_size": order.size,
        "chunk_size": cut.chunk_size,
        "total_chunk_count": cut.count,
    }


def post_info(settings: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: settings[key] for key in OPTIONAL if settings.get(key) is not None}
    return given | {flag: bool(settings.get(flag, False)) for flag in FLAGS}


def progress(answer: Mapping[str, Any]) -> Progress:
    """Errors: Unavailable for a status that no page names: we ask again, rather than guess."""
    status = str(answer.get("status"))
    if status not in PHASES:
        raise Unavailable("the answer has no known status", code="INVALID_RESPONSE")
    reason = text(answer.get("fail_reason"), MAX_NAME) if status == "FAILED" else None
    ids = post_ids(answer.get("publicaly_available_post_id"))  # the vendor's spelling
    return Progress(
        phase=Phase.CANCELLED if reason == CANCELLED else PHASES[status],
        status=status,
        reason=reason,
        post_ids=ids,
        bytes_done=size(answer.get("uploaded_bytes", answer.get("downloaded_bytes"))),
        public=True if ids else None,  # only public posts get an id, and only after moderation
        log_id=answer.get("log_id"),
    )


def post_ids(value: Any) -> tuple[str, ...]:
    """Numbers on the wire, too large for some languages; text with us."""
    listed = value if isinstance(value, list) else []
    return tuple(filter(None, map(text, listed)))


def size(value: Any) -> int | None:
    digits = text(value) or ""
    return int(digits) if digits.isascii() and digits.isdigit() else None
