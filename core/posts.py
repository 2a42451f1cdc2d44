"""Everything one can do with posts, under one name for the edges. Decides nothing itself."""

from core.answers import Answer
from core.cancel import cancel
from core.creators import Creator, creator
from core.enqueue import enqueue
from core.listing import Page, Seen, listing, look, quotas, stats, timeline
from core.publish import UPLOADS, WORK
from core.request import request
from core.retry import release, retry
from core.settle import settle
from core.status import status
from core.wish import Wish

__all__ = [
    "UPLOADS",
    "WORK",
    "Answer",
    "Creator",
    "Page",
    "Seen",
    "Wish",
    "cancel",
    "creator",
    "enqueue",
    "listing",
    "look",
    "quotas",
    "release",
    "request",
    "retry",
    "settle",
    "stats",
    "status",
    "timeline",
]
