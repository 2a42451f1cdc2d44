"""The door for signed deliveries: a small Flask application that stands before the large one.

A platform brings thousands of letters and neither cookie nor page: nothing that browsers are asked
or told costs it anything here. Must answer as the large one would, word for word.
"""

from typing import Any

from flask import Flask, Response

from app.api import webhooks
from app.http import errors, request_log, security
from app.http.context import CONTAINER_KEY, Container
from app.http.validation import JsonProvider

WEBHOOKS_PREFIX = "/api/webhooks/"
STORED_STATUS = 200  # gets no line of its own: it is counted, and its row keeps its correlation id

BLUEPRINT_MODULES = (webhooks,)


def mount_webhook_app(app: Flask, container: Container) -> None:
    """Everything below PATH comes here from now on."""
    webhook_wsgi_app, main_wsgi_app = create_webhook_app(container).wsgi_app, app.wsgi_app
    webhook_headers = list(
        security.response_headers(WEBHOOKS_PREFIX, container.settings).items()
    )  # the same with every answer

    def route_request(environ: Any, start_response: Any) -> Any:
        if not environ.get("PATH_INFO", "").startswith(WEBHOOKS_PREFIX):
            return main_wsgi_app(environ, start_response)
        return webhook_wsgi_app(
            environ,
            lambda status, own_headers, *exc_info: start_response(
                status, own_headers + webhook_headers, *exc_info
            ),
        )

    app.wsgi_app = route_request  # type: ignore[method-assign]  # Flask's documented way


def create_webhook_app(container: Container) -> Flask:
    """Without a key of its own it reads and writes no session."""
    app = Flask(__name__, static_folder=None)
    app.json = JsonProvider(app)
    app.extensions[CONTAINER_KEY] = container
    app.before_request(request_log.start_request)
    app.after_request(log_refused_request)
    errors.register_error_handlers(app)
    if container.settings.is_production:
        app.before_request(security.require_https)
    app.before_request(security.reject_null_bytes)
    for module in BLUEPRINT_MODULES:
        app.register_blueprint(module.blueprint)
    return app


def log_refused_request(response: Response) -> Response:
    """Who is refused is worth a line."""
    elapsed_seconds = request_log.record_response(response)
    if response.status_code != STORED_STATUS:
        request_log.log_request(response, elapsed_seconds)
    return response
