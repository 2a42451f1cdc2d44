"""The sandbox's start page: lists creators, accounts, posts and deliveries."""

from typing import Any

from flask import Blueprint, render_template

from platforms.sandbox.control_api import current_sandbox
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.state import find_instagram
from platforms.sandbox.tiktok.state import current_tiktok

routes = Blueprint("overview", __name__)

MAX_ROWS = 50


@routes.get("/")
def show_overview() -> str:
    with current_tiktok().lock:
        posts = [post.as_dict() for post in current_tiktok().posts.all()[-MAX_ROWS:]]
        creators = list(current_tiktok().creators.values())
    deliveries = current_sandbox().webhook_sender.as_dicts()[-MAX_ROWS:]
    return render_template(
        "overview.html",
        creators=creators,
        posts=posts,
        deliveries=deliveries,
        accounts=list_accounts(),
        media=list_media(),
    )


def list_accounts() -> list[IgAccount]:
    instagram = find_instagram()
    return [] if instagram is None else list(instagram.accounts.values())


def list_media() -> list[Any]:
    """Return the newest media of Instagram, newest last."""
    instagram = find_instagram()
    return [] if instagram is None else list(instagram.media.values())[-MAX_ROWS:]


@routes.get("/favicon.ico")
def show_favicon() -> tuple[str, int]:
    return "", 204
