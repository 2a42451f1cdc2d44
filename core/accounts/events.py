"""An account as host applications hear of it; what is told of at all is `core.outbox.EVENTS`."""

from core.outbox import EVENT_TYPES, AppEvent
from core.outbox import enqueue_events as write
from db.accounts.accounts import Account
from db.session import Session


def enqueue_account_event(session: Session, account: Account, action: str) -> None:
    """In the transaction of what has just happened to it."""
    if action in EVENT_TYPES:
        subject = f"account:{account.id}"
        write(session, [AppEvent(account.user_id, action, subject, account_payload(account))])


def account_payload(account: Account) -> dict[str, object]:
    return {
        "account_id": account.id,
        "platform": account.provider,
        "open_id": account.open_id,
        "name": account.details.get("display_name"),
        "status": str(account.status),
        "cause": account.status_cause,
        "scopes": [scope for scope in account.scope.split(",") if scope],
    }
