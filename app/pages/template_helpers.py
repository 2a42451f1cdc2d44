"""What each template may use: figures, times, states, in the reader's language. Decides nothing."""

from datetime import datetime

from flask import Flask
from markupsafe import Markup

from app.http.context import current_container, find_principal
from app.http.i18n import current_locale, gettext, ngettext
from app.pages import badges, formatting
from db.identity.notifications import Notifications


def init_template_helpers(app: Flask) -> None:
    app.jinja_env.filters.update(
        compact=lambda number: formatting.format_compact_number(number, current_locale()),
        size=lambda count: formatting.format_bytes(count, current_locale()),
        percent=lambda value: formatting.format_percent(value, current_locale()),
        moment=timestamp_html,
        ago=age_html,
        said=gettext,
    )
    app.jinja_env.globals.update(look_of=badges.post_badge, unread=count_unread)


def timestamp_html(at: datetime | None) -> Markup:
    """To the second; a script shows it in the reader's own time zone."""
    if at is None:
        return Markup("&ndash;")
    text = formatting.format_timestamp(at, current_locale())
    return Markup('<time datetime="{}" data-local>{}</time>').format(at.isoformat(), text)


def age_html(at: datetime) -> Markup:
    text = formatting.format_age(
        at, current_container().services.now(), translate=gettext, ngettext=ngettext
    )
    timestamp = formatting.format_timestamp(at, current_locale())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(), timestamp, text
    )


def count_unread() -> int:
    """How many notices the visitor has not read."""
    principal = find_principal()
    if principal is None:
        return 0
    with current_container().database.transaction() as session:
        return Notifications(session).count_unread(principal.user_id)
