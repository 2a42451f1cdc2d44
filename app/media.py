"""Files, given to us by the tus protocol 1.0: in pieces, resumable, streamed to where they stay."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app import tus
from app.body import ok
from app.context import caller, house, needs
from app.shared import link
from core.media import files
from core.media.files import Announced
from db.media import Media

blueprint = Blueprint("media", __name__)


@blueprint.after_request
def speak(response: Response) -> Response:
    return tus.speak(response)


@blueprint.route("/api/media", methods=["OPTIONS"], provide_automatic_options=False)
def abilities() -> Response:
    """What this server can do, as tus asks it."""
    response = Response(status=204)
    response.headers["Tus-Extension"] = tus.EXTENSIONS
    response.headers["Tus-Max-Size"] = str(house().settings.limits.tiktok_max_video_bytes)
    return response


@blueprint.post("/api/media")
@needs("media:write")
def begin() -> tuple[Response, int]:
    """Announce a file: its length, name and type."""
    tus.this_version_only()
    said = tus.metadata(request.headers.get("Upload-Metadata", ""))
    announced = Announced(
        size=tus.number("Upload-Length", least=1),
        filename=said.get("filename", ""),
        content_type=said.get("filetype"),
    )
    media = files.begin(house().database, house().world, announced, user_id=caller().user_id)
    response = tus.placed(media)
    response.headers["Location"] = url_for("media.one", media_id=media.id)
    return response, 201


@blueprint.get("/api/media/<int:media_id>")
@needs("media:write")
def one(media_id: int) -> Response | dict[str, Any]:
    """A file of mine; HEAD tells how much of it is there."""
    media = files.look(house().database, house().world, media_id, user_id=caller().user_id)
    if request.method != "HEAD":
        return ok(data=shown(media))
    response = tus.placed(media)
    response.headers["Upload-Length"] = str(media.size)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.patch("/api/media/<int:media_id>")
@needs("media:write")
def append(media_id: int) -> tuple[Response, int]:
    """A piece, from the given offset on."""
    tus.this_version_only()
    tus.piece_only()
    media = files.append(
        house().database,
        house().world,
        media_id,
        request.stream,
        offset=tus.number("Upload-Offset"),
        user_id=caller().user_id,
    )
    return tus.placed(media), 204


@blueprint.delete("/api/media/<int:media_id>")
@needs("media:write")
def delete(media_id: int) -> tuple[str, int]:
    """Away with it, unless a post still needs it."""
    files.delete(house().database, house().world, media_id, user_id=caller().user_id)
    return "", 204


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
