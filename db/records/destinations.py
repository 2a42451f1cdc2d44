"""Which table keeps the destinations of a platform's logins."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from db.accounts.destinations import DestinationStore
from db.records.instagram_destinations import InstagramDestinations

DESTINATION_STORES: Mapping[str, Callable[[Session], DestinationStore]] = {
    "instagram": InstagramDestinations,
}
"""Platform → its table. On a platform that is missing here the login itself is posted to."""


def find_destination_store(session: Session, provider: str) -> DestinationStore | None:
    store = DESTINATION_STORES.get(provider)
    return None if store is None else store(session)
