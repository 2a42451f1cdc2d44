"""The page that sends something on its way, and its two parts that depend on the account chosen.

Decides nothing: what may be sent is checked where a wish becomes a post.
"""

from typing import Any

from flask import Blueprint, render_template, request

from app.context import caller, house, page
from app.errors import code_of
from app.language import locale, say
from app.pages.accounts import account
from app.pages.looks import AUDIENCES
from app.words import words
from core import accounts, posts
from core.errors import CoreError
from core.posts.wish import LONGEST_DESCRIPTION, LONGEST_TITLE, MOST_PHOTOS
from platforms.errors import PlatformError

blueprint = Blueprint("upload_pages", __name__)

INBOX_TITLE, PHOTO_TITLE = 150, 90  # UTF-16 units: what TikTok's own editor takes
LOOK_AGAIN = 30  # seconds


@blueprint.get("/platforms/tiktok/upload")
@page("posts:write", "media:write")
def form() -> str:
    """The form that sends a video or photos on their way."""
    world = house().world
    with house().database.transaction() as session:
        found = accounts.standing(session, world, user_id=caller().user_id, provider="tiktok")
    able = [account(each) for each in found if each.is_active]
    return render_template(
        "upload.html",
        accounts=able,
        ailing=[account(each) for each in found if each.needs_reconnect],
        left=left(able[0]["id"]) if able else None,
        next=LOOK_AGAIN,
        max_bytes=world.settings.limits.tiktok_max_video_bytes,
        most_photos=MOST_PHOTOS,
        longest={
            "INBOX": INBOX_TITLE,
            "DIRECT": LONGEST_TITLE,
            "PHOTO": PHOTO_TITLE,
            "description": LONGEST_DESCRIPTION,
        },
    )


@blueprint.get("/platforms/tiktok/upload/quota")
@page("posts:read")
def quota() -> str:
    """What an account may still send, for the script that keeps it fresh."""
    return render_template("_quota.html", left=left(chosen()), next=LOOK_AGAIN)


@blueprint.get("/platforms/tiktok/upload/direct")
@page("posts:write")
def direct() -> str:
    """What the creator allows right now: asked for this form, and kept nowhere."""
    return render_template("_direct.html", **allowed(chosen()))


def allowed(account_id: int | None) -> dict[str, Any]:
    try:
        creator = posts.creator_of(
            house().database, house().world, user_id=caller().user_id, account_id=account_id
        )
    except (CoreError, PlatformError) as error:
        return {"blocked": words(code_of(error), locale()), "creator": None}
    offered = [
        (level, say(AUDIENCES[level])) for level in creator.privacy_levels if level in AUDIENCES
    ]
    return {"blocked": None, "creator": creator, "audiences": offered}


def left(account_id: int | None) -> posts.Left:
    return posts.left(
        house().database, house().world, user_id=caller().user_id, account_id=account_id
    )


def chosen() -> int | None:
    """The account named in the address; what is no id of ours names none."""
    named = request.args.get("account_id", "")
    return int(named) if named.isascii() and named.isdigit() and len(named) < 19 else None  # noqa: PLR2004 - digits of a bigint
