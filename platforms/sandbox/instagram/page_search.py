"""Search for Pages with a location, for `location_id`; a reviewed feature of Facebook's host.

Source: Meta, ig-user/media (`location_id`) and Pages Search, read 2026-11-22; the message without
the feature as observed.
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, request

from platforms.sandbox.instagram.access import GraphCaller, read_params
from platforms.sandbox.instagram.fields import FieldSpec, parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import GraphError
from platforms.sandbox.instagram.graph_route import FACEBOOK_HOST, graph_route
from platforms.sandbox.instagram.insight_checks import required_parameter
from platforms.sandbox.instagram.paging import page_of
from platforms.sandbox.instagram.state import current_instagram

routes = Blueprint("instagram_page_search", __name__)

MAX_PLACES = 100
PLACE_FIELDS = ("id", "name", "location", "link")


@dataclass(frozen=True)
class SandboxPlace:
    """A public Page; one without coordinates cannot be the location of a post."""

    id: str
    name: str
    city: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None

    @property
    def has_coordinates(self) -> bool:
        return self.latitude is not None and self.longitude is not None


PLACES = {
    place.id: place
    for place in (
        SandboxPlace("7640348500", "Café de Flore", "Paris", "France", 48.8541, 2.3326),
        SandboxPlace("110774245616525", "Paris, France", "Paris", "France", 48.8567, 2.3508),
        SandboxPlace("111004432255134", "Berlin Café", "Berlin", "Germany", 52.5167, 13.3833),
        SandboxPlace(
            "106078429431815", "London Café", "London", "United Kingdom", 51.5072, -0.1276
        ),
        SandboxPlace("20531316728", "Café without an address"),
    )
}


@graph_route(routes, "GET", "/pages/search", hosts=(FACEBOOK_HOST,))
def search_pages(_caller: GraphCaller) -> dict[str, Any]:
    """Find Pages by name. Errors: GraphError 10 without the feature, 100 without `q`."""
    if not current_instagram().settings.has_page_search:
        raise GraphError(
            "(#10) This endpoint requires the 'pages_read_engagement' permission or the 'Page "
            "Public Content Access' feature or the 'Page Public Metadata Access' feature.",
            10,
        )
    params = read_params()
    query = str(params.get("q", "")).strip().casefold()
    if not query:
        raise required_parameter("q")
    specs = parse_fields(params.get("fields")) or [FieldSpec("id"), FieldSpec("name")]
    nodes = [
        select_fields(place_node(place), specs, PLACE_FIELDS)
        for place in PLACES.values()
        if query in place.name.casefold()
    ]
    return page_of(nodes, params, max_limit=MAX_PLACES, url=request.base_url)


def place_node(place: SandboxPlace) -> dict[str, Any]:
    location = {
        "city": place.city,
        "country": place.country,
        "latitude": place.latitude,
        "longitude": place.longitude,
    }
    return {
        "id": place.id,
        "name": place.name,
        "link": f"https://www.facebook.com/{place.id}",
        "location": location if place.has_coordinates else None,
    }
