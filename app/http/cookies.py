"""The names and attributes of our cookies."""

from typing import Any

from core.config.settings import Settings

SESSION_COOKIE = "signalpost_session"
CSRF_COOKIE = "signalpost_csrf"  # the seed of the CSRF token, and messages for the next page

HOST_PREFIX = "__Host-"
"""Browsers accept such a cookie from this host alone, over https: no other subdomain can set it.

Source: RFC 6265bis, section 4.1.3.2, read 2026-11-29.
"""


def cookie_name(name: str, settings: Settings) -> str:
    """Return the name under which the cookie is set. In development there is no https."""
    return HOST_PREFIX + name if settings.is_production else name


def cookie_attributes(settings: Settings) -> dict[str, Any]:
    """Return the attributes that every cookie of ours has, also when it is deleted.

    Lax: a platform's redirect back to us has to carry the session.
    """
    return {"path": "/", "httponly": True, "samesite": "Lax", "secure": settings.is_production}
