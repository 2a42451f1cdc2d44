"""What can be done with a post: the buttons and links that fit its state.

Whether an action is still possible is checked when its button is pressed.
"""

from dataclasses import dataclass

from flask import url_for

from app.http.i18n import gettext_noop, translate_text
from app.pages.brands import platform_title
from app.pages.page_links import find_page_url
from core.post_state.settle import PostState
from db.posts.posts import Post, SentBy

DUPLICATE_WARNING = gettext_noop(
    "%(platform)s may still publish the first one: then it appears twice."
)
CANCEL_NOTES = {
    "nothing": gettext_noop("Nothing of it has reached %(platform)s: it is stopped for certain."),
    "sending": gettext_noop(
        "It is on its way to %(platform)s: it can be stopped until the last bytes are there."
    ),
    "fetching": gettext_noop("%(platform)s is asked to stop, and may refuse."),
}


@dataclass(frozen=True)
class PostAction:
    """A button of a form, or a link if it has a URL. `note` is shown beside it; `risk` has to be
    accepted with a tick.
    """

    name: str
    label: str
    icon: str
    style: str = "second"
    url: str | None = None
    note: str | None = None
    risk: str | None = None


def list_actions(post: Post) -> list[PostAction]:
    """Return the actions that fit the state, the most useful one last."""
    links = [duplicate_link(post), move_link(post)]
    return [*(link for link in links if link is not None), *list_buttons(post), *view_links(post)]


def list_buttons(post: Post) -> list[PostAction]:
    if post.hold_reason is not None:
        label = translate_text("Release")
        note = translate_text("Released, it goes out at its time, or at once if that has passed.")
        return [cancel_button(post), PostAction("release", label, "play", "", note=note)]
    if can_cancel(post):
        return [cancel_button(post)]
    if post.state in {PostState.FAILED, PostState.CANCELLED}:
        return [PostAction("retry", translate_text("Try again"), "rotate-ccw", "")]
    if post.state == PostState.UNCONFIRMED:
        title = platform_title(post.provider)
        risk = translate_text(DUPLICATE_WARNING, platform=title)
        label = translate_text("Try again anyway")
        return [PostAction("retry", label, "rotate-ccw", "danger", risk=risk)]
    return []


def can_cancel(post: Post) -> bool:
    return post.state in {PostState.QUEUED, PostState.SENDING} or (
        post.state == PostState.PROCESSING and post.sent_by == SentBy.PLATFORM
    )


def cancel_button(post: Post) -> PostAction:
    notes = {PostState.QUEUED: "nothing", PostState.SENDING: "sending"}
    note = CANCEL_NOTES[notes.get(PostState(post.state), "fetching")]
    return PostAction(
        "cancel",
        translate_text("Cancel the post"),
        "ban",
        "danger",
        note=translate_text(note, platform=platform_title(post.provider)),
    )


def duplicate_link(post: Post) -> PostAction | None:
    url = find_page_url("composer.show_composer", **{"from": post.id})
    return (url and PostAction("duplicate", translate_text("Duplicate"), "copy", url=url)) or None


def move_link(post: Post) -> PostAction | None:
    """A queued post can be given another time, unless a worker has taken it."""
    if post.state != PostState.QUEUED or post.leased_until is not None:
        return None
    url = find_page_url("calendar_moves.show_move", post_id=post.id)
    label = translate_text("Reschedule")
    return (url and PostAction("move", label, "calendar-clock", url=url)) or None


def view_links(post: Post) -> list[PostAction]:
    if not post.permalink:
        return []
    label = translate_text("View on %(platform)s", platform=platform_title(post.provider))
    return [PostAction("view", label, "external-link", "", url=post.permalink)]


def post_url(post: Post) -> str:
    return url_for("post_pages.show_post", post_id=post.id)
