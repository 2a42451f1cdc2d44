"""The outbox: app events and their delivery to the endpoints of host applications."""

from core.outbox.deliver import DELIVERY_JOB_TYPE
from core.outbox.enqueue import EVENT_TYPES, TEST_EVENT_TYPE, AppEvent, enqueue_events

__all__ = ["DELIVERY_JOB_TYPE", "EVENT_TYPES", "TEST_EVENT_TYPE", "AppEvent", "enqueue_events"]
