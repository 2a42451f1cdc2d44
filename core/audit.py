"""Writes the audit log: who did what, when and from where.

The web application sets the origin once per request, the command line once per command; use cases
name the action only. Without an origin, the actor is "worker".
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from db.ops.audit import AuditLog
from db.session import Session


@dataclass(frozen=True)
class Origin:
    """Who acts, and from where."""

    actor: str = "worker"  # session, key, jwt, worker or cli; nobody: a request without a login
    user_id: int | None = None
    ip: str | None = None
    correlation_id: str | None = None


DEFAULT_ORIGIN = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=DEFAULT_ORIGIN)


@dataclass(frozen=True)
class AuditedAction:
    """An entry as the log has it: without details and address."""

    action: str
    actor: str
    user: int | None
    subject: str | None
    correlation_id: str | None


@dataclass
class AuditLogging:
    """How this process logs entries, and finds the correlation id of one without an origin.

    `connect_logging` sets both; a process that writes no log does neither.
    """

    log_action: Callable[[AuditedAction], None] = lambda _action: None
    find_correlation_id: Callable[[], str | None] = lambda: None


_logging = AuditLogging()


def connect_logging(
    log_action: Callable[[AuditedAction], None], find_correlation_id: Callable[[], str | None]
) -> None:
    """Log the entries of this process too, and give those of workers the id of what they do."""
    _logging.log_action, _logging.find_correlation_id = log_action, find_correlation_id


def set_origin(origin: Origin) -> None:
    """Set the origin of all following actions in this thread or task."""
    _origin.set(origin)


def record_action(
    session: Session,
    action: str,
    *,
    user_id: int | None = None,
    subject: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry in the transaction of the action itself. `details` may hold no secret.

    Shapes: `action` such as `account.connected`, `subject` such as `account:7`; `user_id` is the
    owner of the row, if another user or a worker acts.
    """
    origin = _origin.get()
    entry = AuditedAction(
        action,
        actor=origin.actor,
        user=user_id or origin.user_id,
        subject=subject,
        correlation_id=origin.correlation_id or _logging.find_correlation_id(),
    )
    AuditLog(session).add(
        action,
        actor=entry.actor,
        user_id=entry.user,
        subject=subject,
        details=details,
        ip=find_address(origin.ip),
        correlation_id=entry.correlation_id,
    )
    _logging.log_action(entry)


def forget_addresses(session: Session, user_id: int) -> None:
    """Forget from which addresses a user acted, who is erased in this transaction."""
    session.flush()  # entries of this transaction are among them
    AuditLog(session).forget_addresses(user_id)


def find_address(text: str | None) -> str | None:
    """Return an IP address in its usual form, without a zone; None for any other text."""
    try:
        return str(ip_address((text or "").partition("%")[0]))
    except ValueError:
        return None
