"""Signed links to media files: a platform that downloads one has no login here."""

from flask import Blueprint, Response, send_file

from app.http.context import current_container
from core.media import files, signed_urls
from core.media.file_names import link_filename
from core.media.links import build_media_link
from db.media.files import Media

blueprint = Blueprint("media_links", __name__)


@blueprint.get("/m/<token>/<name>")
def serve_media(token: str, name: str) -> Response:  # noqa: ARG001 - platforms read the suffix
    """Download a media file by a signed link; no login is needed."""
    services = current_container().services
    media_id = signed_urls.verify_media_token(
        current_container().settings.secret_key, token, now=services.now()
    )
    media = files.get_shared_file(current_container().database, media_id)
    response = send_file(
        services.media.local_path(media.path),
        mimetype=media.content_type,
        download_name=link_filename(media.filename, media.content_type),
        conditional=True,
        etag=False,
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


def create_media_link(media: Media) -> str:
    """Create a link to a file that works without a login until it expires."""
    return build_media_link(
        current_container().services, media.id, media.filename, media.content_type
    )
