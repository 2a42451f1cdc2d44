"""Pausing a platform or a queue: workers take nothing of it until it is resumed.

Requests are still accepted, and webhooks stored; what is in hand is finished. What a person asks
for directly, such as connecting an account, is done all the same.
"""

from collections.abc import Sequence

from core import audit
from core.errors import Conflict, NotFound
from db.pauses import Pause, PauseKind, Pauses
from db.session import Session
from platforms.registry import PLATFORMS

JOB_QUEUE_NAMES = ("webhooks", "accounts", "posts", "uploads", "outbox", "insights")
PAUSE_TARGETS = (*PLATFORMS, *JOB_QUEUE_NAMES)
MAX_REASON_CHARS = 500


def pause_work(session: Session, target: str, reason: str) -> Pause:
    """Pause a platform or a queue, by its name. Errors: NotFound; Conflict if it is paused."""
    pause = Pauses(session).add(target, find_kind(target), reason)
    if pause is None:
        raise Conflict(f"{target} is paused already: resume it first, to give another reason")
    audit.record_action(
        session, "work.paused", subject=f"{pause.kind}:{target}", details={"reason": reason}
    )
    return pause


def resume_work(session: Session, target: str) -> Pause:
    """Resume what was paused, and return the pause. Errors: NotFound."""
    find_kind(target)
    pause = Pauses(session).get(target)
    if pause is None:
        raise NotFound(f"{target} is not paused")
    session.expunge(pause)
    Pauses(session).delete(target)
    audit.record_action(session, "work.resumed", subject=f"{pause.kind}:{target}")
    return pause


def list_pauses(session: Session) -> Sequence[Pause]:
    """Return what is paused, the oldest pause first."""
    return Pauses(session).list_all()


def find_kind(target: str) -> PauseKind:
    """Errors: NotFound, naming what can be paused."""
    if target in PLATFORMS:
        return PauseKind.PLATFORM
    if target in JOB_QUEUE_NAMES:
        return PauseKind.QUEUE
    raise NotFound(f"there is no {target!r} to pause: {', '.join(PAUSE_TARGETS)}")
