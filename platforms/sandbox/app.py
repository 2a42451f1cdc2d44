"""The sandbox's WSGI application: TikTok's endpoints, the control API and the fault middleware."""

from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

from platforms.sandbox import control_api, overview
from platforms.sandbox.fault_middleware import FaultMiddleware
from platforms.sandbox.state import SandboxState
from platforms.sandbox.tiktok import (
    authorize,
    controls,
    display_api,
    oauth,
    photos,
    publish,
    status,
    uploads,
)
from platforms.sandbox.tiktok.endpoints import ENDPOINTS
from platforms.sandbox.tiktok.state import TikTokState

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

TIKTOK_MODULES = (authorize, oauth, display_api, publish, photos, uploads, status)


def create_app(sandbox: SandboxState, tiktok: TikTokState) -> "WSGIApplication":
    app = Flask(__name__)
    app.extensions |= {
        "sandbox": sandbox,
        "tiktok": tiktok,
        "endpoints": {endpoint.name for endpoint in ENDPOINTS.values()},
    }
    app.before_request(reject_slash_redirects)
    for module in TIKTOK_MODULES:
        app.register_blueprint(module.routes)
    app.register_blueprint(control_api.routes)
    app.register_blueprint(controls.routes)
    app.register_blueprint(overview.routes)
    return FaultMiddleware(app, ENDPOINTS, sandbox.log, sandbox.faults, sandbox.shutdown)


def reject_slash_redirects() -> None:
    """Answer 404 to a path without its final slash, as TikTok does, instead of redirecting."""
    if isinstance(request.routing_exception, RequestRedirect):
        raise NotFound
