"""A page for people who wonder what is going on in here. Reads only."""

from flask import Blueprint, render_template

from platforms.sandbox.controls import house
from platforms.sandbox.tiktok.state import here

routes = Blueprint("overview", __name__)

NEWEST = 50


@routes.get("/")
def page() -> str:
    with here().lock:
        posts = [post.told() for post in here().posts.all()[-NEWEST:]]
        creators = list(here().creators.values())
    deliveries = house().courier.listed()[-NEWEST:]
    return render_template("overview.html", creators=creators, posts=posts, deliveries=deliveries)


@routes.get("/favicon.ico")
def icon() -> tuple[str, int]:
    return "", 204
