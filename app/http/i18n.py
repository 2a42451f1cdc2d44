"""Internationalisation: the reader's language, and the sentences of the pages in it.

The English sentences stand in the code where they are used; `app/texts/fr.po` has the French
(docs/decisions/0015).
"""

import re
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import TypeVar

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, Response, has_request_context, request

from app.http.context import find_principal, is_api_request
from app.http.messages import LOCALES

SOURCE_LOCALE = LOCALES[0]
LOCALES_KEY = "signalpost.locales"
"""Key in the environment of a request: the reader's language by the user's setting."""

T = TypeVar("T")
FRENCH_SPACES = (
    (re.compile(r"(?<=\S) (?=[:»])"), "\N{NO-BREAK SPACE}"),
    (re.compile(r"(?<=«) "), "\N{NO-BREAK SPACE}"),
    (re.compile(r"(?<=\S) (?=[;?!])"), "\N{NARROW NO-BREAK SPACE}"),
)


def init_i18n(app: Flask) -> None:
    """Give templates `_("…")`, `{% trans %}` and `locale`; a sentence may span several lines."""
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        find_translation, find_plural_translation, newstyle=True
    )
    app.context_processor(lambda: {"locale": current_locale()})
    app.after_request(add_language_headers)


def current_locale() -> str:
    """Return the reader's language.

    On pages the user's setting, else the browser's; in the API the request's, else the user's.
    English if there is neither.
    """
    if not has_request_context():
        return SOURCE_LOCALE
    user = find_principal()
    chosen = user.locale if user else None
    known: dict[str | None, str] = request.environ.setdefault(LOCALES_KEY, {})
    if chosen not in known:
        known[chosen] = choose_locale(chosen)
    return known[chosen]


def choose_locale(chosen: str | None) -> str:
    """Choose between the user's setting and what the browser or the program accepts."""
    accepted = browser_locale()
    first, second = (accepted, chosen) if is_api_request() else (chosen, accepted)
    return first or second or SOURCE_LOCALE


def browser_locale() -> str | None:
    """Return the first of our languages that the browser accepts."""
    return request.accept_languages.best_match(LOCALES)


def translate_text(sentence: str, **values: object) -> str:
    """Return a sentence in the reader's language; `%(name)s` is replaced by a value."""
    return find_translation(sentence) % values


def gettext_noop(sentence: str) -> str:
    """Mark a sentence in a table for extraction; the code that shows it calls `translate_text`."""
    return sentence


def find_translation(sentence: str) -> str:
    """Return a sentence in the reader's language, placeholders left as they are."""
    return load_catalogue(current_locale()).gettext(sentence)


def find_plural_translation(singular: str, plural: str, number: int) -> str:
    """Return the singular or plural form for a number, in the reader's language."""
    return load_catalogue(current_locale()).ngettext(singular, plural, number)


def add_language_headers(response: Response) -> Response:
    """Say which language a page is in, so that no cache serves it to readers of another one."""
    if response.mimetype == "text/html":
        response.vary.add("Accept-Language")
        response.headers.setdefault("Content-Language", current_locale())
    return response


def set_spaces(text: T) -> T:
    """Replace the blanks beside high punctuation and guillemets by spaces that do not break.

    Source: Lexique des règles typographiques en usage à l'Imprimerie nationale: a word space
    before the colon and within guillemets, a thin one before ; ? !
    """
    if not isinstance(text, str):
        return type(text)(set_spaces(form) for form in text)  # type: ignore[call-arg, attr-defined]  # the forms of a plural
    for pattern, replacement in FRENCH_SPACES:
        text = pattern.sub(replacement, text)  # type: ignore[assignment]  # still a str
    return text


@cache
def load_catalogue(language: str) -> NullTranslations:
    """Compile and load `app/texts/<language>.po`, once per process."""
    if language == SOURCE_LOCALE:
        return NullTranslations()
    compiled = BytesIO()
    with (files("app") / "texts" / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    for message in catalogue:
        message.string = set_spaces(message.string)
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
