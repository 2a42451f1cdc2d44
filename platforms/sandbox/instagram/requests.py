"""What every request to Instagram's hosts goes through: unknown paths and errors as Meta's JSON."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from platforms.sandbox.instagram.access import is_instagram_request
from platforms.sandbox.instagram.graph_errors import (
    INVALID_CODE,
    GraphError,
    handle_graph_error,
    unknown_path,
)
from platforms.sandbox.instagram.injected_errors import localise_error
from platforms.sandbox.instagram.state import current_instagram

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

GRAPH_PREFIXES = ("/meta-graph/", "/instagram-graph/", "/instagram-api/", "/meta-upload/")


def prepare_requests(app: Flask) -> None:
    app.wsgi_app = strip_graph_slashes(app.wsgi_app)  # type: ignore[method-assign, assignment]  # Flask's own way
    app.register_error_handler(GraphError, answer_graph_error)
    app.register_error_handler(NotFound, handle_unknown_path)
    app.register_error_handler(MethodNotAllowed, handle_wrong_method)


def strip_graph_slashes(app: "WSGIApplication") -> "WSGIApplication":
    """Let Graph paths end with a slash, as Meta's own client writes those of nodes."""

    def call_app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(GRAPH_PREFIXES):
            environ["PATH_INFO"] = environ["PATH_INFO"].rstrip("/")
        return app(environ, start_response)

    return call_app


def answer_graph_error(error: GraphError) -> Response:
    localise_error(error, current_instagram().settings.error_language)
    return handle_graph_error(error)


def handle_unknown_path(error: NotFound) -> Response | HTTPException:
    """Answer with code 2500 on the Graph hosts, and as Flask does elsewhere."""
    if not request.path.startswith(GRAPH_PREFIXES):
        return error
    path = "/" + request.path.split("/", 2)[2]
    return handle_graph_error(unknown_path(path, is_instagram=is_instagram_request()))


def handle_wrong_method(error: MethodNotAllowed) -> Response | HTTPException:
    if not request.path.startswith(GRAPH_PREFIXES):
        return error
    message = f"Unsupported request - method type: {request.method.lower()}"
    return handle_graph_error(GraphError(message, INVALID_CODE, type="IGApiException"))
