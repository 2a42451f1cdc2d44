"""Upload of a file to the API in chunks with tus 1.0; goes on after whatever passes."""

import time
from base64 import b64encode
from collections.abc import Iterator
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from app.cli.api_client import ApiClient, ApiResponse
from core.errors import OperationFailed, ServiceUnavailable

CHUNK_BYTES = 8 * 1024 * 1024
VERSION_HEADERS = {"Tus-Resumable": "1.0.0"}
FIRST_RETRY_DELAY, LONGEST_RETRY_DELAY = 1.0, 60.0  # seconds, doubled by each failure
MAX_WAIT = 1800.0  # seconds in all without a byte taken: then a person has to look
CREATED, NO_CONTENT, CONFLICT, CONTENT_TOO_LARGE = 201, 204, 409, 413
FIRST_SERVER_ERROR = 500
PASSING_STATUSES = frozenset({408, 423, 425, 429})


class UploadDelayed(Exception):
    """The server takes no bytes now, but may later. Units: seconds; None if it does not say."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__()
        self.seconds = seconds


def create_upload(client: ApiClient, file: Path) -> str:
    """Create an upload and return its path, e.g. `/api/media/7`.

    Errors: ServiceUnavailable, OperationFailed.
    """
    content_type = guess_type(file.name)[0] or "application/octet-stream"
    fields = {"filename": file.name, "filetype": content_type}
    metadata = ",".join(
        f"{key} {b64encode(value.encode()).decode()}" for key, value in fields.items()
    )
    size = str(file.stat().st_size)
    headers = {**VERSION_HEADERS, "Upload-Length": size, "Upload-Metadata": metadata}
    response = client.request("POST", "/api/media", headers=headers)
    if response.status != CREATED:
        raise describe_refusal(response, "the new upload")
    return client.path_below_url(response.headers["location"])


def send_file(client: ApiClient, file: Path, upload_path: str) -> Iterator[int]:
    """Send the file and yield the offset after each chunk, up to the file's size.

    What passes is waited for: a lost connection, a busy server, a full disk. Errors:
    OperationFailed with the server's reason if it is final, or if nothing moved for too long.
    """
    size, offset = file.stat().st_size, 0
    with file.open("rb") as source:
        while offset < size:
            source.seek(offset)
            offset = send_until_accepted(client, upload_path, offset, source.read(CHUNK_BYTES))
            yield offset


def send_until_accepted(client: ApiClient, upload_path: str, offset: int, chunk: bytes) -> int:
    """Send a chunk, again if need be; return the offset that the server has reached.

    After a failure the server is asked first: some of the chunk may have arrived. Errors:
    OperationFailed.
    """
    failures, waited = 0, 0.0
    while True:
        try:
            if failures and (known := fetch_offset(client, upload_path)) != offset:
                return known
            return send_chunk(client, upload_path, offset, chunk)
        except UploadDelayed as delay:
            seconds = delay.seconds
        if seconds is None:
            seconds = min(FIRST_RETRY_DELAY * 2**failures, LONGEST_RETRY_DELAY)
        failures, waited = failures + 1, waited + seconds
        if waited > MAX_WAIT:
            raise OperationFailed(
                f"the upload stands at {offset} bytes: the server has taken no more for"
                f" {MAX_WAIT // 60:.0f} minutes"
            )
        time.sleep(seconds)


def send_chunk(client: ApiClient, upload_path: str, offset: int, chunk: bytes) -> int:
    """Send one chunk and return the offset that the server has reached.

    Errors: UploadDelayed; OperationFailed.
    """
    headers = {
        **VERSION_HEADERS,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    response = send_once(client, "PATCH", upload_path, headers=headers, data=chunk)
    if response.status == CONFLICT:
        known = fetch_offset(client, upload_path)
        if known == offset:  # another request still writes
            raise UploadDelayed(response.retry_after)
        return known
    if response.status != NO_CONTENT:
        raise describe_refusal(response, f"the {len(chunk)} bytes from offset {offset}")
    return int(response.headers["upload-offset"])


def fetch_offset(client: ApiClient, upload_path: str) -> int:
    """Query how many bytes the server has. Errors: UploadDelayed; OperationFailed."""
    response = send_once(client, "HEAD", upload_path, headers=VERSION_HEADERS)
    if "upload-offset" not in response.headers:
        raise OperationFailed(
            f"the server answered {response.status} to the query for the offset of {upload_path}"
        )
    return int(response.headers["upload-offset"])


def send_once(client: ApiClient, method: str, path: str, **options: Any) -> ApiResponse:
    """Send a request. Errors: UploadDelayed for whatever may pass."""
    try:
        response = client.request(method, path, max_retries=0, **options)
    except ServiceUnavailable:
        raise UploadDelayed(None) from None
    is_server_error = response.status >= FIRST_SERVER_ERROR
    is_final = (response.find_error() or {}).get("retryable") is False
    if response.status in PASSING_STATUSES or (is_server_error and not is_final):
        raise UploadDelayed(response.retry_after)
    return response


def describe_refusal(response: ApiResponse, sent: str) -> OperationFailed:
    """Say who refused what was sent: signalpost in its own words, or a proxy in front of it."""
    error = response.find_error()
    if error is not None:
        return OperationFailed(
            error.get("userMessage") or f"the server answered {response.status} to {sent}",
            code=error.get("code"),
        )
    advice = (
        f"; it has to accept request bodies of {CHUNK_BYTES // 1024**2} MiB"
        if response.status == CONTENT_TOO_LARGE
        else ""
    )
    return OperationFailed(
        f"a proxy in front of signalpost answered {response.status} to {sent}{advice}"
    )
