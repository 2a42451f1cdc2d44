"""The comments on one's posts on a platform: hide them, show them again, reply, delete them."""

from hashlib import sha256
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.errors import describe_error
from app.http.i18n import gettext_noop, translate_text
from app.http.validation import row_id_from_query
from app.pages.brands import platform_title
from core import accounts, comments
from core.errors import CoreError, NotFound
from db.comments.comments import CommentFilter, StoredComment
from platforms.errors import PlatformError
from platforms.publishing import Capability
from platforms.registry import PLATFORMS

blueprint = Blueprint("comment_pages", __name__)

PAGE_SIZE = 25
VISIBILITIES = {"visible": False, "hidden": True}
DONE_TEXTS = {
    "hide": gettext_noop("The comment is hidden."),
    "show": gettext_noop("The comment is shown again."),
    "delete": gettext_noop("The comment is deleted."),
    "reply": gettext_noop("Your reply is public."),
}


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/comments")
@require_login("comments:write")
def list_comments(platform: str) -> str:
    """List the comments on my posts, newest first."""
    require_comments(platform)
    visibility, account_id = request.args.get("show"), row_id_from_query("account")
    before = row_id_from_query("cursor")
    page = comments.list_comments(
        current_container().database,
        platform,
        CommentFilter(
            user_id=current_principal().user_id,
            destination_id=account_id,
            is_hidden=VISIBILITIES.get(visibility or ""),
        ),
        limit=PAGE_SIZE,
        before=before,
    )
    query = {"show": visibility if visibility in VISIBILITIES else None, "account": account_id}
    return render_template(
        "comments.html",
        platform=platform,
        platform_name=platform_title(platform),
        comments=[comment_fields(comment) for comment in page.comments],
        accounts=list_account_choices(platform),
        query=query,
        older_url=list_url(platform, query, cursor=page.next_before) if page.next_before else None,
        newest_url=list_url(platform, query) if before else None,
    )


@blueprint.post(
    f"/platforms/{PLATFORM_URL_PARAM}/comments/<int:comment_id>"
    "/<any(hide, show, delete, reply):action>"
)
@require_login("comments:write")
def change_comment(platform: str, comment_id: int, action: str) -> Response:
    """Hide a comment, show it again, delete it or reply to it; then show the list again."""
    require_comments(platform)
    try:
        COMMENT_ACTIONS[action](platform, str(comment_id))
    except NotFound:
        raise
    except (CoreError, PlatformError) as error:
        message = describe_error(error)
        flash(f"{message.message} {message.suggestion}", "bad")
    else:
        flash(translate_text(DONE_TEXTS[action]), "good")
    return redirect(url_for("comment_pages.list_comments", platform=platform))


def hide_comment(platform: str, key: str, *, is_hidden: bool = True) -> None:
    comments.set_hidden(
        current_container().database,
        current_container().services,
        platform,
        key,
        is_hidden=is_hidden,
        user_id=current_principal().user_id,
    )


def show_comment(platform: str, key: str) -> None:
    hide_comment(platform, key, is_hidden=False)


def delete_comment(platform: str, key: str) -> None:
    comments.delete_comment(
        current_container().database,
        current_container().services,
        platform,
        key,
        user_id=current_principal().user_id,
    )


def send_reply(platform: str, key: str) -> None:
    """Reply with the text of the form. The same text again is the same reply: a double click."""
    text = request.form.get("text", "").strip()
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    comments.reply_to_comment(
        current_container().database,
        current_container().services,
        comments.ReplyRequest(
            provider=platform,
            key=key,
            text=text,
            user_id=current_principal().user_id,
            idempotency_key=f"page-reply-{key}-{digest}",
        ),
    )


COMMENT_ACTIONS = {
    "hide": hide_comment,
    "show": show_comment,
    "delete": delete_comment,
    "reply": send_reply,
}


def require_comments(platform: str) -> None:
    """Errors: NotFound if the platform has no comments."""
    if Capability.COMMENTS not in PLATFORMS[platform].capabilities:
        raise NotFound(f"{platform} has no comments")


def comment_fields(comment: StoredComment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "author": comment.author_name,
        "text": comment.text,
        "at": comment.written_at,
        "account": comment.account_name,
        "post_url": comment.item_url,
        "likes": comment.like_count,
        "is_hidden": comment.is_hidden,
        "is_own": comment.is_own,
        "is_reply": comment.parent_id is not None,
    }


def list_account_choices(platform: str) -> list[tuple[int, str]]:
    """Return id and name of the accounts whose comments can be listed."""
    with current_container().database.transaction() as session:
        views = accounts.list_destination_views(
            session,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
        )
    return [(view.id, f"@{view.handle}" if view.handle else view.name) for view in views]


def list_url(platform: str, query: dict[str, Any], *, cursor: int | None = None) -> str:
    return url_for("comment_pages.list_comments", platform=platform, **query, cursor=cursor)
