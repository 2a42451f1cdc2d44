"""The media items of a post as its page shows them: what each is, and how far it got."""

from typing import Any

from app.http.i18n import gettext_noop, translate_text
from app.pages.badges import Badge, localize_badge
from app.pages.thumbnails import thumbnail_url
from core.post_state.settle import PostState
from core.post_state.step_state import FAILED_PART
from core.publishing import PostView
from db.posts.parts import COLLECTION_ROLE, COVER_ROLE, PostPart
from db.posts.posts import Post
from platforms.registry import PLATFORMS

ROLE_LABELS = {
    "video": gettext_noop("Video"),
    "image": gettext_noop("Image"),
    "item": gettext_noop("Item %(number)d"),
    COVER_ROLE: gettext_noop("Cover"),
}
OTHER_ROLE_LABEL = gettext_noop("File")
WAITING = Badge("wait", gettext_noop("Waiting"), "hourglass")
UPLOADING = Badge("busy", gettext_noop("Uploading"), "cloud-upload")
IN_PREPARATION = Badge("busy", gettext_noop("In preparation"), "loader-circle")
READY = Badge("good", gettext_noop("Ready"), "circle-check")
FAILED = Badge("bad", gettext_noop("Failed"), "circle-x")


def item_fields(view: PostView) -> list[dict[str, Any]]:
    """Return the items in their order; the part that only joins the others is left out."""
    parts = [part for part in view.parts if part.role != COLLECTION_ROLE]
    return [
        {
            "label": item_label(part),
            "picture": thumbnail_url(part.media_id),
            "is_failed": is_failed_part(view.post, part),
            "badge": localize_badge(item_badge(view.post, part)),
            "source": part.url,
            "alt_text": part.alt_text,
            "status": part.status,
            "reason": part.status_text if is_failed_part(view.post, part) else None,
            "tries": part.tries,
        }
        for part in parts
    ]


def item_label(part: PostPart) -> str:
    label = ROLE_LABELS.get(part.role, OTHER_ROLE_LABEL)
    return translate_text(label, number=max(part.position, 1))


def item_badge(post: Post, part: PostPart) -> Badge:
    """Return the badge of an item; once the post is public, all of its items are ready.

    Else the platform says of each whether it is.
    """
    if is_failed_part(post, part):
        return FAILED
    is_finished = part.status in PLATFORMS[post.provider].ready_statuses
    if post.state == PostState.PUBLISHED or is_finished:
        return READY
    if part.role == COVER_ROLE or part.handle is None:
        return WAITING
    return UPLOADING if part.upload_url_encrypted is not None else IN_PREPARATION


def is_failed_part(post: Post, part: PostPart) -> bool:
    """Whether this item is the reason why the post failed."""
    is_named = post.step_state.get(FAILED_PART) == part.position and part.role != COVER_ROLE
    return is_named and post.state == PostState.FAILED
