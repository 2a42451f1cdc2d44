"""Addresses of pages that belong to another subject, and of the texts about error codes."""

from flask import current_app, url_for

from app.http.i18n import SOURCE_LOCALE
from app.http.messages import find_message


def find_page_url(endpoint: str, **values: object) -> str | None:
    """Return the address of a page; None if this version does not have it."""
    if endpoint not in current_app.view_functions:
        return None
    return url_for(endpoint, **values)  # type: ignore[arg-type]  # values of the route


def error_url(code: str) -> str | None:
    """Return where the documentation explains a code; None if it lists no such code."""
    is_listed = find_message(code, SOURCE_LOCALE) is not None
    return f"{url_for('reference_pages.show_errors')}#{code}" if is_listed else None
