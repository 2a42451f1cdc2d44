"""Finds the Pages of places, whose ids are the `location_id` of a post.

Only with Facebook Login, and only for apps with the reviewed feature Page Public Metadata Access or
Page Public Content Access.
Source: Meta, ig-user/media (`location_id`) and Pages Search, read 2026-11-22; the name of the
feature as public clients report it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platforms.errors import Rejected
from platforms.instagram.graph import GraphClient
from platforms.instagram.node_reads import read_data
from platforms.places import Place
from platforms.secret import Secret
from platforms.vendor_values import read_id, read_number, read_object, read_text

FIELDS = "id,name,location"
MAX_QUERY_LENGTH, MAX_NAME_LENGTH = 100, 200  # characters
MAX_PLACES = 25


@dataclass(frozen=True)
class InstagramPlaces:
    """Implements `PlaceSearch`."""

    client: GraphClient

    def search_places(self, query: str, token: Secret) -> tuple[Place, ...]:
        """Return Pages with coordinates: others are refused as a location.

        Errors: Rejected `permission_missing` with Instagram Login, or without the feature.
        """
        if self.client.flavour != "facebook":
            raise Rejected("places cannot be searched with this login", code="permission_missing")
        params = {"q": query[:MAX_QUERY_LENGTH], "fields": FIELDS, "limit": MAX_PLACES}
        body = self.client.get("pages/search", token, endpoint="page_search", params=params).body
        places = (parse_place(node) for node in read_data(body))
        return tuple(place for place in places if place is not None)


def parse_place(node: Mapping[str, Any]) -> Place | None:
    """Return a Page as a place; None without an id, a name or coordinates."""
    location = read_object(node.get("location")) or {}
    page_id, name = read_id(node.get("id")), read_text(node.get("name"), MAX_NAME_LENGTH)
    latitude, longitude = (read_number(location.get(key)) for key in ("latitude", "longitude"))
    if page_id is None or name is None or latitude is None or longitude is None:
        return None
    return Place(
        id=page_id,
        name=name,
        city=read_text(location.get("city"), MAX_NAME_LENGTH),
        country=read_text(location.get("country"), MAX_NAME_LENGTH),
        latitude=float(latitude),
        longitude=float(longitude),
    )
