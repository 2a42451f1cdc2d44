"""Resumable uploads of video bytes to rupload.facebook.com.

Source: Meta, content publishing, resumable uploads, text of 2026-09-11: `Authorization: OAuth`,
`offset` and `file_size`, or `file_url` without a body. Errors have a form of their own, measured on
2026-09-30. What an incomplete body answers is not documented: its bytes stay, and the same call
continues with a higher `offset`.
"""

import json
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import ClientDisconnected

from platforms.sandbox.instagram.access import find_caller
from platforms.sandbox.instagram.container_calls import find_container
from platforms.sandbox.instagram.containers import (
    ResumableUpload,
    SandboxContainer,
    SandboxContainerStatus,
)
from platforms.sandbox.instagram.graph_errors import GraphError
from platforms.sandbox.instagram.media_fetch import FetchedMedia
from platforms.sandbox.instagram.media_processing import (
    fetch_video,
    inspect_video,
    run_processing,
)
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.token_checks import require_living_token
from platforms.sandbox.instagram.tokens import INSTAGRAM_USER
from platforms.sandbox.instagram.versions import VERSION_ENDS
from platforms.sandbox.instagram.video_rules import LIMITS_BY_MEDIA_TYPE
from platforms.sandbox.request_log import ENTRY_KEY
from platforms.sandbox.scheduler import run_in_background
from platforms.sandbox.server import HEADERS_KEY

routes = Blueprint("instagram_uploads", __name__)

READ_SIZE = 65_536  # bytes
REFUSED = 400
UPLOAD_MESSAGE = "Upload successful. Media is being processed."


class UploadRefused(Exception):
    """A refused upload, with what `debug_info` says of it."""

    def __init__(self, kind: str, message: str, *, is_retriable: bool = False) -> None:
        super().__init__(message)
        self.debug_info = {"retriable": is_retriable, "type": kind, "message": message}


@routes.post("/meta-upload/ig-api-upload/<version>/<container_id>")
def receive_upload(version: str, container_id: str) -> Response | tuple[dict[str, Any], int]:
    try:
        container = find_upload(version, container_id)
        if url := read_header("file_url"):
            start_url_upload(current_instagram(), container, url)
        else:
            store_body(current_instagram(), container)
    except UploadRefused as refusal:
        request.environ[ENTRY_KEY].update(debug_info=refusal.debug_info["type"])
        return {"debug_info": refusal.debug_info}, REFUSED
    request.environ[ENTRY_KEY].update(work=True, container_id=container_id)
    return {"success": True, "message": UPLOAD_MESSAGE}, 200


def find_upload(version: str, container_id: str) -> SandboxContainer:
    """Return the container that waits for bytes. Errors: UploadRefused."""
    state = current_instagram()
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    with state.lock:
        try:
            if scheme != "OAuth" or version not in VERSION_ENDS:
                raise not_authorized()
            found = state.tokens.find_token(value)
            is_instagram = found is not None and found.kind == INSTAGRAM_USER
            token = require_living_token(state, value, is_instagram=is_instagram)
        except GraphError:
            raise not_authorized() from None
        container = find_container(find_caller(state, token), container_id)
        if container is None or container.upload is None:
            raise processing_failed("unauthorized user request")
        if container.upload.is_complete:
            raise processing_failed("the upload is complete")
        if container.status_at(state.now) != SandboxContainerStatus.IN_PROGRESS:
            raise processing_failed("the container has ended")
        return container


def not_authorized() -> UploadRefused:
    return UploadRefused("NotAuthorizedError", "User not authorized to perform this request")


def processing_failed(message: str) -> UploadRefused:
    """The message is JSON once more, as it was observed."""
    body = json.dumps({"success": False, "error": {"message": message}})
    return UploadRefused("ProcessingFailedError", body)


def start_url_upload(state: InstagramState, container: SandboxContainer, url: str) -> None:
    """Fetch the file in the background; an error is in the container's status."""
    upload = container.upload
    if upload is not None:
        upload.is_complete = True
    run_in_background(lambda: run_processing(container, lambda: fetch_video(state, container, url)))


def store_body(state: InstagramState, container: SandboxContainer) -> None:
    """Store the body behind the bytes that have arrived. Errors: UploadRefused."""
    upload = container.upload
    if upload is None or not upload.lock.acquire(blocking=False):
        raise UploadRefused("ConflictError", "Another request uploads", is_retriable=True)
    try:
        prepare_upload(container, upload)
        read_body(upload)
        request.environ[ENTRY_KEY].update(received=upload.received)
        if upload.received != upload.size:
            raise UploadRefused(
                "PartialRequestError",
                "Partial request (did not match length of file)",
                is_retriable=True,
            )
        upload.is_complete = True
    finally:
        upload.lock.release()
    run_in_background(
        lambda: run_processing(container, lambda: inspect_upload(state, container, upload))
    )


def prepare_upload(container: SandboxContainer, upload: ResumableUpload) -> None:
    """Compare offset and size with what has arrived; `offset: 0` begins anew."""
    offset, size = read_number("offset"), read_number("file_size")
    max_bytes = LIMITS_BY_MEDIA_TYPE[container.request.media_type].max_bytes
    if not 0 < size <= max_bytes:
        raise processing_failed(f"file_size has to be between 1 and {max_bytes}")
    if offset == 0:
        upload.restart(size)
    if (offset, size) != (upload.received, upload.size):
        message = f"offset {offset} of {size} does not follow byte {upload.received}"
        raise UploadRefused("OffsetInvalidError", message, is_retriable=True)


def read_number(name: str) -> int:
    text = read_header(name)
    if not text.isdecimal():
        raise processing_failed(f"the header {name} is required")
    return int(text)


def read_header(name: str) -> str:
    """Return a header whose name may have an underscore."""
    return str(request.environ[HEADERS_KEY].get(name, ""))


def read_body(upload: ResumableUpload) -> None:
    """Read up to the stated size; a body that breaks off keeps what has arrived."""
    try:
        while part := request.stream.read(READ_SIZE):
            if upload.received + len(part) > upload.size:
                raise processing_failed("there are more bytes than file_size says")
            if upload.buffer is not None:
                upload.buffer.write(upload.received, part)
            upload.digest.update(part)
            upload.received += len(part)
    except ClientDisconnected:
        pass


def inspect_upload(
    state: InstagramState, container: SandboxContainer, upload: ResumableUpload
) -> None:
    video = FetchedMedia(upload.received, upload.digest.hexdigest())
    try:
        inspect_video(state, container, video, upload.buffer)
    finally:
        if upload.buffer is not None:
            upload.buffer.close()
