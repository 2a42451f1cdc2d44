"""Everything one can do with notices of platforms, under one name for the edges."""

from core.webhooks.apply import WORK, work
from core.webhooks.inbox import Busy, Inbox, Refused
from core.webhooks.receive import (
    NotConfigured,
    Receipt,
    ear,
    judged,
    process,
    receive,
    replay,
    take_in,
)
from platforms.errors import BadSignature

__all__ = [
    "WORK",
    "BadSignature",
    "Busy",
    "Inbox",
    "NotConfigured",
    "Receipt",
    "Refused",
    "ear",
    "judged",
    "process",
    "receive",
    "replay",
    "take_in",
    "work",
]
