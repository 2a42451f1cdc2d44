"""What is done with a comment on its page: answer, hide, show, delete, mark as handled."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.errors import build_problem, describe_error
from app.http.i18n import gettext_noop, translate_text
from app.pages.brands import platform_title
from app.pages.comment_view import comment_fields
from app.pages.comments import read_query, render_comments, require_comments
from core import comments
from core.errors import CoreError, NotFound
from platforms.errors import PlatformError

blueprint = Blueprint("comment_action_pages", __name__)

COMMENT_PATH = f"/platforms/{PLATFORM_URL_PARAM}/comments/<int:comment_id>"
UNCONFIRMED_CODE = "reply_unconfirmed"
UNCONFIRMED_TEXT = gettext_noop(
    "The answer to your reply was lost. It is being confirmed whether it is public; nothing is sent"
    " twice."
)
DONE_TEXTS = {
    "hide": gettext_noop("The comment is hidden."),
    "show": gettext_noop("The comment is shown again."),
    "delete": gettext_noop("The comment is deleted."),
    "handle": gettext_noop("The comment is marked as handled."),
    "reopen": gettext_noop("The comment is open again."),
}
REPLIED_TEXT = gettext_noop("Your reply is public.")


@blueprint.get(f"{COMMENT_PATH}/delete")
@require_login("comments:write")
def confirm_deletion(platform: str, comment_id: int) -> str:
    """Show what deleting a comment does, and the form to confirm it."""
    require_comments(platform)
    conversation = comments.load_conversation(
        current_container().database,
        platform,
        str(comment_id),
        user_id=current_principal().user_id,
    )
    return render_template(
        "comment_delete.html",
        platform=platform,
        platform_name=platform_title(platform),
        comment=comment_fields(conversation.chosen),
        query=read_query(),
    )


@blueprint.post(f"{COMMENT_PATH}/<any(hide, show, delete, handle, reopen):action>")
@require_login("comments:write")
def change_comment(platform: str, comment_id: int, action: str) -> Response:
    """Hide a comment, show it again, delete it or mark it; then show what the form names next."""
    require_comments(platform)
    try:
        COMMENT_ACTIONS[action](platform, str(comment_id))
    except NotFound:
        raise
    except (CoreError, PlatformError) as error:
        message = describe_error(error)
        flash(f"{message.message} {message.suggestion}", "bad")
        return redirect(comment_url(platform, comment_id))
    flash(translate_text(DONE_TEXTS[action]), "good")
    next_id = request.form.get("next", type=int)
    if action in {"hide", "show", "reopen"}:
        return redirect(comment_url(platform, comment_id))
    if next_id is not None:
        return redirect(comment_url(platform, next_id))
    return redirect(url_for("comment_pages.list_comments", platform=platform, **read_query()))


@blueprint.post(f"{COMMENT_PATH}/reply")
@require_login("comments:write")
def reply_to_comment(platform: str, comment_id: int) -> Response | tuple[str, int]:
    """Reply to a comment. A text that was refused is kept in the form."""
    require_comments(platform)
    text = request.form.get("text", "").strip()
    try:
        send_reply(platform, str(comment_id), text)
    except NotFound:
        raise
    except (CoreError, PlatformError) as error:
        if getattr(error, "code", None) == UNCONFIRMED_CODE:
            flash(translate_text(UNCONFIRMED_TEXT), "wait")
            return redirect(comment_url(platform, comment_id))
        message = describe_error(error)
        error_text = f"{message.message} {message.suggestion}"
        status = build_problem(error).status if isinstance(error, CoreError) else 502
        key = str(comment_id)
        page = render_comments(platform, chosen_key=key, reply_text=text, error_text=error_text)
        return page, status
    flash(translate_text(REPLIED_TEXT), "good")
    return redirect(comment_url(platform, comment_id))


def send_reply(platform: str, key: str, text: str) -> None:
    """Reply with this text. The same text again is the same reply: a double click."""
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


def hide_comment(platform: str, key: str, *, is_hidden: bool = True) -> None:
    comments.set_hidden(
        current_container().database,
        current_container().services,
        platform,
        key,
        is_hidden=is_hidden,
        user_id=current_principal().user_id,
    )


def unhide_comment(platform: str, key: str) -> None:
    hide_comment(platform, key, is_hidden=False)


def delete_comment(platform: str, key: str) -> None:
    comments.delete_comment(
        current_container().database,
        current_container().services,
        platform,
        key,
        user_id=current_principal().user_id,
    )


def mark_comment(platform: str, key: str, *, is_handled: bool = True) -> None:
    comments.set_handled(
        current_container().database,
        platform,
        key,
        is_handled=is_handled,
        user_id=current_principal().user_id,
    )


def reopen_comment(platform: str, key: str) -> None:
    mark_comment(platform, key, is_handled=False)


COMMENT_ACTIONS: Mapping[str, Callable[[str, str], None]] = {
    "hide": hide_comment,
    "show": unhide_comment,
    "delete": delete_comment,
    "handle": mark_comment,
    "reopen": reopen_comment,
}


def comment_url(platform: str, comment_id: int) -> str:
    return url_for(
        "comment_pages.show_comment",
        platform=platform,
        comment_id=comment_id,
        **read_query(),
    )
