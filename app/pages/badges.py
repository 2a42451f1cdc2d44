"""Badges: the label, colour and icon of each state of posts, accounts and platforms."""

from datetime import datetime
from typing import NamedTuple

from app.http.context import current_container
from app.http.i18n import gettext_noop, translate_text
from app.pages.brands import draft_label, find_form
from core.accounts import AccountView
from core.post_state.settle import PostState
from db.posts.posts import Post
from platforms.base import Phase


class Badge(NamedTuple):
    """A colour by its meaning (good, busy, wait, bad, ask, calm), a label, and an icon's name."""

    colour: str
    label: str
    icon: str = ""


POST_BADGES = {
    "SCHEDULED": Badge("calm", gettext_noop("Scheduled"), "clock"),
    "QUEUED": Badge("wait", gettext_noop("Queued"), "hourglass"),
    "HELD": Badge("wait", gettext_noop("On hold"), "circle-pause"),
    "SENDING": Badge("busy", gettext_noop("Sending"), "cloud-upload"),
    "PROCESSING": Badge("busy", gettext_noop("Processing"), "loader-circle"),
    "UNCONFIRMED": Badge("ask", gettext_noop("Being confirmed"), "circle-question-mark"),
    "PUBLISHED": Badge("good", gettext_noop("Published"), "circle-check"),
    "FAILED": Badge("bad", gettext_noop("Failed"), "circle-x"),
    "CANCELLED": Badge("calm", gettext_noop("Cancelled"), "ban"),
}
"""Badges of posts, by what `display_state` says."""

DRAFT_COLOUR = "wait"
ACCOUNT_BADGES = {
    "ACTIVE": Badge("good", gettext_noop("Connected"), "circle-check"),
    "NEEDS_RECONNECT": Badge("bad", gettext_noop("Reconnect needed"), "circle-x"),
    "REVOKED": Badge("bad", gettext_noop("Disconnected by the platform"), "circle-x"),
    "CRYPTO_ERROR": Badge("bad", gettext_noop("Token unreadable"), "circle-x"),
    "DISCONNECTED": Badge("calm", gettext_noop("Disconnected"), "unlink"),
}
ACTIVE_ACCOUNT_BADGES = {
    "good": Badge("good", gettext_noop("Connected"), "circle-check"),
    "renewing": Badge("good", gettext_noop("Connected"), "circle-check"),
    "failing": Badge("wait", gettext_noop("Connected, renewal is being retried"), "refresh-cw"),
    "ending": Badge("wait", gettext_noop("Connected, ends soon"), "timer"),
}
"""Badges of an active account, by its health."""

PLATFORM_BADGES = {
    "healthy": Badge("good", gettext_noop("Connected"), "circle-check"),
    "degraded": Badge("bad", gettext_noop("Needs attention"), "triangle-alert"),
    "unconnected": Badge("calm", gettext_noop("Not connected"), "unlink"),
    "off": Badge("calm", gettext_noop("Not set up"), "ban"),
}


def post_badge(post: Post) -> Badge:
    """Return the badge of a post. A delivered draft is not published yet: it has its own badge."""
    if is_delivered_draft(post):
        return Badge(DRAFT_COLOUR, draft_label(post.provider), find_form(post.provider).draft_icon)
    return localize_badge(POST_BADGES[display_state(post)])


def display_state(post: Post) -> str:
    """Return the state as people see it: a queued post waits for its time, or for a person."""
    if post.state != PostState.QUEUED:
        return post.state
    if post.hold_reason:
        return "HELD"
    is_scheduled = post.publish_at is not None and post.publish_at > current_time()
    return "SCHEDULED" if is_scheduled else "QUEUED"


def current_time() -> datetime:
    return current_container().services.now()


def is_delivered_draft(post: Post) -> bool:
    """Whether the platform has the post as a draft that its creator has not published yet."""
    return post.state == PostState.PUBLISHED and post.step == Phase.DELIVERED


def account_badge(account: AccountView) -> Badge:
    """Return the badge of an account: by its health if it is active, else by its status."""
    if (
        account.is_active
        and not account.needs_reconnect
        and account.health in ACTIVE_ACCOUNT_BADGES
    ):
        return localize_badge(ACTIVE_ACCOUNT_BADGES[account.health])
    status = "NEEDS_RECONNECT" if account.is_active else account.status
    return localize_badge(ACCOUNT_BADGES.get(status, Badge("calm", status)))


def localize_badge(badge: Badge) -> Badge:
    """Translate a badge's label into the reader's language."""
    return badge._replace(label=translate_text(badge.label))
