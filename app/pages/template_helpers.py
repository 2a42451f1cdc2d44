"""Filters, functions and folders of all templates: numbers, sizes, times, badges."""

from datetime import datetime

from flask import Flask
from jinja2 import ChoiceLoader
from markupsafe import Markup

from app.http.context import current_container, find_principal
from app.http.i18n import current_locale, find_plural_translation, find_translation
from app.pages import badges, formatting
from app.pages.upload import build_template_loader
from db.identity.notifications import Notifications


def init_template_helpers(app: Flask) -> None:
    """Register the filters and functions with Jinja, and the templates of platforms."""
    own_loader = app.jinja_loader
    loaders = [*([own_loader] if own_loader else []), build_template_loader()]
    app.jinja_loader = ChoiceLoader(loaders)
    app.jinja_env.filters.update(
        compact=lambda number: formatting.format_compact_number(number, current_locale()),
        size=lambda count: formatting.format_bytes(count, current_locale()),
        percent=lambda value: formatting.format_percent(value, current_locale()),
        timestamp=timestamp_html,
        age=age_html,
        translated=find_translation,
    )
    app.jinja_env.globals.update(post_badge=badges.post_badge, unread_count=count_unread)


def timestamp_html(at: datetime | None) -> Markup:
    """Format a time to the second in UTC; a script shows it in the reader's own time zone."""
    if at is None:
        return Markup("&ndash;")
    text = formatting.format_timestamp(at, current_locale())
    return Markup('<time datetime="{}" data-local>{}</time>').format(at.isoformat(), text)


def age_html(at: datetime) -> Markup:
    """Format how long ago a time was, with the exact time as the tooltip."""
    text = formatting.format_age(
        at,
        current_container().services.now(),
        translate_text=find_translation,
        ngettext=find_plural_translation,
    )
    timestamp = formatting.format_timestamp(at, current_locale())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), timestamp, text
    )


def count_unread() -> int:
    """Count the current user's unread notifications; 0 for an anonymous request."""
    principal = find_principal()
    if principal is None:
        return 0
    with current_container().database.transaction() as session:
        return Notifications(session).count_unread(principal.user_id)
