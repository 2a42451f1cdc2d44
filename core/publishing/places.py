"""Searches locations that a post of one account can name, at the platform."""

from collections.abc import Sequence

from core.accounts.destination_access import call_for_destination, open_destination
from core.bootstrap import Services
from core.errors import NotConnected, NotFound
from db.records.destinations import find_destination_store
from db.session import Database
from platforms.places import Place
from platforms.publishing import Capability


def search_places(
    database: Database,
    services: Services,
    provider: str,
    query: str,
    *,
    user_id: int,
    destination_id: int | None = None,
) -> Sequence[Place]:
    """Search with the token of this account of the user, by default of the first chosen one.

    Errors: NotFound if the platform has no search, or the user no such account; NotConnected;
    those of `open_destination` and the platform.
    """
    places = services.get_adapter(provider).places
    with database.transaction() as session:
        store = find_destination_store(session, provider)
        rows = () if store is None else store.list_for_user(user_id)
    if places is None:
        raise NotFound("places cannot be searched with this login")
    own = [row for row in rows if destination_id in {None, row.id}]
    if destination_id is not None and not own:
        raise NotFound("this user has no such account")
    usable = [row for row in own if row.is_usable]
    if not usable:
        raise NotConnected
    access = open_destination(
        database,
        services,
        provider=provider,
        account_id=usable[0].account_id,
        destination_id=usable[0].id,
        capability=Capability.LOCATION,
    )
    return call_for_destination(database, access, lambda: places.search_places(query, access.token))
