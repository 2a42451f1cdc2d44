"""Uploads one chunk to TikTok's upload host and interprets the answer.

Source: TikTok, content-posting-api-media-transfer-guide, read 2026-09-11.
"""

import re

from platforms.base import BytesLike, Chunk, ChunkResult
from platforms.errors import MisdirectedResponse, Rejected, Unavailable
from platforms.http import NO_RETRY, HttpClient, HttpResponse
from platforms.secret import Secret

UPLOAD_HOST_SUFFIX = ".tiktokapis.com"
UPLOAD_TIMEOUT = (3.0, 60.0)  # seconds; a chunk may have 64 MB
COMPLETE_STATUS, STORED_STATUS, RANGE_MISMATCH_STATUS = 201, 206, 416
TOLERATED_STATUS = 200  # undocumented; accepted only with a Content-Range, as 206 and 201 have it
REJECTION_CODES = {400: "upload_failed", 403: "upload_url_expired", 404: "upload_unknown"}
RANGE_PATTERN = re.compile(r"bytes[ =]0-(?P<last>\d{1,19})/(?P<total>\d{1,19})", re.ASCII)
URL_PATTERN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?(?:[/?][!-~]*)?"
)


def check_upload_host(upload_url: Secret, api_url: str) -> None:
    """Accept only upload URLs at TikTok, or at the server that `api_url` names in its place.

    Errors: Rejected `upload_failed`; the URL is a secret and is not quoted.
    """
    url, api = URL_PATTERN.fullmatch(upload_url.reveal()), URL_PATTERN.fullmatch(api_url)
    is_api_host = url is not None and api is not None and url.groups() == api.groups()
    is_tiktok_host = (
        url is not None
        and url["scheme"] == "https"
        and url["host"].lower().endswith(UPLOAD_HOST_SUFFIX)
        and url["port"] in {None, "443"}
    )
    if not is_api_host and not is_tiktok_host:
        raise Rejected(
            f"the upload URL is not https at a host below {UPLOAD_HOST_SUFFIX}",
            code="upload_failed",
        )


def send_chunk(
    http: HttpClient,
    upload_url: Secret,
    data: BytesLike,
    *,
    chunk: Chunk,
    total_size: int,
    content_type: str,
) -> ChunkResult:
    """Send one chunk, once: if the answer is lost, the chunk may be stored, the last one even
    published. The URL contains its own token, so no access token is sent.

    Errors: those of `parse_upload_response`, and of the HTTP client.
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
    """Return where the upload continues.

    Errors: Rejected as in `REJECTION_CODES`; others mean that the chunk has to be sent again.
    """
    status = response.status
    content_range = RANGE_PATTERN.fullmatch(response.headers.get("content-range", ""))
    if content_range is not None and int(content_range["total"]) != total_size:
        raise MisdirectedResponse("the upload host answered about a file of another size")
    is_accepted = status in {STORED_STATUS, COMPLETE_STATUS} or (
        status == TOLERATED_STATUS and content_range is not None
    )
    if is_accepted:
        next_offset = chunk.last + 1
        is_complete = next_offset == total_size or status == COMPLETE_STATUS
        return ChunkResult(next_offset=next_offset, is_complete=is_complete)
    if status == RANGE_MISMATCH_STATUS and content_range is not None:
        return resume_upload(int(content_range["last"]), chunk, total_size)
    message = f"the upload host answered {status}"
    if status in REJECTION_CODES:
        raise Rejected(message, code=REJECTION_CODES[status])
    raise response.status_error() or Unavailable(message, code="INVALID_RESPONSE")


def resume_upload(range_end: int, chunk: Chunk, total_size: int) -> ChunkResult:
    """Return the offset at which the platform, which refused the chunk, wants to continue.

    The page calls the figure UPLOADED_BYTES, but its examples show the last byte's index. A count
    can only be the chunk's beginning, nothing, or everything; anything else is an index.
    Errors: Unavailable if that is where the chunk began, so that repetitions use up attempts.
    """
    is_count = range_end in {0, chunk.first, total_size}
    offset = range_end if is_count else range_end + 1
    if offset == chunk.first:
        raise Unavailable(
            f"the upload host refused the range from byte {offset}, which it expects",
            code="upload_failed",
        )
    return ChunkResult(next_offset=offset, is_complete=offset >= total_size)
