"""In which language somebody reads us, and our sentences in it. Must not know what is said where.

Sentences stand in English where they are used; `app/texts/fr.po` has the French (decision 0015).
"""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, Response, has_request_context, request

from app.http.context import find_principal
from app.http.messages import LOCALES

SOURCE_LOCALE = LOCALES[0]


def init_i18n(app: Flask) -> None:
    """Templates say `_("…")` and `{% trans %}`; a sentence may be cut over several lines."""
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension's
        gettext, ngettext, newstyle=True
    )
    app.context_processor(lambda: {"locale": current_locale()})
    app.after_request(add_language_headers)


def current_locale() -> str:
    """The reader's language: what the browser asks for, then the user's setting, then English."""
    if not has_request_context():
        return SOURCE_LOCALE
    accepted = request.accept_languages.best_match(LOCALES)
    user = find_principal()
    return accepted or (user.locale if user else SOURCE_LOCALE)


def translate(sentence: str, **values: object) -> str:
    """This sentence in the reader's language; `%(name)s` stands for a value."""
    return gettext(sentence) % values


def gettext_noop(sentence: str) -> str:
    """Marks a sentence of a table, so that it is found; whoever shows it has to `say` it."""
    return sentence


def gettext(sentence: str) -> str:
    return load_catalogue(current_locale()).gettext(sentence)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The form that goes with a number."""
    return load_catalogue(current_locale()).ngettext(singular, plural, number)


def add_language_headers(response: Response) -> Response:
    """Caches must not give one reader's language to another."""
    if response.mimetype == "text/html":
        response.vary.add("Accept-Language")
        response.headers.setdefault("Content-Language", current_locale())
    return response


@cache
def load_catalogue(language: str) -> NullTranslations:
    if language == SOURCE_LOCALE:
        return NullTranslations()
    compiled = BytesIO()
    with (files("app") / "texts" / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
