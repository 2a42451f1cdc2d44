"""What host applications can be told, as a table, and the form in which it is said. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.instant import instant

EVENTS: Mapping[str, str] = {
    "post.processing": "The platform has everything and works on it.",
    "post.unconfirmed": "An answer of the platform got lost: we ask, and send nothing again.",
    "post.delivered": "It is in its creator's inbox at the platform, who has to finish it.",
    "post.published": "It is out.",
    "post.failed": "It was not posted; `error` says why.",
    "post.cancelled": "It was taken back before it came out.",
    "account.connected": "It was connected, or connected again.",
    "account.needs_reconnect": "Its permission has ended: only its owner can renew it.",
    "account.revoked": "The platform says that its owner took the permission back.",
    "account.disconnected": "Its user let it go.",
    "account.unreadable": "Its stored tokens do not open: the operator has to act.",
}
"""Moves that come and go while we try again (queued, sending) are none of them."""

TEST = "endpoint.test"  # only ever asked for, and heard by the one endpoint it is for


@dataclass(frozen=True)
class News:
    """One thing to be told to whoever of this user listens. `data` is JSON without secrets."""

    user_id: int
    type: str
    subject: str  # as in post:7
    data: Mapping[str, Any]


def body(news: News, *, sequence: int, at: datetime) -> str:
    """What is signed and sent, byte for byte, at every try."""
    said = {
        "type": news.type,
        "timestamp": instant(at),
        "data": {**news.data, "sequence": sequence},
    }
    return json.dumps(said, default=plain, ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> str:
    """Errors: TypeError for what is neither JSON nor a time."""
    if isinstance(value, datetime):
        return instant(value)
    raise TypeError(type(value).__name__)
