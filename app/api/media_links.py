"""Signed links to media files: a platform that downloads one has no login here."""

from pathlib import Path

from flask import Blueprint, Response, request, send_file

from app.http.context import current_container
from core.media import files, signed_urls
from core.media.file_names import link_filename
from core.media.links import build_media_link
from core.media_store.remote_file import RemoteFile
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
    response = build_file_response(services.media.find_source(media.path), media)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def build_file_response(source: Path | RemoteFile, media: Media) -> Response:
    """Build the answer with the file, or with the range of it that the request wants.

    A file in a bucket goes through this process: platforms accept addresses of our domain only.
    """
    response = send_file(
        source if isinstance(source, Path) else source.open_stream(),
        mimetype=media.content_type,
        download_name=link_filename(media.filename, media.content_type),
        conditional=isinstance(source, Path),
        etag=False,
    )
    if isinstance(source, RemoteFile):
        response.content_length = source.size
        response.make_conditional(request, accept_ranges=True, complete_length=source.size)
    return response


def create_media_link(media: Media) -> str:
    """Create a link to a file that works without a login until it expires."""
    return build_media_link(
        current_container().services, media.id, media.filename, media.content_type
    )
