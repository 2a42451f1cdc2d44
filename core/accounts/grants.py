"""What becomes of an account and its posts when its grant ends, and when it comes back.

Everybody who learns of it comes through here, so that posts are parked and people told the same
way whoever brought the news: a refused refresh, a notice of the platform, a reconnect.
"""

from core import audit
from core.accounts import outward
from db.accounts import Account, AccountStatus
from db.grants import Grants
from db.holds import Holds
from db.notices import Notifications
from db.session import Session
from db.timeline import PostEvents

NEEDS_RECONNECT = "needs_reconnect"
REMOVED = "disconnected_by_platform"
REFRESH_FAILED = "refresh_failed"
PERMISSIONS_MISSING = "permissions_missing"
ENDS_SOON = "connection_ends_soon"
SOLVED = (NEEDS_RECONNECT, REMOVED, REFRESH_FAILED, PERMISSIONS_MISSING, ENDS_SOON)

ROTATION_LOST = "rotation_lost"


def needs_reconnect(session: Session, account: Account, *, cause: str) -> None:
    """Only a person can bring it back: its posts wait, and its owner is told, once per grant."""
    account.status = AccountStatus.NEEDS_RECONNECT
    account.status_cause = cause
    account.due_at = None
    park(session, account)
    tell(session, account, NEEDS_RECONNECT, why=cause, code=cause)
    note(session, account, "account.needs_reconnect", cause=cause)


def rotation_lost(session: Session, account: Account) -> None:
    """The platform gave new tokens to nobody: the old access token serves until it ends."""
    account.refresh_token_encrypted = None
    account.status_cause = ROTATION_LOST
    tell(session, account, NEEDS_RECONNECT, why=ROTATION_LOST, code=ROTATION_LOST)
    note(session, account, "account.rotation_lost")


def revoked(session: Session, account: Account, *, cause: str = "removed") -> None:
    """The platform says that the grant was taken back; whether that is news, the caller judged.

    A refused call may have told its owner already that something is wrong: now it is known what.
    """
    settled(session, account)
    account.status, account.status_cause = AccountStatus.REVOKED, cause
    wipe(account)
    park(session, account)
    tell(session, account, REMOVED, why=cause, code=cause)
    note(session, account, "account.revoked", cause=cause)


def bury(session: Session, *, limit: int = 100) -> int:
    """Tokens that nobody can use any more are wiped; the account and its history stay."""
    dead = Grants(session).dead(limit=limit)
    for account in dead:
        if account.status == AccountStatus.ACTIVE:
            needs_reconnect(session, account, cause="expired")
        wipe(account)
    return len(dead)


def unreadable(session: Session, account: Account) -> None:
    """A sealed token does not open. It stays as it is: the key may come back."""
    account.status, account.status_cause = AccountStatus.CRYPTO_ERROR, "crypto_error"
    park(session, account)
    note(session, account, "account.unreadable")


def regained(session: Session, account: Account) -> None:
    """Connected again: parked posts go on, and nobody has to read any more that it was lost."""
    for post in Holds(session).resume(account.id):
        PostEvents(session).add(post, "resumed", note="the account is connected again")
    settled(session, account)


def settled(session: Session, account: Account) -> None:
    """What its owner was told of it is no longer so."""
    subject = f"account:{account.id}"
    Notifications(session).settled(account.user_id, SOLVED, subject=subject)


def forgotten(session: Session, account: Account) -> None:
    """Nothing that was told of it stays, its name least of all."""
    Notifications(session).forget(account.user_id, subject=f"account:{account.id}")


def wipe(account: Account) -> None:
    """Nothing is left to open, and whoever works on the old tokens is fenced."""
    account.access_token_encrypted = None
    account.refresh_token_encrypted = None
    account.refresh_started_at = None
    account.due_at = None
    account.leased_until = None
    account.lease_token += 1
    account.token_version += 1


def park(session: Session, account: Account, reason: str = NEEDS_RECONNECT) -> int:
    """Its queued posts wait for a reconnect; how many there are."""
    parked = Holds(session).hold(account.id, reason)
    for post in parked:
        PostEvents(session).add(post, "held", note=reason)
    return len(parked)


def tell(
    session: Session, account: Account, kind: str, *, once_for: str | None = None, **payload: str
) -> None:
    """Once for each grant, or for what else makes it one matter, however often it is tried.

    A `code` among the payload is one that `app/texts/` has words for.
    """
    subject = f"account:{account.id}"
    Notifications(session).tell(
        account.user_id,
        kind,
        cause=f"{subject}:{once_for or account.token_version}",
        subject=subject,
        account_id=account.id,
        name=account.details.get("display_name"),
        **payload,
    )


def note(session: Session, account: Account, action: str, **details: object) -> None:
    """For the audit log, and for host applications if it is one of their events."""
    subject = f"account:{account.id}"
    audit.note(session, action, user_id=account.user_id, subject=subject, details=details)
    outward.tell(session, account, action)
