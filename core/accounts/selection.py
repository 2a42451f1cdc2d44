"""Choose which of the accounts behind one's logins are posted to, and subscribe them."""

from collections.abc import Collection

from core.accounts.destinations import choose_destinations
from core.accounts.subscriptions import subscribe_destinations, unsubscribe_destinations
from core.bootstrap import Services
from db.session import Database


def select_destinations(
    database: Database,
    services: Services,
    *,
    user_id: int,
    provider: str,
    destination_ids: Collection[int],
) -> None:
    """Choose exactly these accounts of a platform; the others are not posted to any more.

    The platform is called afterwards: what it refuses is stored and repaired later.
    Errors: NotFound, Invalid.
    """
    choice = choose_destinations(
        database, user_id=user_id, provider=provider, destination_ids=destination_ids
    )
    subscribe_destinations(database, services, choice.added, provider)
    unsubscribe_destinations(database, services, choice.removed, provider)
    services.wake("posts")
