"""Pages of posts: see them all, follow one to its end. Decides nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.errors import get_error_code
from app.http.i18n import current_locale, gettext_noop, translate
from app.http.messages import get_message
from app.pages.badges import PLATFORM_NAMES, POST_BADGES
from app.pages.post_view import describe_post
from core import insights, publishing
from core.errors import Conflict, CoreError, NotFound
from core.insights import VideoMetrics
from db.base import PROVIDERS
from db.posts.posts import POST_STATES, Post
from db.posts.queries import PostFilter

blueprint = Blueprint("post_pages", __name__)

PAGE_SIZE = 25
MAX_SEARCH_CHARS = 200
TOO_LATE_TEXT = gettext_noop("It is too late for that.")


@blueprint.get("/posts")
@require_login("posts:read")
def list_posts() -> str:
    """All my posts, the newest first."""
    args, cursor = request.args, request.args.get("cursor", "")
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None
    filters = PostFilter(
        state=choice_from_query("state", POST_STATES),
        provider=choice_from_query("platform", PROVIDERS),
        text=args.get("q", "").strip()[:MAX_SEARCH_CHARS] or None,
        since=day_from_query("from"),
        until=day_from_query("to", end=True),
    )
    result = publishing.list_posts(
        current_container().database,
        filters,
        user_id=current_principal().user_id,
        limit=PAGE_SIZE,
        before=before,
    )
    query = {
        name: args[name] for name in ("state", "platform", "q", "from", "to") if args.get(name)
    }
    return render_template(
        "posts.html",
        posts=[view.post for view in result.posts],
        older=list_url({**query, "cursor": result.next_before}) if result.next_before else None,
        newest=list_url(query) if before else None,
        states=[(state, translate(POST_BADGES[state].label)) for state in POST_STATES],
        platforms=[(code, PLATFORM_NAMES[code]) for code in PROVIDERS],
        asked=query,
    )


def list_url(query: Mapping[str, object]) -> str:
    """The same question, at another place of its answer."""
    return f"{url_for('post_pages.list_posts')}?{urlencode(query)}"


@blueprint.get("/posts/<int:post_id>")
@require_login("posts:read")
def show_post(post_id: int) -> str:
    """One post and everything that happened to it."""
    return render_template("post.html", post=load_post_fields(post_id))


@blueprint.get("/posts/<int:post_id>/state")
@require_login("posts:read")
def show_post_state(post_id: int) -> str:
    """The changing part of a post's page, for the script that keeps it fresh."""
    return render_template("_post.html", post=load_post_fields(post_id))


@blueprint.post("/posts/<int:post_id>/<any(cancel, retry, release):action>")
@require_login("posts:write")
def run_action(post_id: int, action: str) -> Response:
    """What its owner may do with a post; a retry leads to the new one."""
    try:
        next_post_id = POST_ACTIONS[action](post_id)
    except NotFound:
        raise
    except CoreError as error:
        flash(error_text(error), "bad")
        next_post_id = post_id
    return redirect(url_for("post_pages.show_post", post_id=next_post_id))


def error_text(error: CoreError) -> str:
    message = get_message(get_error_code(error), current_locale())
    return (
        translate(TOO_LATE_TEXT)
        if isinstance(error, Conflict)
        else f"{message.message} {message.suggestion}"
    )


def cancel_post(post_id: int) -> int:
    publishing.cancel_post(
        current_container().database,
        current_container().services,
        post_id,
        user_id=current_principal().user_id,
    )
    return post_id


def release_post(post_id: int) -> int:
    publishing.release_post(
        current_container().database,
        current_container().services,
        post_id,
        user_id=current_principal().user_id,
    )
    return post_id


def retry_post(post_id: int) -> int:
    """The key makes a double click one retry; the button has named the risk."""
    result = publishing.retry_post(
        current_container().database,
        current_container().services,
        post_id,
        user_id=current_principal().user_id,
        confirm=True,
        idempotency_key=f"page-retry-{post_id}",
    )
    return result.post.id


POST_ACTIONS = {"cancel": cancel_post, "retry": retry_post, "release": release_post}


def load_post_fields(post_id: int) -> dict[str, Any]:
    view = publishing.get_post(
        current_container().database, post_id, user_id=current_principal().user_id
    )
    fields = describe_post(view, failure_reasons(view.post), now=current_container().services.now())
    return {**fields, "figures": load_post_metrics(view)}


def load_post_metrics(view: publishing.PostView) -> VideoMetrics | None:
    """What TikTok counts, for those who may see it; None while the public has not seen the post."""
    if not current_principal().has_scopes(["insights:read"]):
        return None
    pairs = [(view.post, view.record)]
    return insights.load_post_metrics(
        current_container().database, pairs, user_id=current_principal().user_id
    ).get(view.post.id)


def failure_reasons(post: Post) -> Any:
    platform = current_container().services.platforms.get(post.provider)
    return platform.failure_reasons if platform else {}


def choice_from_query(name: str, choices: tuple[str, ...]) -> str | None:
    """One of a list; anything else is as if nothing had been chosen."""
    value = request.args.get(name)
    return value if value in choices else None


def day_from_query(name: str, *, end: bool = False) -> datetime | None:
    """The beginning or the end of a day in UTC; what is no day is overlooked."""
    try:
        start = datetime.strptime(request.args.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC)
        return start + timedelta(days=1) if end else start
    except (ValueError, OverflowError):
        return None
