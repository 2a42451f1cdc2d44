"""How the tus protocol is written: versions, numbers and names in headers. Decides nothing.

Source: tus.io, resumable upload protocol 1.0.x, with creation, expiration and termination.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from email.utils import format_datetime

from flask import Response, abort, request

from core.checked import storable
from core.errors import Invalid
from db.media import Media

VERSION = "1.0.0"
PIECE = "application/offset+octet-stream"
EXTENSIONS = "creation,expiration,termination"
NUMBER = re.compile(r"\d{1,18}", re.ASCII)
LARGEST_METADATA = 4096


def this_version_only() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        abort(412, f"Tus-Resumable must be {VERSION}")


def number(header: str, *, least: int = 0) -> int:
    """Errors: Invalid."""
    text = request.headers.get(header, "")
    if not NUMBER.fullmatch(text) or int(text) < least:
        raise Invalid(f"{header} is missing or no number", details={"fields": {header: "number"}})
    return int(text)


def metadata(text: str) -> dict[str, str]:
    """`key base64,key base64`, as tus writes it. Errors: Invalid."""
    pairs = [pair.strip().partition(" ") for pair in text.split(",") if pair.strip()]
    try:
        read = {key: b64decode(value, validate=True).decode() for key, _, value in pairs}
    except (NotBase64, ValueError):
        read = None
    if read is None or len(text) > LARGEST_METADATA or not all(map(storable, read.values())):
        raise Invalid("bad metadata", details={"fields": {"Upload-Metadata": "not as tus has it"}})
    return read


def placed(media: Media) -> Response:
    response = Response(status=200)
    response.headers["Upload-Offset"] = str(media.offset)
    response.headers["Upload-Expires"] = format_datetime(media.expires_at, usegmt=True)
    return response


def speak(response: Response) -> Response:
    response.headers["Tus-Resumable"] = response.headers["Tus-Version"] = VERSION
    return response


def piece_only() -> None:
    if request.mimetype != PIECE:
        abort(415, f"Content-Type must be {PIECE}")
