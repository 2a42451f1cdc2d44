"""Sends the bytes of a video to Meta's upload host, and interprets the answer.

Source: Meta, content publishing, "Resumable uploads", text of 2026-09-11: the rest of the file in
one call, from the byte in `offset`; after an interruption the same call with a higher `offset`.
The form of errors was measured on 2026-09-30; `retriable` decides.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import structlog

from platforms.base import BytesLike
from platforms.errors import PlatformError, Rejected, Unavailable, UnreadableResponse
from platforms.http import NO_RETRY, HttpResponse
from platforms.instagram.graph import GraphClient
from platforms.instagram.publishing_errors import UPLOAD_FAILED_CODE, UPLOAD_REFUSED_CODE
from platforms.json_body import MAX_NAME_LENGTH, shorten_or_hash
from platforms.secret import Secret
from platforms.vendor_values import read_count, read_flag, read_object, read_text

log = structlog.get_logger(__name__)

UPLOAD_HOST_SUFFIX = ".facebook.com"
UPLOAD_PATH = "/ig-api-upload/"
UPLOAD_TIMEOUT = (3.0, 180.0)  # seconds; what has not arrived by then is sent in the next step
NOT_AUTHORIZED_TYPE = "NotAuthorizedError"
OK_STATUSES = range(200, 300)
# Meta's spelling in its samples, and the dictionary's
BYTES_NAMES = ("bytes_transferred", "bytes_transfered")


def find_upload_address(upload_url: Secret, upload_base_url: str) -> Secret:
    """Return where to send bytes, and with them the account's token: at Meta, or at the server
    that the settings name in its place.

    Such a server may answer with Meta's own address, or with another name of itself: what follows
    its host is used. Errors: Rejected `upload_failed`; the URL is not quoted.
    """
    url, base_url = upload_url.reveal(), upload_base_url.rstrip("/")
    if url.startswith(f"{base_url}/"):
        return upload_url
    _, _, tail = url.partition(UPLOAD_PATH)
    if tail and not is_meta_host(base_url):
        return Secret(f"{base_url}{UPLOAD_PATH}{tail}")
    if is_meta_host(url):
        return upload_url
    raise Rejected(
        f"the upload URL is not https at a host below {UPLOAD_HOST_SUFFIX}",
        code=UPLOAD_FAILED_CODE,
    )


def is_meta_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_plain_port = parts.port in {None, 443}
    except ValueError:
        return False
    has_user = parts.username is not None or parts.password is not None
    is_below = (parts.hostname or "").endswith(UPLOAD_HOST_SUFFIX)
    return parts.scheme == "https" and is_below and has_plain_port and not has_user


def send_video(
    graph: GraphClient,
    upload_url: Secret,
    data: BytesLike,
    token: Secret,
    *,
    offset: int,
    total_size: int,
) -> None:
    """Send the rest of a file. Sent once: what has arrived is asked before the next call.

    Errors: Rejected `upload_not_authorized` or `upload_failed` if a new container is needed;
    Unavailable if the same one may continue.
    """
    address = find_upload_address(upload_url, graph.app.base_urls["meta_upload"])
    response = graph.http.call(
        "POST",
        address.reveal(),
        endpoint="rupload",
        retry=NO_RETRY,
        headers={
            "Authorization": f"OAuth {token.reveal()}",
            "Content-Type": "application/octet-stream",
            "offset": str(offset),
            "file_size": str(total_size),
        },
        data=data,
        timeout=UPLOAD_TIMEOUT,
    )
    check_upload_response(response)


def check_upload_response(response: HttpResponse) -> None:
    """Errors: those of `send_video`."""
    payload = read_object(decode_payload(response)) or {}
    debug_info = read_object(payload.get("debug_info"))
    if debug_info is not None:
        raise upload_error(debug_info)
    is_success = read_flag(payload.get("success"))
    if response.status in OK_STATUSES and is_success:
        return
    if is_success is False:
        raise Unavailable("the upload host reports a failure", code=UPLOAD_FAILED_CODE)
    raise response.status_error() or UnreadableResponse(
        f"the upload host answered {response.status} in an undocumented form"
    )


def decode_payload(response: HttpResponse) -> Any:
    try:
        return response.json()
    except Unavailable:
        return None


def upload_error(debug_info: Mapping[str, Any]) -> PlatformError:
    """Return the error of a `debug_info`; a missing `retriable` counts as true."""
    kind = read_text(debug_info.get("type"), MAX_NAME_LENGTH) or "unknown"
    is_final = read_flag(debug_info.get("retriable")) is False
    log.warning(
        "meta.upload_refused", type=shorten_or_hash(kind, MAX_NAME_LENGTH), is_final=is_final
    )
    if not is_final:
        return Unavailable(f"the upload host reports {kind}", code=UPLOAD_FAILED_CODE)
    code = UPLOAD_REFUSED_CODE if kind == NOT_AUTHORIZED_TYPE else UPLOAD_FAILED_CODE
    return Rejected(f"the upload host reports {kind}", code=code)


def read_received_bytes(status: Mapping[str, Any]) -> int | None:
    """Return how many bytes of an upload have arrived; None if the status does not say."""
    video_status = read_object(status.get("video_status")) or {}
    uploading = read_object(video_status.get("uploading_phase")) or {}
    counts = (read_count(uploading.get(name)) for name in BYTES_NAMES)
    return next((count for count in counts if count is not None), None)
