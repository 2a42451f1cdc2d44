"""Files, given to us by the tus protocol 1.0: in pieces, resumable, streamed to where they stay.

Source: tus.io, resumable upload protocol 1.0.x, with creation, expiration and termination.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from email.utils import format_datetime
from typing import Any

from flask import Blueprint, Response, abort, request, send_file, url_for

from app.body import ok
from app.context import caller, house, needs
from core import files, signed
from core.checked import storable
from core.errors import Invalid
from core.files import Announced
from db.media import Media

blueprint = Blueprint("media", __name__)

VERSION = "1.0.0"
PIECE = "application/offset+octet-stream"
EXTENSIONS = "creation,expiration,termination"
NUMBER = re.compile(r"\d{1,18}", re.ASCII)
LARGEST_METADATA = 4096


@blueprint.after_request
def speak_tus(response: Response) -> Response:
    if request.path.startswith("/api/media"):
        response.headers["Tus-Resumable"] = response.headers["Tus-Version"] = VERSION
    return response


@blueprint.route("/api/media", methods=["OPTIONS"], provide_automatic_options=False)
def abilities() -> Response:
    """What this server can do, as tus asks it."""
    response = Response(status=204)
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Max-Size"] = str(house().settings.limits.tiktok_max_video_bytes)
    return response


@blueprint.post("/api/media")
@needs("media:write")
def begin() -> tuple[Response, int]:
    """Announce a file: its length, name and type."""
    tus_only()
    said = metadata(request.headers.get("Upload-Metadata", ""))
    announced = Announced(
        size=number("Upload-Length", least=1),
        filename=said.get("filename", ""),
        content_type=said.get("filetype"),
    )
    media = files.begin(house().database, house().world, announced, user_id=caller().user_id)
    response = placed(media)
    response.headers["Location"] = url_for("media.one", media_id=media.id)
    return response, 201


@blueprint.get("/api/media/<int:media_id>")
@needs("media:write")
def one(media_id: int) -> Response | dict[str, Any]:
    """A file of mine; HEAD tells how much of it is there."""
    media = files.look(house().database, house().world, media_id, user_id=caller().user_id)
    if request.method != "HEAD":
        return ok(data=shown(media))
    response = placed(media)
    response.headers["Upload-Length"] = str(media.size)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.patch("/api/media/<int:media_id>")
@needs("media:write")
def append(media_id: int) -> tuple[Response, int]:
    """A piece, from the given offset on."""
    tus_only()
    if request.mimetype != PIECE:
        abort(415, f"Content-Type must be {PIECE}")
    media = files.append(
        house().database,
        house().world,
        media_id,
        request.stream,
        offset=number("Upload-Offset"),
        user_id=caller().user_id,
    )
    return placed(media), 204


@blueprint.delete("/api/media/<int:media_id>")
@needs("media:write")
def delete(media_id: int) -> tuple[str, int]:
    """Away with it, unless a post still needs it."""
    files.delete(house().database, house().world, media_id, user_id=caller().user_id)
    return "", 204


@blueprint.get("/m/<token>/<name>")
def fetch(token: str, name: str) -> Response:  # noqa: ARG001 - the name is for people and suffixes
    """A file for whoever holds a signed link: platforms have no login here."""
    world = house().world
    media_id = signed.opened(house().settings.secret_key, token, now=world.now())
    media = files.shared(house().database, media_id)
    response = send_file(
        world.media.file(media.path), mimetype=media.content_type, conditional=True, etag=False
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


def tus_only() -> None:
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


def shown(media: Media) -> dict[str, Any]:
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
        "url": link(media) if is_complete else None,
    }


def link(media: Media) -> str:
    """An address that works without a login, for a while."""
    until = house().world.now() + house().settings.limits.media_url_lifetime
    token = signed.sign(house().settings.secret_key, media.id, until=until)
    return house().settings.public_url.rstrip("/") + url_for(
        "media.fetch", token=token, name=media.filename
    )
