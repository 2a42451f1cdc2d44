"""An account as host applications hear of it; what is told of at all is `core.outbox.EVENTS`."""

from core.outbox import EVENTS, News
from core.outbox import tell as write
from db.accounts import Account
from db.session import Session


def tell(session: Session, account: Account, action: str) -> None:
    """In the transaction of what has just happened to it."""
    if action in EVENTS:
        subject = f"account:{account.id}"
        write(session, [News(account.user_id, action, subject, told(account))])


def told(account: Account) -> dict[str, object]:
    return {
        "account_id": account.id,
        "platform": account.provider,
        "open_id": account.open_id,
        "name": account.details.get("display_name"),
        "status": str(account.status),
        "cause": account.status_cause,
        "scopes": [scope for scope in account.scope.split(",") if scope],
    }
