"""One chunk of bytes to TikTok's upload host. Must not know what the bytes are, nor which is next.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11.
"""

import re

from platforms.base import BytesLike, Chunk, ChunkResult
from platforms.errors import Rejected, Unavailable
from platforms.http import NO_RETRY, HttpClient, HttpResponse
from platforms.secret import Secret

UPLOAD_HOST_SUFFIX = ".tiktokapis.com"
UPLOAD_TIMEOUT = (3.0, 60.0)  # seconds; a chunk may have 64 MB
COMPLETE_STATUS, STORED_STATUS, RANGE_MISMATCH_STATUS = 201, 206, 416
TOLERATED_STATUS = 200  # undocumented; believed only with the range that a real answer carries
REJECTION_CODES = {400: "upload_failed", 403: "upload_url_expired", 404: "upload_unknown"}
RANGE_PATTERN = re.compile(r"bytes[ =]0-(\d{1,19})/\d{1,19}", re.ASCII)
URL_PATTERN = re.compile(r"(https?)://([A-Za-z0-9.-]+)(?::(\d{1,5}))?(?:[/?][!-~]*)?")


def check_upload_host(upload_url: Secret, api: str) -> None:
    """Creators' files go to TikTok, or to the server that stands in for its whole API.

    Errors: Rejected `upload_failed`; the address is a secret and is not quoted.
    """
    url, api_url = URL_PATTERN.fullmatch(upload_url.reveal()), URL_PATTERN.fullmatch(api)
    if url and api_url and url.groups() == api_url.groups():
        return
    if (
        url
        and url[1] == "https"
        and url[2].lower().endswith(UPLOAD_HOST_SUFFIX)
        and url[3] in {None, "443"}
    ):
        return
    raise Rejected("the upload address is not TikTok's", code="upload_failed")


def upload_chunk(
    http: HttpClient,
    upload_url: Secret,
    data: BytesLike,
    *,
    chunk: Chunk,
    total_size: int,
    content_type: str,
) -> ChunkResult:
    """Sent once: a chunk whose answer is lost may be stored, and the last one published.

    The address is its own key, so no token goes along.
    """
    response = http.call(
        "PUT",
        upload_url.reveal(),
        endpoint="upload",
        retry=NO_RETRY,
        headers={
            "Content-Type": content_type,
            "Content-Range": f"bytes {chunk.first}-{chunk.last}/{total_size}",
        },
        data=data,
        timeout=UPLOAD_TIMEOUT,
    )
    return parse_upload_response(response, chunk, total_size)


def parse_upload_response(response: HttpResponse, chunk: Chunk, total_size: int) -> ChunkResult:
    """Errors: Rejected as in `REFUSALS`; otherwise the chunk has to go again."""
    progress = RANGE_PATTERN.fullmatch(response.headers.get("content-range", ""))
    is_accepted = response.status in {STORED_STATUS, COMPLETE_STATUS} or (
        response.status == TOLERATED_STATUS and progress
    )
    if is_accepted:
        end = chunk.last + 1
        return ChunkResult(
            next_offset=end, is_complete=end == total_size or response.status == COMPLETE_STATUS
        )
    if response.status == RANGE_MISMATCH_STATUS and progress:
        return resume_upload(int(progress[1]), chunk, total_size)
    if response.status in REJECTION_CODES:
        raise Rejected(f"answered {response.status}", code=REJECTION_CODES[response.status])
    raise response.status_error() or Unavailable(
        f"answered {response.status}", code="INVALID_RESPONSE"
    )


def resume_upload(end: int, chunk: Chunk, total_size: int) -> ChunkResult:
    """Go on where the platform stands.

    The page calls the figure UPLOADED_BYTES, its examples show the last byte's index. A count can
    only be what we began with, nothing, or everything; anything else is an index.
    Errors: Unavailable if the platform stands where this very chunk began, so that tries count.
    """
    offset = end if end in {0, chunk.first, total_size} else end + 1
    if offset == chunk.first:
        raise Unavailable("refused the very range it asks for", code="upload_failed")
    return ChunkResult(next_offset=offset, is_complete=offset >= total_size)
