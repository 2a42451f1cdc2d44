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

from app.context import visitor
from app.words import LOCALES

SOURCE = LOCALES[0]


def learn(app: Flask) -> None:
    """Templates say `_("…")` and `{% trans %}`; a sentence may be cut over several lines."""
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # the extension's
        translated, counted, newstyle=True
    )
    app.context_processor(lambda: {"locale": locale()})
    app.after_request(named)


def locale() -> str:
    """The reader's language: what the browser asks for, then the user's setting, then English."""
    if not has_request_context():
        return SOURCE
    asked = request.accept_languages.best_match(LOCALES)
    user = visitor()
    return asked or (user.locale if user else SOURCE)


def say(sentence: str, **values: object) -> str:
    """This sentence in the reader's language; `%(name)s` stands for a value."""
    return translated(sentence) % values


def later(sentence: str) -> str:
    """Marks a sentence of a table, so that it is found; whoever shows it has to `say` it."""
    return sentence


def translated(sentence: str) -> str:
    return catalogue(locale()).gettext(sentence)


def counted(one: str, many: str, number: int) -> str:
    """The form that goes with a number."""
    return catalogue(locale()).ngettext(one, many, number)


def named(response: Response) -> Response:
    """Caches must not give one reader's language to another."""
    if response.mimetype == "text/html":
        response.vary.add("Accept-Language")
        response.headers.setdefault("Content-Language", locale())
    return response


@cache
def catalogue(language: str) -> NullTranslations:
    if language == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with (files("app") / "texts" / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
