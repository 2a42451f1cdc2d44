"""What states are called and how they look: a colour and a word, alike on every page. A table."""

from typing import NamedTuple

from app.language import later, say
from core.accounts import Standing
from core.ledger.settle import State
from db.posts import Post
from platforms.base import Phase


class Look(NamedTuple):
    """A colour by its meaning (good, busy, bad, wait, none), a word, and a sign beside it."""

    colour: str
    word: str
    sign: str = ""


POSTS = {
    "QUEUED": Look("wait", later("Queued"), "⏳"),
    "SENDING": Look("busy", later("Sending"), "⏳"),
    "PROCESSING": Look("busy", later("Processing"), "⏳"),
    "UNCONFIRMED": Look("wait", later("Being checked"), "⏳"),
    "IN_INBOX": Look("wait", later("In your inbox"), "⏳"),
    "PUBLISHED": Look("good", later("Published"), "✓"),
    "FAILED": Look("bad", later("Failed"), "✗"),
    "CANCELLED": Look("none", later("Cancelled")),
}
ACCOUNTS = {
    "ACTIVE": Look("good", later("Connected"), "✓"),
    "NEEDS_RECONNECT": Look("bad", later("Reconnect needed"), "✗"),
    "REVOKED": Look("bad", later("Disconnected by the platform"), "✗"),
    "CRYPTO_ERROR": Look("bad", later("Token unreadable"), "✗"),
    "DISCONNECTED": Look("none", later("Disconnected")),
}
ACTIVE = {
    "good": Look("good", later("Connected"), "✓"),
    "renewing": Look("good", later("Connected"), "✓"),
    "failing": Look("wait", later("Connected, renewal is being tried")),
    "ending": Look("wait", later("Connected, ends soon")),
}
"""An account that works, by how sure that is."""

PLATFORMS = {
    "healthy": Look("good", later("Connected"), "✓"),
    "degraded": Look("bad", later("Needs you"), "✗"),
    "unconnected": Look("none", later("Not connected")),
    "off": Look("none", later("Switched off here")),
}
AUDIENCES = {
    "PUBLIC_TO_EVERYONE": later("Everyone"),
    "MUTUAL_FOLLOW_FRIENDS": later("Friends"),
    "FOLLOWER_OF_CREATOR": later("Followers"),
    "SELF_ONLY": later("Only me"),
}
NAMES = {"tiktok": "TikTok", "instagram": "Instagram"}


def look_of(post: Post) -> Look:
    """A delivered draft is not out yet: its creator has to post it."""
    return spoken(POSTS["IN_INBOX" if in_inbox(post) else post.state])


def in_inbox(post: Post) -> bool:
    return post.state == State.PUBLISHED and post.step == Phase.DELIVERED


def account_look(account: Standing) -> Look:
    """A working account says how sure that is, any other one why it does not work."""
    if account.is_active and not account.needs_reconnect and account.health in ACTIVE:
        return spoken(ACTIVE[account.health])
    ended = "NEEDS_RECONNECT" if account.is_active else account.status
    return spoken(ACCOUNTS.get(ended, Look("none", ended)))


def spoken(look: Look) -> Look:
    """In the reader's language."""
    return look._replace(word=say(look.word))
