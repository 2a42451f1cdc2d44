"""Files for whoever holds a signed link: a platform that fetches one has no login here."""

from flask import Blueprint, Response, send_file, url_for

from app.context import house
from core.media import files, signed
from db.media import Media

blueprint = Blueprint("shared", __name__)


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


def link(media: Media) -> str:
    """An address that works without a login, for a while."""
    until = house().world.now() + house().settings.limits.media_url_lifetime
    token = signed.sign(house().settings.secret_key, media.id, until=until)
    return house().settings.public_url.rstrip("/") + url_for(
        "shared.fetch", token=token, name=media.filename
    )
