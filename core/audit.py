"""Who did what, when, from where: the caller's circumstances travel beside the call, not in it.

The edge says once per request (the command line once per command) who is at work; use-cases only
name the deed. Workers, who act for nobody in particular, need not say anything.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from db.ops.audit import AuditLog
from db.session import Session


@dataclass(frozen=True)
class Origin:
    actor: str = "worker"  # session, key, jwt, nobody, worker or cli
    user_id: int | None = None
    ip: str | None = None
    correlation_id: str | None = None


DEFAULT_ORIGIN = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=DEFAULT_ORIGIN)


def set_origin(origin: Origin) -> None:
    """From now on in this thread, until somebody else is named."""
    _origin.set(origin)


def record_action(
    session: Session,
    action: str,
    *,
    user_id: int | None = None,
    subject: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Written with the deed or not at all: same transaction. `details` may hold no secret.

    Shapes: `action` as in `account.connected`, `subject` as in `account:7`; `user_id` is whose row
    it is, where that differs from who acts.
    """
    origin = _origin.get()
    AuditLog(session).add(
        action,
        actor=origin.actor,
        user_id=user_id or origin.user_id,
        subject=subject,
        details=details,
        ip=origin.ip,
        correlation_id=origin.correlation_id,
    )
