"""The error codes of the API, and for people what they read and what to do about it."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.http.errors import (
    ERROR_KINDS,
    GENERAL_ERRORS,
    OAUTH_ERRORS,
    PLATFORM_ERRORS,
    WEBHOOK_ERRORS,
)
from app.http.messages import get_message
from tests.references.markdown import WRITTEN_BY, format_table

TEXTS_FOLDER = Path(__file__).parents[2] / "app" / "texts"
GROUPS = {
    "General": GENERAL_ERRORS,
    "Connecting an account": OAUTH_ERRORS,
    "Calls to platforms": PLATFORM_ERRORS,
    "Deliveries of webhooks": WEBHOOK_ERRORS,
}
CODES_INTRODUCTION = f"""# Error codes

{WRITTEN_BY}

An error answer is `{{"success": false, "error": {{"code", "message", "userMessage", "suggestion", "retryable", "retryAfter", "details", "requestId"}}}}`. *Again* says whether the same request may succeed later. A post that failed has one of these codes, or one of the last table, in `errorCode`; the sentences are those that people read, in French too.

"""  # noqa: E501 - a paragraph is one line in our documents
FAILURES_TITLE = "Reasons of failed posts"
HEADERS = {
    "en": ("You read", "What to do", "Code"),
    "fr": ("Ce que vous lisez", "Que faire", "Code"),
}
INTRODUCTIONS = {
    "en": """# Troubleshooting by the text of an error

Find the sentence that you read; the second column is what helps. The code is for the operator of your installation and for programs. This page is written from the texts of the pages by `python -m tests.references`, and a test compares both.

""",  # noqa: E501 - a paragraph is one line in our documents
    "fr": """# Dépannage : que faire selon le message

Cherchez la phrase affichée ; la deuxième colonne dit ce qui aide. Le code sert à l'opérateur de votre installation et aux programmes. Cette page est écrite à partir des textes des pages par `python -m tests.references`, et un test compare les deux.

""",  # noqa: E501 - French puts a space before a semicolon
}
SECTIONS = {
    "en": ("Signing in, sending and publishing", "Connecting an account", "Posts that failed"),
    "fr": ("Se connecter, envoyer et publier", "Connecter un compte", "Publications en échec"),
}


def list_text_codes(locale: str = "en") -> list[str]:
    return list(tomllib.loads((TEXTS_FOLDER / f"{locale}.toml").read_text(encoding="utf-8")))


def list_failure_codes() -> list[str]:
    """Codes with a text that no error of the API has: they end posts."""
    return [code for code in list_text_codes() if code not in ERROR_KINDS]


def render_error_codes() -> str:
    sections = [CODES_INTRODUCTION.rstrip()]
    for title, kinds in GROUPS.items():
        rows = [
            (f"`{code}`", str(kind.status), "yes" if kind.retryable else "no", *read_text(code))
            for code, kind in kinds.items()
        ]
        header = ("Code", "Status", "Again", "What happened", "What to do")
        sections.append(f"## {title}\n\n" + "\n".join(format_table(header, rows)))
    rows = [(f"`{code}`", *read_text(code)) for code in list_failure_codes()]
    header = ("Code", "What happened", "What to do")
    sections.append(f"## {FAILURES_TITLE}\n\n" + "\n".join(format_table(header, rows)))
    return "\n\n".join(sections) + "\n"


def read_text(code: str, locale: str = "en") -> tuple[str, str]:
    text = get_message(code, locale)
    return text.message, text.suggestion


def render_troubleshooting(locale: str) -> str:
    """Return the page for people: sentences, sorted, without what only programs can cause."""
    groups: Mapping[str, list[str]] = dict(
        zip(
            SECTIONS[locale],
            ([*GENERAL_ERRORS, *PLATFORM_ERRORS], list(OAUTH_ERRORS), list_failure_codes()),
            strict=True,
        )
    )
    sections = [INTRODUCTIONS[locale].rstrip()]
    for title, codes in groups.items():
        table = format_table(HEADERS[locale], list_sentences(codes, locale))
        sections.append(f"## {title}\n\n" + "\n".join(table))
    return "\n\n".join(sections) + "\n"


def list_sentences(codes: list[str], locale: str) -> Iterator[tuple[str, str, str]]:
    """Yield each sentence once, with all codes that have it."""
    found: dict[tuple[str, str], list[str]] = {}
    for code in codes:
        found.setdefault(read_text(code, locale), []).append(f"`{code}`")
    for (message, suggestion), names in sorted(found.items()):
        yield message, suggestion, ", ".join(names)
