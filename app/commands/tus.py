"""A file goes to the house in pieces (tus 1.0), and goes on where it stopped."""

import time
from base64 import b64encode
from collections.abc import Iterator
from mimetypes import guess_type
from pathlib import Path

from app.commands.wire import Wire
from core.errors import Away, Failed

PIECE = 8 * 1024 * 1024  # bytes
VERSION = {"Tus-Resumable": "1.0.0"}
BREAKS = 5  # lost connections in a row before we give up
CREATED, NO_CONTENT, CONFLICT = 201, 204, 409


def create(wire: Wire, file: Path) -> str:
    """Where the file goes, e.g. `/api/media/7`. Errors: Away, Failed."""
    kind = guess_type(file.name)[0] or "application/octet-stream"
    named = {"filename": file.name, "filetype": kind}
    metadata = ",".join(
        f"{key} {b64encode(value.encode()).decode()}" for key, value in named.items()
    )
    size = str(file.stat().st_size)
    headers = {**VERSION, "Upload-Length": size, "Upload-Metadata": metadata}
    answer = wire.call("POST", "/api/media", headers=headers)
    if answer.status != CREATED:
        wire_error = answer.json.get("error", {})
        raise Failed(wire_error.get("userMessage") or "refused", code=wire_error.get("code"))
    return answer.headers["location"]


def send(wire: Wire, file: Path, place: str) -> Iterator[int]:
    """The offset after each piece, up to the file's size. Errors: Away, Failed."""
    size, offset, breaks = file.stat().st_size, 0, 0
    with file.open("rb") as source:
        while offset < size:
            source.seek(offset)
            try:
                offset = patch(wire, place, offset, source.read(PIECE))
                breaks = 0
            except Away:
                breaks += 1
                if breaks > BREAKS:
                    raise
                time.sleep(breaks)
                offset = asked(wire, place)
            yield offset


def patch(wire: Wire, place: str, offset: int, piece: bytes) -> int:
    headers = {
        **VERSION,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    answer = wire.call("PATCH", place, data=piece, headers=headers)
    if answer.status == CONFLICT:
        return asked(wire, place)
    if answer.status != NO_CONTENT:
        raise Failed(f"the house answered {answer.status} to a piece")
    return int(answer.headers["upload-offset"])


def asked(wire: Wire, place: str) -> int:
    """How much the house has."""
    answer = wire.call("HEAD", place, headers=VERSION)
    if "upload-offset" not in answer.headers:
        raise Failed(f"the house answered {answer.status} about the upload")
    return int(answer.headers["upload-offset"])
