"""Badges: the label, colour and symbol of each state of posts, accounts and platforms."""

from typing import NamedTuple

from app.http.i18n import gettext_noop, translate_text
from app.pages.brands import draft_label
from core.accounts import AccountView
from core.post_state.settle import PostState
from db.posts.posts import Post
from platforms.base import Phase


class Badge(NamedTuple):
    """A colour by its meaning (good, busy, bad, wait, none), a label, and a symbol beside it."""

    colour: str
    label: str
    symbol: str = ""


POST_BADGES = {
    "QUEUED": Badge("wait", gettext_noop("Queued"), "⏳"),
    "SENDING": Badge("busy", gettext_noop("Sending"), "⏳"),
    "PROCESSING": Badge("busy", gettext_noop("Processing"), "⏳"),
    "UNCONFIRMED": Badge("wait", gettext_noop("Being checked"), "⏳"),
    "PUBLISHED": Badge("good", gettext_noop("Published"), "✓"),
    "FAILED": Badge("bad", gettext_noop("Failed"), "✗"),
    "CANCELLED": Badge("none", gettext_noop("Cancelled")),
}
DRAFT_COLOUR, DRAFT_SYMBOL = "wait", "⏳"
ACCOUNT_BADGES = {
    "ACTIVE": Badge("good", gettext_noop("Connected"), "✓"),
    "NEEDS_RECONNECT": Badge("bad", gettext_noop("Reconnect needed"), "✗"),
    "REVOKED": Badge("bad", gettext_noop("Disconnected by the platform"), "✗"),
    "CRYPTO_ERROR": Badge("bad", gettext_noop("Token unreadable"), "✗"),
    "DISCONNECTED": Badge("none", gettext_noop("Disconnected")),
}
ACTIVE_ACCOUNT_BADGES = {
    "good": Badge("good", gettext_noop("Connected"), "✓"),
    "renewing": Badge("good", gettext_noop("Connected"), "✓"),
    "failing": Badge("wait", gettext_noop("Connected, renewal is being retried")),
    "ending": Badge("wait", gettext_noop("Connected, ends soon")),
}
"""Badges of an active account, by its health."""

PLATFORM_BADGES = {
    "healthy": Badge("good", gettext_noop("Connected"), "✓"),
    "degraded": Badge("bad", gettext_noop("Needs attention"), "✗"),
    "unconnected": Badge("none", gettext_noop("Not connected")),
    "off": Badge("none", gettext_noop("Switched off here")),
}


def post_badge(post: Post) -> Badge:
    """Return the badge of a post. A delivered draft is not published yet: it has its own badge."""
    if is_delivered_draft(post):
        return Badge(DRAFT_COLOUR, draft_label(post.provider), DRAFT_SYMBOL)
    return localize_badge(POST_BADGES[post.state])


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
    return localize_badge(ACCOUNT_BADGES.get(status, Badge("none", status)))


def localize_badge(badge: Badge) -> Badge:
    """Translate a badge's label into the reader's language."""
    return badge._replace(label=translate_text(badge.label))
