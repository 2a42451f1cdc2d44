"""Host applications told of what happens here, under one name. Decides nothing itself."""

from core.outbox.deliver import WORK
from core.outbox.events import EVENTS, News
from core.outbox.tell import tell

__all__ = ["EVENTS", "WORK", "News", "tell"]
