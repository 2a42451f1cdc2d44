"""Source text and JSON coloured on the server, by classes: the policy allows no styles."""

import json

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

CLASS_PREFIX = "hl-"


def highlight_code(text: str, language: str) -> Markup:
    """Return the text as HTML, with a class for each kind of word. Errors: none for odd texts."""
    formatter = HtmlFormatter(nowrap=True, classprefix=CLASS_PREFIX)
    return Markup(highlight(text, get_lexer_by_name(language), formatter))  # noqa: S704 - Pygments escapes what it is given  # nosec B704


def highlight_json(text: str) -> Markup:
    """Return JSON indented and highlighted; a text that is no JSON as it is."""
    try:
        value = json.loads(text)
    except ValueError:
        return Markup("{}").format(text)
    return highlight_code(json.dumps(value, indent=2, ensure_ascii=False), "json")
