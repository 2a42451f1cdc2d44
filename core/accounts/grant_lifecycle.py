"""What becomes of an account and its posts when its grant ends, and when it comes back.

Everybody who learns of it comes through here, so that posts are parked and people told the same
way whoever brought the news: a refused refresh, a notice of the platform, a reconnect.
"""

from core import audit
from core.accounts import events
from db.accounts.accounts import Account, AccountStatus
from db.accounts.grants import Grants
from db.identity.notifications import Notifications
from db.posts.parked import ParkedPosts
from db.posts.timeline import PostEvents
from db.session import Session

NEEDS_RECONNECT = "needs_reconnect"
DISCONNECTED_BY_PLATFORM = "disconnected_by_platform"
REFRESH_FAILED = "refresh_failed"
PERMISSIONS_MISSING = "permissions_missing"
ENDS_SOON = "connection_ends_soon"
RESOLVED_BY_RECONNECT = (
    NEEDS_RECONNECT,
    DISCONNECTED_BY_PLATFORM,
    REFRESH_FAILED,
    PERMISSIONS_MISSING,
    ENDS_SOON,
)

ROTATION_LOST = "rotation_lost"


def mark_needs_reconnect(session: Session, account: Account, *, cause: str) -> None:
    """Only a person can bring it back: its posts wait, and its owner is told, once per grant."""
    account.status = AccountStatus.NEEDS_RECONNECT
    account.status_cause = cause
    account.due_at = None
    park_posts(session, account)
    notify_owner(session, account, NEEDS_RECONNECT, why=cause, code=cause)
    record_account_event(session, account, "account.needs_reconnect", cause=cause)


def mark_rotation_lost(session: Session, account: Account) -> None:
    """The platform gave new tokens to nobody: the old access token serves until it ends."""
    account.refresh_token_encrypted = None
    account.status_cause = ROTATION_LOST
    notify_owner(session, account, NEEDS_RECONNECT, why=ROTATION_LOST, code=ROTATION_LOST)
    record_account_event(session, account, "account.rotation_lost")


def mark_revoked(session: Session, account: Account, *, cause: str = "removed") -> None:
    """The platform says that the grant was taken back; whether that is news, the caller judged.

    A refused call may have told its owner already that something is wrong: now it is known what.
    """
    resolve_notifications(session, account)
    account.status, account.status_cause = AccountStatus.REVOKED, cause
    clear_tokens(account)
    park_posts(session, account)
    notify_owner(session, account, DISCONNECTED_BY_PLATFORM, why=cause, code=cause)
    record_account_event(session, account, "account.revoked", cause=cause)


def purge_dead_tokens(session: Session, *, limit: int = 100) -> int:
    """Tokens that nobody can use any more are wiped; the account and its history stay."""
    dead_accounts = Grants(session).lock_expired(limit=limit)
    for account in dead_accounts:
        if account.status == AccountStatus.ACTIVE:
            mark_needs_reconnect(session, account, cause="expired")
        clear_tokens(account)
    return len(dead_accounts)


def mark_unreadable(session: Session, account: Account) -> None:
    """A sealed token does not open. It stays as it is: the key may come back."""
    account.status, account.status_cause = AccountStatus.CRYPTO_ERROR, "crypto_error"
    park_posts(session, account)
    record_account_event(session, account, "account.unreadable")


def on_reconnected(session: Session, account: Account) -> None:
    """Connected again: parked posts go on, and nobody has to read any more that it was lost."""
    for post in ParkedPosts(session).resume(account.id):
        PostEvents(session).add(post, "resumed", note="the account is connected again")
    resolve_notifications(session, account)


def resolve_notifications(session: Session, account: Account) -> None:
    """What its owner was told of it is no longer so."""
    subject = f"account:{account.id}"
    Notifications(session).resolve(account.user_id, RESOLVED_BY_RECONNECT, subject=subject)


def delete_notifications(session: Session, account: Account) -> None:
    """Nothing that was told of it stays, its name least of all."""
    Notifications(session).delete_by_subject(account.user_id, subject=f"account:{account.id}")


def clear_tokens(account: Account) -> None:
    """Nothing is left to open, and whoever works on the old tokens is fenced."""
    account.access_token_encrypted = None
    account.refresh_token_encrypted = None
    account.refresh_started_at = None
    account.due_at = None
    account.leased_until = None
    account.lease_token += 1
    account.token_version += 1


def park_posts(session: Session, account: Account, reason: str = NEEDS_RECONNECT) -> int:
    """Its queued posts wait for a reconnect; how many there are."""
    parked = ParkedPosts(session).park(account.id, reason)
    for post in parked:
        PostEvents(session).add(post, "held", note=reason)
    return len(parked)


def notify_owner(
    session: Session,
    account: Account,
    kind: str,
    *,
    deduplication_key: str | None = None,
    **payload: str,
) -> None:
    """Once for each grant, or for what else makes it one matter, however often it is tried.

    A `code` among the payload is one that `app/texts/` has words for.
    """
    subject = f"account:{account.id}"
    Notifications(session).add(
        account.user_id,
        kind,
        cause=f"{subject}:{deduplication_key or account.token_version}",
        subject=subject,
        account_id=account.id,
        name=account.details.get("display_name"),
        **payload,
    )


def record_account_event(
    session: Session, account: Account, action: str, **details: object
) -> None:
    """For the audit log, and for host applications if it is one of their events."""
    subject = f"account:{account.id}"
    audit.record_action(session, action, user_id=account.user_id, subject=subject, details=details)
    events.enqueue_account_event(session, account, action)
