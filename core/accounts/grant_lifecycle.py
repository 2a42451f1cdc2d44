"""What happens to an account and its posts when its grant ends, and when it is reconnected.

Refreshes, webhooks and reconnects all call these functions, so that posts are parked and owners
notified in the same way, however we learned of the change.
"""

from core import audit
from core.accounts import events
from core.observability import metrics
from db.accounts.accounts import Account, AccountStatus
from db.accounts.grants import CAUSES_OF_OPERATORS, Grants
from db.identity.notifications import Notifications
from db.posts.parked import ParkedPosts
from db.posts.timeline import PostEvents
from db.records.destinations import find_destination_store
from db.session import Session

NEEDS_RECONNECT = "needs_reconnect"
DISCONNECTED_BY_PLATFORM = "disconnected_by_platform"
REFRESH_FAILED = "refresh_failed"
PERMISSIONS_MISSING = "permissions_missing"
ENDS_SOON = "connection_ends_soon"
"""Kinds of notifications."""

RESOLVED_BY_RECONNECT = (
    NEEDS_RECONNECT,
    DISCONNECTED_BY_PLATFORM,
    REFRESH_FAILED,
    PERMISSIONS_MISSING,
    ENDS_SOON,
)

REVOKED = "revoked"
ROTATION_LOST = "rotation_lost"
"""Values of `status_cause` after a refused refresh."""

EXPIRED = "expired"
"""`status_cause` if the tokens ended before they were renewed."""

REMOVED = "removed"
"""`status_cause` if the platform reports that a grant was revoked, and not why."""

REVOKED_ACTION = "account.revoked"
"""The entry of the audit log for a grant that the platform has reported as revoked."""

LOGIN_CHANGED = "login_changed"
"""`status_cause` while the settings name another way of signing in than the login's."""

RESTORED = "restored"
"""`status_cause` of a login of a restored backup, until its platform has confirmed the token."""

DISCONNECTED = "disconnected"
"""Why posts are parked or cancelled when their account is disconnected."""


def mark_needs_reconnect(session: Session, account: Account, *, cause: str) -> None:
    """Park the account's posts and notify its owner, once per grant: only they can reconnect."""
    account.status = AccountStatus.NEEDS_RECONNECT
    account.status_cause = cause
    account.due_at = None
    count_ended_grant(account, cause)
    park_posts(session, account)
    notify_owner(session, account, NEEDS_RECONNECT, why=cause, code=cause)
    record_account_event(session, account, "account.needs_reconnect", cause=cause)


def mark_rotation_lost(session: Session, account: Account) -> None:
    """The answer with the new tokens was lost: the old access token is used until it expires."""
    account.refresh_token_encrypted = None
    account.status_cause = ROTATION_LOST
    notify_owner(session, account, NEEDS_RECONNECT, why=ROTATION_LOST, code=ROTATION_LOST)
    record_account_event(session, account, "account.rotation_lost")


def mark_revoked(session: Session, account: Account, *, cause: str = REMOVED) -> None:
    """The platform reported that the grant was revoked: clear the tokens and park the posts.

    The caller has checked that the report is about the present grant. An earlier notification
    that a call was refused is resolved, because the new one names the reason.
    """
    resolve_notifications(session, account)
    account.status = AccountStatus.REVOKED
    account.status_cause = cause
    count_ended_grant(account, cause)
    clear_tokens(account)
    clear_destination_tokens(session, account)
    park_posts(session, account)
    notify_owner(session, account, DISCONNECTED_BY_PLATFORM, why=cause, code=cause)
    record_account_event(session, account, REVOKED_ACTION, cause=cause)


def purge_dead_tokens(session: Session, *, limit: int = 100) -> int:
    """Clear tokens that expired and cannot be refreshed. Return how many accounts had some.

    The accounts and their history stay.
    """
    dead_accounts = Grants(session).lock_expired(limit=limit)
    for account in dead_accounts:
        if account.status == AccountStatus.ACTIVE:
            mark_needs_reconnect(session, account, cause=EXPIRED)
        clear_tokens(account)
        clear_destination_tokens(session, account)
    return len(dead_accounts)


def mark_unreadable(session: Session, account: Account) -> None:
    """A token cannot be decrypted. It is kept, because its key may be restored."""
    account.status = AccountStatus.CRYPTO_ERROR
    account.status_cause = "crypto_error"
    park_posts(session, account)
    record_account_event(session, account, "account.unreadable")


def on_reconnected(session: Session, account: Account) -> None:
    """Resume the account's parked posts and resolve the notifications about its loss."""
    for post in ParkedPosts(session).resume(account.id):
        PostEvents(session).add(post, "resumed", note="the account is connected again")
    resolve_notifications(session, account)


def mark_usable_again(session: Session, account: Account) -> None:
    """The cause that kept the account from being used has ended, and its tokens are still there."""
    account.status = AccountStatus.ACTIVE
    account.status_cause = None
    account.due_at = Grants.now()
    on_reconnected(session, account)
    record_account_event(session, account, "account.connected", scope=account.scope)


def count_ended_grant(account: Account, cause: str) -> None:
    """Count the grant, unless an operator's setting keeps the account from being used."""
    if cause not in CAUSES_OF_OPERATORS:
        labels = (account.provider, account.status, metrics.bound_code(cause))
        metrics.with_labels(metrics.GRANTS_ENDED, *labels).inc()


def resolve_notifications(session: Session, account: Account) -> None:
    """Resolve the owner's notifications about this account."""
    subject = f"account:{account.id}"
    Notifications(session).resolve(account.user_id, RESOLVED_BY_RECONNECT, subject=subject)


def clear_tokens(account: Account) -> None:
    """Clear the tokens, and raise the lease token so that a refresh under way is not recorded."""
    account.access_token_encrypted = None
    account.refresh_token_encrypted = None
    account.refresh_started_at = None
    account.due_at = None
    account.leased_until = None
    account.lease_token += 1
    account.token_version += 1


def clear_destination_tokens(session: Session, account: Account) -> None:
    """Clear the tokens of the destinations that the login opens; they end with its grant."""
    store = find_destination_store(session, account.provider)
    if store is not None:
        store.clear_tokens(account.id)


def park_posts(session: Session, account: Account, reason: str = NEEDS_RECONNECT) -> int:
    """Park the account's queued posts until it is reconnected. Return how many there are."""
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
    """Notify the account's owner, once per grant or once per `deduplication_key`.

    A `code` in the payload is one that `app/texts/` has a text for.
    """
    subject = f"account:{account.id}"
    Notifications(session).add(
        account.user_id,
        kind,
        cause=f"{subject}:{deduplication_key or account.token_version}",
        subject=subject,
        account_id=account.id,
        **{"name": account.details.get("display_name"), **payload},
    )


def record_account_event(
    session: Session, account: Account, action: str, **details: object
) -> None:
    """Write the action to the audit log, and to the outbox if it is an app event."""
    subject = f"account:{account.id}"
    audit.record_action(session, action, user_id=account.user_id, subject=subject, details=details)
    events.enqueue_account_event(session, account, action)
