"""Values and the protocol for places: what a post can name as its location."""

from dataclasses import dataclass
from typing import Protocol

from platforms.secret import Secret


@dataclass(frozen=True)
class Place:
    """A place as the platform lists it. None means not said."""

    id: str
    name: str
    city: str | None = None
    country: str | None = None
    latitude: float | None = None  # degrees
    longitude: float | None = None  # degrees


class PlaceSearch(Protocol):
    """Finds places of one platform by name. Safe to repeat."""

    def search_places(self, query: str, token: Secret) -> tuple[Place, ...]:
        """Return places that a post can name.

        Errors: Rejected `permission_missing` if the app or the login may not search.
        """
        ...
