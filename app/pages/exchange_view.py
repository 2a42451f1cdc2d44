"""Calls to platforms as the page of a post shows them: one line, and what was kept as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from app.http.i18n import current_locale
from app.pages.formatting import format_seconds
from db.posts.exchanges import PostExchange
from platforms.exchanges import AUTHORIZATION

INDENT = "  "
CLIENT_ERROR = 400


def exchange_fields(exchange: PostExchange) -> dict[str, Any]:
    """Return a call for the page; `status` is the HTTP status, or why there was no answer."""
    is_success = exchange.status is not None and exchange.status < CLIENT_ERROR
    return {
        "id": exchange.id,
        "method": exchange.method,
        "host": exchange.host,
        "path": exchange.path,
        "status": exchange.status or exchange.error,
        "colour": "" if is_success else "bad",
        "duration": format_seconds(exchange.milliseconds / 1000, current_locale()),
        "times": exchange.times,
        "log_id": exchange.log_id,
        "at": exchange.last_at,
        "has_authorization": AUTHORIZATION in exchange.request.get("headers", {}),
        "request": highlight_json(exchange.request),
        "answer": highlight_json(exchange.answer) if exchange.answer else None,
    }


def highlight_json(value: Any, depth: int = 0) -> Markup:
    """Return JSON over several lines, with classes for names, texts, numbers and types."""
    if isinstance(value, Mapping) and value:
        lines = [
            Markup('<span class="k">{}</span>: {}').format(
                json.dumps(name, ensure_ascii=False), highlight_json(child, depth + 1)
            )
            for name, child in value.items()
        ]
        return wrap_lines("{", lines, "}", depth)
    if isinstance(value, list) and value:
        return wrap_lines("[", [highlight_json(child, depth + 1) for child in value], "]", depth)
    if isinstance(value, str) and value.startswith("<") and value.endswith(">"):
        return Markup('<span class="x">{}</span>').format(value)  # the type of what is not kept
    css_class = "v" if isinstance(value, str) else "m"
    text = json.dumps(value, ensure_ascii=False)
    return Markup('<span class="{}">{}</span>').format(css_class, text)


def wrap_lines(first: str, lines: list[Markup], last: str, depth: int) -> Markup:
    inner, outer = INDENT * (depth + 1), INDENT * depth
    body = Markup(",\n").join(Markup("{}{}").format(inner, line) for line in lines)
    return Markup("{}\n{}\n{}{}").format(first, body, outer, escape(last))
