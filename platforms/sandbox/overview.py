"""The sandbox's start page: lists creators, posts and deliveries."""

from flask import Blueprint, render_template

from platforms.sandbox.control_api import current_sandbox
from platforms.sandbox.tiktok.state import current_tiktok

routes = Blueprint("overview", __name__)

MAX_ROWS = 50


@routes.get("/")
def show_overview() -> str:
    with current_tiktok().lock:
        posts = [post.as_dict() for post in current_tiktok().posts.all()[-MAX_ROWS:]]
        creators = list(current_tiktok().creators.values())
    deliveries = current_sandbox().webhook_sender.as_dicts()[-MAX_ROWS:]
    return render_template("overview.html", creators=creators, posts=posts, deliveries=deliveries)


@routes.get("/favicon.ico")
def show_favicon() -> tuple[str, int]:
    return "", 204
