"""Pages of posts: list them with filters, follow one, cancel, retry or release it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.errors import describe_error
from app.http.i18n import gettext_noop, translate_text
from app.http.validation import row_id_from_query
from app.pages.badges import POST_BADGES
from app.pages.brands import list_platform_titles
from app.pages.post_view import describe_post
from app.serialize.posts import failure_reasons
from core import insights, publishing
from core.errors import Conflict, CoreError, NotFound
from core.insights import VideoMetrics
from core.validation import clamp_time
from db.posts.posts import POST_STATES
from db.publishing.post_filter import PostFilter
from platforms.registry import PLATFORMS

blueprint = Blueprint("post_pages", __name__)

PAGE_SIZE = 25
MAX_SEARCH_CHARS = 200
TOO_LATE_TEXT = gettext_noop("It is too late for that.")


@blueprint.get("/posts")
@require_login("posts:read")
def list_posts() -> str:
    """List my posts, newest first."""
    args, before = request.args, row_id_from_query("cursor")
    filters = PostFilter(
        state=choice_from_query("state", POST_STATES),
        provider=choice_from_query("platform", tuple(PLATFORMS)),
        text=args.get("q", "").strip()[:MAX_SEARCH_CHARS] or None,
        since=day_from_query("from"),
        until=day_from_query("to", end=True),
    )
    page = publishing.list_posts(
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
        posts=[view.post for view in page.posts],
        older_url=list_url({**query, "cursor": page.next_before}) if page.next_before else None,
        newest_url=list_url(query) if before else None,
        states=[(state, translate_text(POST_BADGES[state].label)) for state in POST_STATES],
        platforms=list_platform_titles(),
        query=query,
    )


def list_url(query: Mapping[str, object]) -> str:
    """Return the address of the list with these parameters."""
    return f"{url_for('post_pages.list_posts')}?{urlencode(query)}"


@blueprint.get("/posts/<int:post_id>")
@require_login("posts:read")
def show_post(post_id: int) -> str:
    """Show a post and its timeline."""
    return render_template("post.html", post=load_post_fields(post_id))


@blueprint.get("/posts/<int:post_id>/state")
@require_login("posts:read")
def show_post_state(post_id: int) -> str:
    """Show the changing part of a post's page, for the script that refreshes it."""
    return render_template("_post.html", post=load_post_fields(post_id))


@blueprint.post("/posts/<int:post_id>/<any(cancel, retry, release):action>")
@require_login("posts:write")
def run_action(post_id: int, action: str) -> Response:
    """Cancel, retry or release a post; after a retry, redirect to the new post."""
    try:
        next_post_id = POST_ACTIONS[action](post_id)
    except NotFound:
        raise
    except CoreError as error:
        flash(error_text(error), "bad")
        next_post_id = post_id
    return redirect(url_for("post_pages.show_post", post_id=next_post_id))


def error_text(error: CoreError) -> str:
    message = describe_error(error)
    return (
        translate_text(TOO_LATE_TEXT)
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
    """Retry a post and return the new one's id. The idempotency key makes a double click one retry.

    `confirm` is set because the button itself warns of a possible duplicate.
    """
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
    return {**fields, "metrics": load_post_metrics(view)}


def load_post_metrics(view: publishing.PostView) -> VideoMetrics | None:
    """Load the metrics of a post; None without the scope `insights:read`, or until it is public."""
    if not current_principal().has_scopes(["insights:read"]):
        return None
    pairs = [(view.post, view.record)]
    return insights.load_post_metrics(
        current_container().database, pairs, user_id=current_principal().user_id
    ).get(view.post.id)


def choice_from_query(name: str, choices: tuple[str, ...]) -> str | None:
    """Return a parameter if it is one of the choices, else None."""
    value = request.args.get(name)
    return value if value in choices else None


def day_from_query(name: str, *, end: bool = False) -> datetime | None:
    """Parse a parameter `YYYY-MM-DD` as the beginning or end of that day in UTC, else None."""
    try:
        start = datetime.strptime(request.args.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC)
        return clamp_time(start + timedelta(days=1) if end else start)
    except (ValueError, OverflowError):
        return None
