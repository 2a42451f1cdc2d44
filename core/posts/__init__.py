"""Everything one can do with posts, under one name for the edges. Decides nothing itself."""

from core.ledger.settle import settle
from core.posts.answers import Answer
from core.posts.cancel import cancel
from core.posts.creators import Creator
from core.posts.enqueue import enqueue
from core.posts.listing import Left, Page, Seen, creator_of, left, listing, look, stats, timeline
from core.posts.progress import Progress, progress
from core.posts.publish import UPLOADS, WORK
from core.posts.request import request
from core.posts.retry import release, retry
from core.posts.status import status
from core.posts.wish import Wish

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
