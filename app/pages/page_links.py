"""Addresses of pages that belong to another subject, and of the texts about error codes."""

from flask import current_app, url_for

from app.http.errors import ERROR_KINDS


def find_page_url(endpoint: str, **values: object) -> str | None:
    """Return the address of a page; None if this version does not have it."""
    if endpoint not in current_app.view_functions:
        return None
    return url_for(endpoint, **values)  # type: ignore[arg-type]  # values of the route


def error_url(code: str) -> str | None:
    """Return where the documentation explains a code; None if it lists no such code."""
    catalogue = find_page_url("openapi.show_errors")
    if catalogue is not None:
        return f"{catalogue}#{code}"
    return f"{url_for('openapi.show_docs')}#{code}" if code in ERROR_KINDS else None
