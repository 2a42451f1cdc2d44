"""Chunks of a file: in order, of the planned sizes, within the hour. Bytes are hashed, and kept
only as far as a look into the film takes them.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11.
"""

import re
from dataclasses import dataclass

from flask import Blueprint, Response, request

from platforms.sandbox.log import ENTRY
from platforms.sandbox.tiktok import screening
from platforms.sandbox.tiktok.posts import Post, Upload
from platforms.sandbox.tiktok.state import TikTok, here

routes = Blueprint("uploads", __name__)

TYPES = frozenset({"video/mp4", "video/quicktime", "video/webm"})
RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", re.ASCII)
PIECE = 1_048_576  # bytes read at a time
HEAD = 64  # bytes kept to recognise the container
STORED, ALL_IN, MALFORMED, EXPIRED, UNKNOWN, OUT_OF_STEP = 206, 201, 400, 403, 404, 416


@dataclass(frozen=True)
class Range:
    first: int
    last: int
    total: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@routes.put("/upload")
def put() -> Response:
    """Whoever knows the address may write: no token is looked at, and none should come along."""
    tiktok = here()
    post = tiktok.posts.of_upload(request.args.get("upload_id", ""))
    upload = post.upload if post else None
    if not post or not upload or upload.token != request.args.get("upload_token"):
        return refused(UNKNOWN, "no such upload")
    request.environ[ENTRY].note(publish_id=post.publish_id, open_id=post.open_id)
    with upload.lock:
        return judged(tiktok, post, upload)


def judged(tiktok: TikTok, post: Post, upload: Upload) -> Response:
    if upload.until <= tiktok.time:
        return refused(EXPIRED, "the upload address has expired")
    asked = content_range()
    if asked is None or asked.total != upload.size or asked.size != request.content_length:
        return refused(MALFORMED, "the headers do not fit together")
    if request.mimetype not in TYPES or "Authorization" in request.headers:
        return refused(MALFORMED, "the headers are not those of an upload")
    request.environ[ENTRY].note(first=asked.first, last=asked.last)
    if not post.is_open and upload.received < upload.size:
        return refused(UNKNOWN, "no such upload any more")
    if (asked.first, asked.last) != (upload.received, upload.last):
        return progress(OUT_OF_STEP, upload)
    return stored(tiktok, post, upload)


def content_range() -> Range | None:
    found = RANGE.fullmatch(request.headers.get("Content-Range", ""))
    return Range(*map(int, found.groups())) if found else None


def stored(tiktok: TikTok, post: Post, upload: Upload) -> Response:
    """A chunk counts as a whole or not at all: a broken body leaves everything as it was."""
    digest, head, size = upload.digest.copy(), upload.head, 0
    while piece := request.stream.read(PIECE):
        digest.update(piece)
        if post.reel:
            post.reel.write(upload.received + size, piece)
        head = (head + piece)[:HEAD] if len(head) < HEAD else head
        size += len(piece)
    upload.digest, upload.head, upload.received = digest, head, upload.received + size
    request.environ[ENTRY].note(work=True)
    if upload.received < upload.size:
        return progress(STORED, upload)
    with tiktok.lock:
        post.sha256, post.heads = digest.hexdigest(), [head]
        screening.begin(tiktok, post)
    return progress(ALL_IN, upload)


def progress(status: int, upload: Upload) -> Response:
    """Tells the last byte's index, as the page's examples do."""
    last = max(upload.received - 1, 0)
    return Response(status=status, headers={"Content-Range": f"bytes 0-{last}/{upload.size}"})


def refused(status: int, why: str) -> Response:
    request.environ[ENTRY].note(message=why)
    return Response(status=status)
