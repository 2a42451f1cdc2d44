"""One chunk of bytes to TikTok's upload host. Must not know what the bytes are, nor which is next.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11.
"""

import re

from platforms.base import Chunk, Octets, Sent
from platforms.errors import Rejected, Unavailable
from platforms.http import ONCE, Http, Reply
from platforms.secret import Secret

HOSTS = ".tiktokapis.com"
TIMEOUT = (3.0, 60.0)  # seconds; a chunk may have 64 MB
ALL_IN, STORED, OUT_OF_STEP = 201, 206, 416
TOLERATED = 200  # undocumented; believed only with the range that a real answer carries
REFUSALS = {400: "upload_failed", 403: "upload_url_expired", 404: "upload_unknown"}
RANGE = re.compile(r"bytes[ =]0-(\d{1,19})/\d{1,19}", re.ASCII)
URL = re.compile(r"(https?)://([A-Za-z0-9.-]+)(?::(\d{1,5}))?(?:[/?][!-~]*)?")


def check_host(upload_url: Secret, api: str) -> None:
    """Creators' files go to TikTok, or to the server that stands in for its whole API.

    Errors: Rejected `upload_failed`; the address is a secret and is not quoted.
    """
    url, stand_in = URL.fullmatch(upload_url.reveal()), URL.fullmatch(api)
    if url and stand_in and url.groups() == stand_in.groups():
        return
    if url and url[1] == "https" and url[2].lower().endswith(HOSTS) and url[3] in {None, "443"}:
        return
    raise Rejected("the upload address is not TikTok's", code="upload_failed")


def put(
    http: Http, upload_url: Secret, data: Octets, *, chunk: Chunk, total: int, content_type: str
) -> Sent:
    """Sent once: a chunk whose answer is lost may be stored, and the last one published.

    The address is its own key, so no token goes along.
    """
    reply = http.call(
        "PUT",
        upload_url.reveal(),
        endpoint="upload",
        repeat=ONCE,
        headers={
            "Content-Type": content_type,
            "Content-Range": f"bytes {chunk.first}-{chunk.last}/{total}",
        },
        data=data,
        timeout=TIMEOUT,
    )
    return judged(reply, chunk, total)


def judged(reply: Reply, chunk: Chunk, total: int) -> Sent:
    """Errors: Rejected as in `REFUSALS`; otherwise the chunk has to go again."""
    progress = RANGE.fullmatch(reply.headers.get("content-range", ""))
    believed = reply.status in {STORED, ALL_IN} or (reply.status == TOLERATED and progress)
    if believed:
        end = chunk.last + 1
        return Sent(offset=end, done=end == total or reply.status == ALL_IN)
    if reply.status == OUT_OF_STEP and progress:
        return resumed(int(progress[1]), chunk, total)
    if reply.status in REFUSALS:
        raise Rejected(f"answered {reply.status}", code=REFUSALS[reply.status])
    raise reply.fault() or Unavailable(f"answered {reply.status}", code="INVALID_RESPONSE")


def resumed(end: int, chunk: Chunk, total: int) -> Sent:
    """Go on where the platform stands.

    The page calls the figure UPLOADED_BYTES, its examples show the last byte's index. A count can
    only be what we began with, nothing, or everything; anything else is an index.
    Errors: Unavailable if the platform stands where this very chunk began, so that tries count.
    """
    offset = end if end in {0, chunk.first, total} else end + 1
    if offset == chunk.first:
        raise Unavailable("refused the very range it asks for", code="upload_failed")
    return Sent(offset=offset, done=offset >= total)
