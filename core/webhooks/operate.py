"""What operators do with stored webhook events: apply a batch at once, replay, discard, and restore
what was discarded.
"""

from datetime import datetime

from core import audit
from core.bootstrap import Services
from core.jobs.job_type import RunReport
from core.jobs.runner import run_jobs
from core.webhooks.process import build_webhook_job_type
from db.session import Database
from db.webhooks.discards import DiscardedEvents, EventDiscards
from db.webhooks.events import EventFilter
from db.webhooks.replays import MAX_COUNTED_EVENTS, EventReplays, ReplayedEvents

MAX_AUDITED_IDS = 100  # ids that the audit log lists


def process_batch(database: Database, services: Services, *, limit: int) -> RunReport:
    """Apply one batch of at most `limit` events in this process. Workers may run meanwhile."""
    return run_jobs(build_webhook_job_type(services, batch_size=limit), database, services)


def replay_events(
    database: Database,
    event_filter: EventFilter,
    *,
    user_id: int | None = None,
    limit: int | None = None,
) -> ReplayedEvents:
    """Make events due again with all their attempts. The caller wakes workers.

    Applying an event twice is harmless: an update that is not newer changes nothing.
    """
    with database.transaction() as session:
        replayed = EventReplays(session).replay(event_filter, user_id=user_id, limit=limit)
        audit.record_action(
            session,
            "webhooks.replayed",
            details={
                "ids": replayed.ids[:MAX_AUDITED_IDS],
                "count": len(replayed.ids),
                "replayedAt": replayed.at.isoformat(),
            },
        )
    return replayed


def discard_events(
    database: Database, event_filter: EventFilter, *, limit: int = MAX_COUNTED_EVENTS
) -> DiscardedEvents:
    """Give dead events up, the oldest first. Events that are not dead are left alone."""
    with database.transaction() as session:
        discarded = EventDiscards(session).discard(event_filter, limit=limit)
        details = {
            "ids": discarded.ids[:MAX_AUDITED_IDS],
            "count": len(discarded.ids),
            "code": event_filter.code,
            "discardedAt": discarded.at.isoformat(),
        }
        audit.record_action(session, "webhooks.discarded", details=details)
    return discarded


def restore_events(database: Database, at: datetime) -> list[int]:
    """Make the events that were discarded at this time dead letters again; return their ids."""
    with database.transaction() as session:
        restored_ids = EventDiscards(session).restore(at)
        details = {
            "ids": restored_ids[:MAX_AUDITED_IDS],
            "count": len(restored_ids),
            "discardedAt": at.isoformat(),
        }
        audit.record_action(session, "webhooks.restored", details=details)
    return restored_ids
