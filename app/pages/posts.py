"""Pages of one post: follow it, cancel, retry or release it. The list: `history.py`."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.errors import describe_error
from app.http.fragments import answer_fields
from app.http.i18n import gettext_noop, translate_text
from app.pages.badges import display_state
from app.pages.post_view import describe_post
from app.serialize.posts import failure_reasons
from core import insights, publishing
from core.errors import Conflict, CoreError, NotFound
from core.insights import VideoMetrics

blueprint = Blueprint("post_pages", __name__)

TOO_LATE_TEXT = gettext_noop("It is too late for that.")
RISK_TEXT = gettext_noop("Nothing was sent. Tick the box first: it may appear twice.")
ACTION_RESULTS = {
    "cancel": gettext_noop("The post is cancelled."),
    "retry": gettext_noop("This is the new post. The earlier one stays as it is."),
    "release": gettext_noop("The post is released."),
}


@blueprint.get("/posts/<int:post_id>")
@require_login("posts:read")
def show_post(post_id: int) -> str:
    """Show a post and its timeline."""
    return render_template("post.html", **load_post_fields(post_id))


@blueprint.get("/posts/<int:post_id>/state")
@require_login("posts:read")
def show_post_state(post_id: int) -> Response:
    """Show the changing part of a post's page, for the script that refreshes it."""
    is_short = request.args.get("part") == "verdict"
    template = "_post_short.html" if is_short else "_post.html"
    fields = load_post_fields(post_id)
    post = fields["post"]
    displayed = (post["row"], *post["retries"], *post["together"])
    return answer_fields(template, fields, [display_state(each) for each in displayed])


@blueprint.post("/posts/<int:post_id>/<any(cancel, retry, release):action>")
@require_login("posts:write")
def run_action(post_id: int, action: str) -> Response:
    """Cancel, retry or release a post; after a retry, redirect to the new post."""
    try:
        next_post_id = POST_ACTIONS[action](post_id)
        flash(translate_text(ACTION_RESULTS[action]), "good")
    except NotFound:
        raise
    except CoreError as error:
        flash(error_text(error), "bad")
        next_post_id = post_id
    return redirect(url_for("post_pages.show_post", post_id=next_post_id))


def error_text(error: CoreError) -> str:
    if isinstance(error, Conflict):
        is_unconfirmed = error.details.get("confirmable") is True
        return translate_text(RISK_TEXT if is_unconfirmed else TOO_LATE_TEXT)
    message = describe_error(error)
    return f"{message.message} {message.suggestion}"


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

    The tick of the form accepts that both posts may appear, where that can be.
    """
    result = publishing.retry_post(
        current_container().database,
        current_container().services,
        post_id,
        user_id=current_principal().user_id,
        confirm=request.form.get("confirm") == "on",
        idempotency_key=f"page-retry-{post_id}",
    )
    return result.post.id


POST_ACTIONS = {"cancel": cancel_post, "retry": retry_post, "release": release_post}


def load_post_fields(post_id: int) -> dict[str, dict[str, Any]]:
    """Load what the page shows. Errors: NotFound, also for posts of others."""
    container = current_container()
    view = publishing.get_post(container.database, post_id, user_id=current_principal().user_id)
    history = publishing.load_post_history(container.database, view)
    fields = describe_post(
        view,
        history,
        failure_reasons(view.post),
        now=container.services.now(),
        oldest_first=request.args.get("order") == "oldest",
    )
    return {"post": {**fields, "metrics": load_post_metrics(view)}}


def load_post_metrics(view: publishing.PostView) -> VideoMetrics | None:
    """Load the metrics of a post; None without the scope `insights:read`, or until it is public."""
    if not current_principal().has_scopes(["insights:read"]):
        return None
    pairs = [(view.post, view.record)]
    return insights.load_post_metrics(
        current_container().database, pairs, user_id=current_principal().user_id
    ).get(view.post.id)
