"""Which spellings of a path mean the same route: answered alike, without a redirect.

A slash at the end and doubled slashes mean nothing anywhere. Below `/api/webhooks/` upper case and
blanks at the end mean nothing either: these addresses are typed by people into the platforms'
portals, and a delivery to a wrong one would be lost after the platform's last attempt.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from app.http.request_log import WEBHOOK_PATH_PREFIX

SLASHES_PATTERN = re.compile("/{2,}")

WsgiCallable = Callable[[dict[str, Any], Any], Iterable[bytes]]


def normalize_path(path: str) -> str:
    """Return the spelling that the routes have."""
    if "//" in path:
        path = SLASHES_PATTERN.sub("/", path)
    if path.lower().startswith(WEBHOOK_PATH_PREFIX):
        path = path.lower().rstrip()
    return path.rstrip("/") or "/"


def init_request_paths(app: Flask) -> None:
    """Let the application see normalised paths only: routes, rate limits and log lines."""
    inner_app: WsgiCallable = app.wsgi_app

    def serve_normalized(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = normalize_path(environ.get("PATH_INFO", "") or "/")
        return inner_app({**environ, "PATH_INFO": path}, start_response)

    app.wsgi_app = serve_normalized  # type: ignore[method-assign]  # the way Flask documents
