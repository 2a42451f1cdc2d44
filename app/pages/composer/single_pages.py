"""The composer with one platform alone, at the addresses that platforms' reviewers know."""

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import require_login
from app.pages.composer.composer_page import show_new_form
from app.pages.publish_pages import find_publish_page
from core.errors import NotFound
from platforms.registry import PLATFORMS

blueprint = Blueprint("publish_pages", __name__)


@blueprint.get("/publish")
@require_login("posts:write", "media:write")
def choose_platform() -> Response:
    """Lead to the composer."""
    return redirect(url_for("composer.show_composer"))


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/publish")
@require_login("posts:write", "media:write")
def show_publish_form(platform: str) -> str | Response:
    """Show the composer for the accounts of one platform."""
    form = PLATFORMS[platform].form
    if form is None or find_publish_page(platform) is None:
        raise NotFound(f"nothing is published on {platform} from a page")
    if form.page is not None:
        return redirect(url_for("publish_pages.show_upload_form", platform=platform))
    return show_new_form(platform)


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/upload")
@require_login("posts:write", "media:write")
def show_upload_form(platform: str) -> str:
    """Show the composer for a platform whose settings have a form of their own."""
    form = PLATFORMS[platform].form
    if form is None or form.page is None:
        raise NotFound(f"{platform} has no publishing page of its own")
    return show_new_form(platform)
