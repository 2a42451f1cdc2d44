"""Everything one can do with posts, under one name for the edges. Decides nothing itself."""

from core.answers import Answer
from core.cancel import cancel
from core.creators import Creator
from core.enqueue import enqueue
from core.listing import Left, Page, Seen, creator_of, left, listing, look, stats, timeline
from core.progress import Progress, progress
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
    "Left",
    "Page",
    "Progress",
    "Seen",
    "Wish",
    "cancel",
    "creator_of",
    "enqueue",
    "left",
    "listing",
    "look",
    "progress",
    "release",
    "request",
    "retry",
    "settle",
    "stats",
    "status",
    "timeline",
]
