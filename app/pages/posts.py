"""Pages of posts: see them all, follow one to its end. Decides nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.context import caller, house, page
from app.errors import code_of
from app.language import later, locale, say
from app.pages.looks import NAMES, POSTS
from app.pages.told import told
from app.words import words
from core import insights, posts
from core.errors import Conflict, CoreError, NotFound
from core.insights import Figures
from db.base import PROVIDERS
from db.postlist import Wanted
from db.posts import STATES, Post

blueprint = Blueprint("post_pages", __name__)

PAGE = 25
LONGEST_SEARCH = 200
TOO_LATE = later("It is too late for that.")


@blueprint.get("/posts")
@page("posts:read")
def listing() -> str:
    """All my posts, the newest first."""
    asked, cursor = request.args, request.args.get("cursor", "")
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None  # noqa: PLR2004 - digits of a bigint
    wanted = Wanted(
        state=chosen("state", STATES),
        provider=chosen("platform", PROVIDERS),
        text=asked.get("q", "").strip()[:LONGEST_SEARCH] or None,
        since=day("from"),
        until=day("to", end=True),
    )
    found = posts.listing(
        house().database, wanted, user_id=caller().user_id, limit=PAGE, before=before
    )
    kept = {
        name: asked[name] for name in ("state", "platform", "q", "from", "to") if asked.get(name)
    }
    return render_template(
        "posts.html",
        posts=[seen.post for seen in found.posts],
        older=onward({**kept, "cursor": found.next_before}) if found.next_before else None,
        newest=onward(kept) if before else None,
        states=[(state, say(POSTS[state].word)) for state in STATES],
        platforms=[(code, NAMES[code]) for code in PROVIDERS],
        asked=kept,
    )


def onward(asked: Mapping[str, object]) -> str:
    """The same question, at another place of its answer."""
    return f"{url_for('post_pages.listing')}?{urlencode(asked)}"


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
        flash(why(error), "bad")
        onward = post_id
    return redirect(url_for("post_pages.one", post_id=onward))


def why(error: CoreError) -> str:
    said = words(code_of(error), locale())
    return say(TOO_LATE) if isinstance(error, Conflict) else f"{said.says} {said.next}"


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
    shown = told(seen, reasons(seen.post), now=house().world.now())
    return {**shown, "figures": figures(seen)}


def figures(seen: posts.Seen) -> Figures | None:
    """What TikTok counts, for those who may see it; None while the public has not seen the post."""
    if not caller().may(["insights:read"]):
        return None
    known = [(seen.post, seen.record)]
    return insights.of_posts(house().database, known, user_id=caller().user_id).get(seen.post.id)


def reasons(post: Post) -> Any:
    platform = house().world.platforms.get(post.provider)
    return platform.reasons if platform else {}


def chosen(name: str, known: tuple[str, ...]) -> str | None:
    """One of a list; anything else is as if nothing had been chosen."""
    value = request.args.get(name)
    return value if value in known else None


def day(name: str, *, end: bool = False) -> datetime | None:
    """The beginning or the end of a day in UTC; what is no day is overlooked."""
    try:
        found = datetime.strptime(request.args.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC)
        return found + timedelta(days=1) if end else found
    except (ValueError, OverflowError):
        return None
