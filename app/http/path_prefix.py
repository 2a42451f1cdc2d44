"""The path of PUBLIC_URL: signalpost below a prefix such as `/signalpost`.

A proxy may pass the prefix on or strip it; both are served. Routes, rate limits and log lines see
paths without the prefix, and every URL that leaves the process has it.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request

from app.http.context import current_container
from core.config.settings import Settings
from core.errors import Misconfigured

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def find_path_prefix(settings: Settings) -> str:
    """Return the path of PUBLIC_URL, such as `/signalpost`; empty if it has none."""
    return urlsplit(settings.public_url).path.rstrip("/")


def remove_prefix(path: str, prefix: str) -> str:
    """Return the path below the prefix; a path that a proxy has stripped already is unchanged."""
    if prefix and (path == prefix or path.startswith(prefix + "/")):
        return path[len(prefix) :] or "/"
    return path


def add_prefix(path: str) -> str:
    """Return the path, which is one of ours, as a client of this request has to write it."""
    return request.script_root + path


def build_public_url(path: str) -> str:
    """Return the absolute URL of a path that has its prefix, as `url_for` makes them."""
    public_url = urlsplit(current_container().settings.public_url)
    return f"{public_url.scheme}://{public_url.netloc}{path}"


def init_path_prefix(app: Flask, settings: Settings) -> None:
    """Serve the application below the path of PUBLIC_URL.

    Errors: Misconfigured if the prefix is also the beginning of our own paths: nobody could say
    then whether a proxy has stripped it.
    """
    prefix = find_path_prefix(settings)
    if not prefix:
        return
    first_segments = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    if prefix.split("/")[1] in first_segments:
        raise Misconfigured(
            f"PUBLIC_URL must not have a path that begins with {prefix!r}, because signalpost has"
            " paths of its own that begin so: choose another one, such as /signalpost"
        )
    app.config["APPLICATION_ROOT"] = prefix  # for URLs that are built outside of a request
    app.config["SESSION_COOKIE_PATH"] = "/"  # as for an application without a prefix
    unprefixed_app: WsgiApp = app.wsgi_app

    def serve_below_prefix(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = remove_prefix(environ.get("PATH_INFO", ""), prefix)
        return unprefixed_app({**environ, "SCRIPT_NAME": prefix, "PATH_INFO": path}, start_response)

    app.wsgi_app = serve_below_prefix  # type: ignore[method-assign]  # the way Flask documents
