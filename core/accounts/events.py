"""App events about accounts: written to the outbox for the endpoints of host applications.

Which changes are app events is decided by `core.outbox.EVENT_TYPES`.
"""

from core.outbox import EVENT_TYPES, AppEvent, enqueue_events
from db.accounts.accounts import Account
from db.session import Session


def enqueue_account_event(session: Session, account: Account, action: str, **more: object) -> None:
    """Enqueue the action if it is an app event, in the transaction of the change itself.

    `more`: what the event says beside the account.
    """
    if action not in EVENT_TYPES:
        return
    event = AppEvent(
        user_id=account.user_id,
        type=action,
        subject=f"account:{account.id}",
        data={**account_payload(account), **more},
    )
    enqueue_events(session, [event])


def account_payload(account: Account) -> dict[str, object]:
    """Return the account as host applications see it, without its tokens."""
    return {
        "account_id": account.id,
        "platform": account.provider,
        "open_id": account.open_id,
        "name": account.details.get("display_name"),
        "status": str(account.status),
        "cause": account.status_cause,
        "scopes": [scope for scope in account.scope.split(",") if scope],
    }
