"""What each template may use: figures, times, states, in the reader's language. Decides nothing."""

from datetime import datetime

from flask import Flask
from markupsafe import Markup

from app import figures
from app.context import house, visitor
from app.language import counted, locale, translated
from app.pages import looks
from db.notices import Notifications


def dress(app: Flask) -> None:
    app.jinja_env.filters.update(
        compact=lambda number: figures.compact(number, locale()),
        size=lambda count: figures.size(count, locale()),
        percent=lambda value: figures.percent(value, locale()),
        moment=moment,
        ago=ago,
        said=translated,
    )
    app.jinja_env.globals.update(look_of=looks.look_of, unread=unread)


def moment(at: datetime | None) -> Markup:
    """To the second; a script shows it in the reader's own time zone."""
    if at is None:
        return Markup("&ndash;")
    said = figures.moment(at, locale())
    return Markup('<time datetime="{}" data-local>{}</time>').format(at.isoformat(), said)


def ago(at: datetime) -> Markup:
    said = figures.ago(at, house().world.now(), say=translated, counted=counted)
    exact = figures.moment(at, locale())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact, said)


def unread() -> int:
    """How many notices the visitor has not read."""
    who = visitor()
    if who is None:
        return 0
    with house().database.transaction() as session:
        return Notifications(session).unread(who.user_id)
