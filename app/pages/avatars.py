"""Our copies of the pictures of connected accounts, for their owner only."""

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.http.context import current_container, current_principal, require_login
from core.accounts import DestinationView
from core.errors import NotFound
from db.accounts.pictures import AccountPictures

blueprint = Blueprint("avatar_pages", __name__)

MAX_AGE_SECONDS = 24 * 3600  # of an address that names the picture's digest


@blueprint.get("/avatars/<int:account_id>", defaults={"destination_id": None})
@blueprint.get("/avatars/<int:account_id>/<int:destination_id>")
@require_login("accounts:read")
def show_avatar(account_id: int, destination_id: int | None) -> AnyResponse:
    """Show the picture of one of my accounts, or of an account behind a login."""
    with current_container().database.transaction() as session:
        picture = AccountPictures(session).find_for_user(
            account_id, destination_id, user_id=current_principal().user_id
        )
    if picture is None:
        raise NotFound("this account has no picture")
    response = Response(picture.image, mimetype="image/jpeg")
    response.cache_control.private = True
    response.cache_control.max_age = MAX_AGE_SECONDS
    response.set_etag(picture.digest)
    return response.make_conditional(request)


def avatar_url(account_id: int, destination_id: int | None, digest: str | None) -> str | None:
    """Return the address of our copy of a picture; None if there is none."""
    if digest is None:
        return None
    return url_for(
        "avatar_pages.show_avatar",
        account_id=account_id,
        destination_id=destination_id,
        v=digest,
    )


def destination_avatar_url(view: DestinationView) -> str | None:
    """Return the address of the picture of an account behind a login; None if there is none."""
    return avatar_url(view.account_id or 0, view.id, view.picture_digest)
