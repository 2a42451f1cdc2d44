"""Pages of posts: ask for one, see them all, follow one to its end. Decides nothing."""

from typing import Any, get_args

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.context import caller, house, page
from app.pages.accounts import with_quota
from app.pages.told import told
from core import accounts, posts
from core.errors import Conflict, CoreError, NotFound
from core.posts.wish import PRIVACY
from db.postlist import Wanted
from db.posts import STATES, Post

blueprint = Blueprint("post_pages", __name__)

PAGE = 25
AUDIENCES = {
    "PUBLIC_TO_EVERYONE": "Everyone",
    "MUTUAL_FOLLOW_FRIENDS": "Friends",
    "FOLLOWER_OF_CREATOR": "Followers",
    "SELF_ONLY": "Only me",
}


@blueprint.get("/platforms/tiktok/upload")
@page("posts:write", "media:write")
def upload() -> str:
    """The form that sends a video on its way."""
    world = house().world
    with house().database.transaction() as session:
        found = accounts.standing(session, world, user_id=caller().user_id, provider="tiktok")
    return render_template(
        "upload.html",
        accounts=[with_quota(each) for each in found if not each.needs_reconnect],
        max_bytes=world.settings.limits.tiktok_max_video_bytes,
        privacy=[(level, AUDIENCES[level]) for level in get_args(PRIVACY)],
    )


@blueprint.get("/posts")
@page("posts:read")
def listing() -> str:
    """All my posts, the newest first."""
    chosen, cursor = request.args.get("state", ""), request.args.get("cursor", "")
    wanted = Wanted(state=chosen if chosen in STATES else None)
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None  # noqa: PLR2004 - digits of a bigint
    found = posts.listing(
        house().database, wanted, user_id=caller().user_id, limit=PAGE, before=before
    )
    return render_template(
        "posts.html",
        posts=[seen.post for seen in found.posts],
        cursor=found.next_before,
        states=STATES,
        chosen=wanted.state,
    )


@blueprint.get("/posts/<int:post_id>")
@page("posts:read")
def one(post_id: int) -> str:
    """One post and everything that happened to it."""
    return render_template("post.html", post=shown(post_id))


@blueprint.get("/posts/<int:post_id>/state")
@page("posts:read")
def state(post_id: int) -> str:
    """The changing part of a post's page, for the script that keeps it fresh."""
    return render_template("_post.html", post=shown(post_id))


@blueprint.post("/posts/<int:post_id>/<any(cancel, retry, release):action>")
@page("posts:write")
def act(post_id: int, action: str) -> Response:
    """What its owner may do with a post; a retry leads to the new one."""
    try:
        onward = ACTIONS[action](post_id)
    except NotFound:
        raise
    except CoreError as error:
        why = "It is too late for that." if isinstance(error, Conflict) else error.user_message
        flash(why, "bad")
        onward = post_id
    return redirect(url_for("post_pages.one", post_id=onward))


def cancel(post_id: int) -> int:
    posts.cancel(house().database, house().world, post_id, user_id=caller().user_id)
    return post_id


def release(post_id: int) -> int:
    posts.release(house().database, house().world, post_id, user_id=caller().user_id)
    return post_id


def retry(post_id: int) -> int:
    """The key makes a double click one retry; the button has named the risk."""
    answer = posts.retry(
        house().database,
        house().world,
        post_id,
        user_id=caller().user_id,
        confirm=True,
        idempotency_key=f"page-retry-{post_id}",
    )
    return answer.post.id


ACTIONS = {"cancel": cancel, "retry": retry, "release": release}


def shown(post_id: int) -> dict[str, Any]:
    seen = posts.look(house().database, post_id, user_id=caller().user_id)
    return told(seen, reasons(seen.post))


def reasons(post: Post) -> Any:
    platform = house().world.platforms.get(post.provider)
    return platform.reasons if platform else {}
