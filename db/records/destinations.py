"""Which table keeps the destinations of a platform's logins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import InstrumentedAttribute, Session

from db.accounts.destinations import DestinationStore
from db.records.instagram_destinations import InstagramDestinations
from db.records.instagram_tables import InstagramAccount

DESTINATION_STORES: Mapping[str, Callable[[Session], DestinationStore]] = {
    "instagram": InstagramDestinations,
}
"""Platform → its table. On a platform that is missing here the login itself is posted to."""


@dataclass(frozen=True)
class DestinationTokens:
    """The column of destinations' encrypted tokens, and that of the platform's ids of them."""

    token: InstrumentedAttribute[str | None]
    external_id: InstrumentedAttribute[str]


DESTINATION_TOKENS: Mapping[str, DestinationTokens] = {
    "instagram": DestinationTokens(
        InstagramAccount.page_access_token_encrypted, InstagramAccount.ig_business_id
    ),
}
"""Platform → the columns. On a platform that is missing here destinations have no own tokens."""


def find_destination_store(session: Session, provider: str) -> DestinationStore | None:
    store = DESTINATION_STORES.get(provider)
    return None if store is None else store(session)


def destination_token_column(provider: str) -> tuple[str, str]:
    """Return table and column of the destinations' tokens. Errors: KeyError if there are none."""
    column = DESTINATION_TOKENS[provider].token
    return column.class_.__tablename__, column.key
