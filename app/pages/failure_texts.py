"""Why a post failed, in the reader's language: the cause and the remedy."""

from collections.abc import Mapping
from typing import NamedTuple

from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import find_message
from app.pages.brands import platform_title
from app.serialize.posts import find_text_code
from core.post_state.step_state import FAILED_PART
from db.posts.posts import Post
from platforms.base import FailureReason

UNKNOWN_REASON_TEXT = gettext_noop("%(platform)s gives the reason “%(code)s”.")


class FailureText(NamedTuple):
    """`cause` names the item that failed; `remedy` is None if there is no text for the code."""

    cause: str
    remedy: str | None = None


def describe_failure(post: Post, reasons: Mapping[str, FailureReason]) -> FailureText:
    """Return our text for the code, or else the platform's own."""
    code = str(post.error_code)
    item = name_failed_item(post)
    if message := find_message(find_text_code(post), current_locale()):
        return FailureText(f"{item}{message.message}", message.suggestion)
    reason = reasons.get(code)
    if reason is not None:
        return FailureText(f"{item}{reason.sentence}")
    title = platform_title(post.provider)
    sentence = translate_text(UNKNOWN_REASON_TEXT, platform=title, code=code)
    return FailureText(f"{item}{sentence}")


def name_failed_item(post: Post) -> str:
    """Return the item that made the post fail, to begin a sentence; empty if none did."""
    position = post.step_state.get(FAILED_PART)
    if not position:
        return ""
    label = translate_text("Item {number}").replace("{number}", str(position))
    return f"{label}: "
