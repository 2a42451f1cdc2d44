"""Media files, uploaded in resumable chunks with the tus protocol and streamed to the media store.

Source: tus.io, resumable upload protocol 1.0.x, with creation, expiration and termination.
"""

import re
import sys
from base64 import b64decode
from binascii import Error as NotBase64
from email.utils import format_datetime
from typing import Any

from flask import Blueprint, Response, abort, request, url_for

from app.api.media_links import create_media_link
from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import success_body
from core.errors import Invalid
from core.media import files, uploads
from core.media.uploads import UploadMetadata
from db.media.files import Media

blueprint = Blueprint("media", __name__)

TUS_VERSION = "1.0.0"
CHUNK_CONTENT_TYPE = "application/offset+octet-stream"
TUS_EXTENSIONS = "creation,expiration,termination"
NUMBER_PATTERN = re.compile(r"\d+", re.ASCII)
MAX_NUMBER_DIGITS = 18
MAX_NUMBER = 10**MAX_NUMBER_DIGITS  # stands for all larger ones: no file has so many bytes
METADATA_KEYS = ("filename", "filetype")
MAX_METADATA_CHARS = 4096


@blueprint.url_value_preprocessor
def lift_body_limit(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let a chunk be larger than JSON: the announced size of the file is its limit.

    Before anything else, because the check of the CSRF token looks for a form in the body.
    """
    if request.method == "PATCH":
        request.max_content_length = sys.maxsize


@blueprint.after_request
def set_tus_headers(response: Response) -> Response:
    response.headers["Tus-Resumable"] = response.headers["Tus-Version"] = TUS_VERSION
    return response


@blueprint.route("/api/media", methods=["OPTIONS"], provide_automatic_options=False)
def show_tus_options() -> Response:
    """Show the tus extensions and the maximum size that this server supports."""
    response = Response(status=204)
    response.headers["Tus-Extension"] = TUS_EXTENSIONS
    response.headers["Tus-Max-Size"] = str(uploads.largest_file_size(current_container().settings))
    return response


@blueprint.post("/api/media")
@require_scopes("media:write")
def create_media() -> tuple[Response, int]:
    """Create an upload, given the file's length, name and type."""
    require_tus_version()
    metadata = parse_metadata(request.headers.get("Upload-Metadata", ""))
    new_upload = UploadMetadata(
        size=parse_number_header("Upload-Length", minimum=1),
        filename=metadata.get("filename", ""),
        content_type=metadata.get("filetype"),
    )
    media = uploads.begin_upload(
        current_container().database,
        current_container().services,
        new_upload,
        user_id=current_principal().user_id,
    )
    response = build_offset_response(media)
    response.headers["Location"] = url_for("media.show_media", media_id=media.id)
    return response, 201


@blueprint.get("/api/media/<int:media_id>")
@require_scopes("media:write")
def show_media(media_id: int) -> Response | dict[str, Any]:
    """Show a media file; HEAD returns how many bytes of it have arrived."""
    find_media = uploads.get_file if request.method == "HEAD" else uploads.get_inspected_file
    media = find_media(
        current_container().database,
        current_container().services,
        media_id,
        user_id=current_principal().user_id,
    )
    if request.method != "HEAD":
        return success_body(data=serialize_media(media))
    response = build_offset_response(media)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.patch("/api/media/<int:media_id>")
@require_scopes("media:write")
def append_chunk(media_id: int) -> tuple[Response, int]:
    """Append a chunk at the given offset."""
    require_tus_version()
    require_chunk_content_type()
    media = uploads.append_chunk(
        current_container().database,
        current_container().services,
        media_id,
        request.stream,
        offset=parse_number_header("Upload-Offset"),
        user_id=current_principal().user_id,
    )
    return build_offset_response(media), 204


@blueprint.delete("/api/media/<int:media_id>")
@require_scopes("media:write")
def delete_media(media_id: int) -> tuple[str, int]:
    """Delete a media file, unless a post still needs it."""
    files.delete_file(
        current_container().database,
        current_container().services,
        media_id,
        user_id=current_principal().user_id,
    )
    return "", 204


def require_tus_version() -> None:
    if request.headers.get("Tus-Resumable") != TUS_VERSION:
        abort(412, f"Tus-Resumable must be {TUS_VERSION}")


def parse_number_header(header: str, *, minimum: int = 0) -> int:
    """Parse a header that holds a decimal number of any length. Errors: Invalid."""
    match = NUMBER_PATTERN.fullmatch(request.headers.get(header, ""))
    digits = (match[0].lstrip("0") or "0") if match else "-1"
    number = int(digits) if len(digits) <= MAX_NUMBER_DIGITS else MAX_NUMBER
    if number < minimum:
        raise Invalid(
            f"the header {header} must be a number of at least {minimum}",
            details={"fields": {header: "number"}},
        )
    return number


def parse_metadata(text: str) -> dict[str, str]:
    """Parse the header Upload-Metadata, `key base64,key base64`. Errors: Invalid.

    Only our keys are texts; a client may send others of any form, for its own use. What is not
    UTF-8 in a name is replaced: an old client's code page is no reason to refuse its file.
    """
    pairs = [pair.strip().partition(" ") for pair in text.split(",") if pair.strip()]
    try:
        decoded = {key: b64decode(value, validate=True) for key, _, value in pairs}
        values = {
            key: decoded[key].decode(errors="replace") for key in METADATA_KEYS if key in decoded
        }
    except (NotBase64, ValueError):
        values = None
    if values is None or len(text) > MAX_METADATA_CHARS:
        raise Invalid(
            "Upload-Metadata must be pairs of a key and base64, separated by commas",
            details={"fields": {"Upload-Metadata": "key base64,key base64"}},
        )
    return values


def build_offset_response(media: Media) -> Response:
    response = Response(status=200)
    response.headers["Upload-Offset"] = str(media.offset)
    response.headers["Upload-Length"] = str(media.size)
    response.headers["Upload-Expires"] = format_datetime(media.expires_at, usegmt=True)
    return response


def require_chunk_content_type() -> None:
    if request.mimetype != CHUNK_CONTENT_TYPE:
        abort(415, f"Content-Type must be {CHUNK_CONTENT_TYPE}")


def serialize_media(media: Media) -> dict[str, Any]:
    is_complete = media.completed_at is not None
    return {
        "id": media.id,
        "filename": media.filename,
        "content_type": media.content_type,
        "size": media.size,
        "offset": media.offset,
        "complete": is_complete,
        "expires_at": media.expires_at,
        "probe": media.probe,
        "url": create_media_link(media) if is_complete else None,
    }
