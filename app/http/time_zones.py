"""The time zone of the reader: pages show and read all times in it."""

from functools import cache
from zoneinfo import ZoneInfo

from flask import has_request_context

from app.http.context import find_principal
from core.identity.preferences import is_zone

DEFAULT_ZONE = "UTC"


def current_zone() -> ZoneInfo:
    """Return the reader's time zone: the user's setting, else UTC."""
    user = find_principal() if has_request_context() else None
    return load_zone((user and user.time_zone) or DEFAULT_ZONE)


@cache
def load_zone(name: str) -> ZoneInfo:
    """Return a zone by its name in the IANA database; UTC if this machine does not have it."""
    return ZoneInfo(name if is_zone(name) else DEFAULT_ZONE)
