"""Host applications told of what happens here, under one name. Decides nothing itself."""

from core.outbox.deliver import DELIVERY_JOB
from core.outbox.enqueue import EVENT_TYPES, AppEvent, enqueue_events

__all__ = ["DELIVERY_JOB", "EVENT_TYPES", "AppEvent", "enqueue_events"]
