"""The sandbox's WSGI application: the platforms' endpoints, the control API, the middleware."""

from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

from platforms.sandbox import control_api, overview
from platforms.sandbox.fault_behaviours import SandboxEndpoint
from platforms.sandbox.fault_middleware import FaultMiddleware, FindEndpoint
from platforms.sandbox.instagram import BLUEPRINTS
from platforms.sandbox.instagram.endpoints import ENDPOINT_NAMES, find_endpoint
from platforms.sandbox.instagram.requests import prepare_requests
from platforms.sandbox.instagram.state import InstagramState
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
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

TIKTOK_MODULES = (authorize, oauth, display_api, publish, photos, uploads, status)


def create_app(
    sandbox: SandboxState, tiktok: TikTokState, instagram: InstagramState | None = None
) -> "WSGIApplication":
    """Make the application. Without `instagram` it imitates TikTok alone."""
    app = Flask(__name__)
    app.extensions |= {
        "sandbox": sandbox,
        "tiktok": tiktok,
        "instagram": instagram,
        "endpoints": {endpoint.name for endpoint in ENDPOINTS.values()},
    }
    app.before_request(reject_slash_redirects)
    for module in TIKTOK_MODULES:
        app.register_blueprint(module.routes)
    app.register_blueprint(control_api.routes)
    app.register_blueprint(controls.routes)
    app.register_blueprint(overview.routes)
    if instagram is not None:
        app.extensions["endpoints"] |= ENDPOINT_NAMES
        for blueprint in BLUEPRINTS:
            app.register_blueprint(blueprint)
        prepare_requests(app)
    return FaultMiddleware(
        app, endpoint_finder(instagram), sandbox.log, sandbox.faults, sandbox.shutdown
    )


def endpoint_finder(instagram: InstagramState | None) -> FindEndpoint:
    def find_any(environ: "WSGIEnvironment") -> SandboxEndpoint | None:
        endpoint = ENDPOINTS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if endpoint is None and instagram is not None:
            endpoint = find_endpoint(instagram, environ)
        return endpoint

    return find_any


def reject_slash_redirects() -> None:
    """Answer 404 to a path without its final slash, as TikTok does, instead of redirecting."""
    if isinstance(request.routing_exception, RequestRedirect):
        raise NotFound
