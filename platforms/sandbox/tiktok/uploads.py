"""The upload endpoint: accepts the chunks of a file in order, in the planned sizes, for an hour.

The bytes are hashed; only the parts that the inspection of the video needs are kept.
Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11.
"""

import re
from dataclasses import dataclass

from flask import Blueprint, Response, request

from platforms.sandbox.request_log import ENTRY_KEY
from platforms.sandbox.tiktok import video_inspection
from platforms.sandbox.tiktok.posts import SandboxPost, SandboxUpload
from platforms.sandbox.tiktok.state import TikTokState, current_tiktok

routes = Blueprint("uploads", __name__)

UPLOAD_MIMETYPES = frozenset({"video/mp4", "video/quicktime", "video/webm"})
RANGE_PATTERN = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", re.ASCII)
READ_SIZE = 1_048_576  # bytes read at a time
HEAD_BYTES = 64  # bytes kept to recognise the container
COMPLETE_STATUS = 201
STORED_STATUS = 206
MALFORMED_STATUS = 400
EXPIRED_STATUS = 403
UNKNOWN_STATUS = 404
RANGE_MISMATCH_STATUS = 416


@dataclass(frozen=True)
class ContentRange:
    first: int
    last: int
    total: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@routes.put("/upload")
def receive_chunk() -> Response:
    """Store a chunk. The URL contains its own token; an access token must not be sent with it."""
    tiktok = current_tiktok()
    post = tiktok.posts.get_by_upload(request.args.get("upload_id", ""))
    upload = post.upload if post else None
    if not post or not upload or upload.token != request.args.get("upload_token"):
        return refused_response(UNKNOWN_STATUS, "the upload is unknown")
    request.environ[ENTRY_KEY].update(publish_id=post.publish_id, open_id=post.open_id)
    with upload.lock:
        return accept_chunk(tiktok, post, upload)


def accept_chunk(tiktok: TikTokState, post: SandboxPost, upload: SandboxUpload) -> Response:
    if upload.expires_at <= tiktok.time:
        return refused_response(EXPIRED_STATUS, "the upload URL has expired")
    content_range = parse_content_range()
    if (
        content_range is None
        or content_range.total != upload.size
        or content_range.size != request.content_length
    ):
        message = "Content-Range is missing or does not match the upload or Content-Length"
        return refused_response(MALFORMED_STATUS, message)
    if request.mimetype not in UPLOAD_MIMETYPES or "Authorization" in request.headers:
        message = "the Content-Type is not that of a video, or there is an Authorization header"
        return refused_response(MALFORMED_STATUS, message)
    request.environ[ENTRY_KEY].update(first=content_range.first, last=content_range.last)
    if not post.is_open and upload.received < upload.size:
        return refused_response(UNKNOWN_STATUS, "the post of the upload has already ended")
    if (content_range.first, content_range.last) != (upload.received, upload.expected_last):
        return progress_response(RANGE_MISMATCH_STATUS, upload)
    return store_chunk(tiktok, post, upload)


def parse_content_range() -> ContentRange | None:
    match = RANGE_PATTERN.fullmatch(request.headers.get("Content-Range", ""))
    return ContentRange(*map(int, match.groups())) if match else None


def store_chunk(tiktok: TikTokState, post: SandboxPost, upload: SandboxUpload) -> Response:
    """Store a chunk as a whole or not at all: a body that breaks off changes nothing."""
    digest, head, size = upload.digest.copy(), upload.head, 0
    while part := request.stream.read(READ_SIZE):
        digest.update(part)
        if post.buffer:
            post.buffer.write(upload.received + size, part)
        head = (head + part)[:HEAD_BYTES] if len(head) < HEAD_BYTES else head
        size += len(part)
    upload.digest, upload.head, upload.received = digest, head, upload.received + size
    request.environ[ENTRY_KEY].update(work=True)
    if upload.received < upload.size:
        return progress_response(STORED_STATUS, upload)
    with tiktok.lock:
        post.sha256, post.file_heads = digest.hexdigest(), [head]
        video_inspection.start_inspection(tiktok, post)
    return progress_response(COMPLETE_STATUS, upload)


def progress_response(status: int, upload: SandboxUpload) -> Response:
    """Return the index of the last byte received in Content-Range, as the page's examples do."""
    last = max(upload.received - 1, 0)
    return Response(status=status, headers={"Content-Range": f"bytes 0-{last}/{upload.size}"})


def refused_response(status: int, message: str) -> Response:
    request.environ[ENTRY_KEY].update(message=message)
    return Response(status=status)
