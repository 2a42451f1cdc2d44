"""Upload of a file to the API in chunks with tus 1.0; resumes after a lost connection."""

import time
from base64 import b64encode
from collections.abc import Iterator
from mimetypes import guess_type
from pathlib import Path

from app.cli.api_client import ApiClient, ApiResponse
from core.errors import OperationFailed, ServiceUnavailable

CHUNK_BYTES = 8 * 1024 * 1024
VERSION_HEADERS = {"Tus-Resumable": "1.0.0"}
MAX_DISCONNECTS = 5  # lost connections in a row before the upload fails
CREATED, NO_CONTENT, CONFLICT, CONTENT_TOO_LARGE = 201, 204, 409, 413


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

    Errors: ServiceUnavailable, OperationFailed.
    """
    size, offset, disconnects = file.stat().st_size, 0, 0
    with file.open("rb") as source:
        while offset < size:
            source.seek(offset)
            try:
                offset = send_chunk(client, upload_path, offset, source.read(CHUNK_BYTES))
                disconnects = 0
            except ServiceUnavailable:
                disconnects += 1
                if disconnects > MAX_DISCONNECTS:
                    raise
                time.sleep(disconnects)
                offset = fetch_offset(client, upload_path)
            yield offset


def send_chunk(client: ApiClient, upload_path: str, offset: int, chunk: bytes) -> int:
    """Send one chunk and return the offset that the server has reached."""
    headers = {
        **VERSION_HEADERS,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    response = client.request("PATCH", upload_path, data=chunk, headers=headers)
    if response.status == CONFLICT:
        return fetch_offset(client, upload_path)
    if response.status != NO_CONTENT:
        raise describe_refusal(response, f"the {len(chunk)} bytes from offset {offset}")
    return int(response.headers["upload-offset"])


def fetch_offset(client: ApiClient, upload_path: str) -> int:
    """Query how many bytes the server has."""
    response = client.request("HEAD", upload_path, headers=VERSION_HEADERS)
    if "upload-offset" not in response.headers:
        raise OperationFailed(
            f"the server answered {response.status} to the query for the offset of {upload_path}"
        )
    return int(response.headers["upload-offset"])


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
