"""One sandbox put together: the platforms and their controls, behind the manners."""

from typing import TYPE_CHECKING

from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import RequestRedirect

from platforms.sandbox import controls, overview
from platforms.sandbox.house import House
from platforms.sandbox.manners import Manners
from platforms.sandbox.tiktok import authorize, display, oauth, photos, publish, status, uploads
from platforms.sandbox.tiktok import controls as tiktok_controls
from platforms.sandbox.tiktok.endpoints import ENDPOINTS
from platforms.sandbox.tiktok.state import TikTok

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

TIKTOK = (authorize, oauth, display, publish, photos, uploads, status)


def create_app(house: House, tiktok: TikTok) -> "WSGIApplication":
    app = Flask(__name__)
    app.extensions |= {
        "house": house,
        "tiktok": tiktok,
        "endpoints": {endpoint.name for endpoint in ENDPOINTS.values()},
    }
    app.before_request(refuse_detours)
    for capability in TIKTOK:
        app.register_blueprint(capability.routes)
    app.register_blueprint(controls.controls)
    app.register_blueprint(tiktok_controls.controls)
    app.register_blueprint(overview.routes)
    return Manners(app, ENDPOINTS, house.log, house.faults, house.over)


def refuse_detours() -> None:
    """A path without its final slash is another path: nobody is led to the right one."""
    if isinstance(request.routing_exception, RequestRedirect):
        raise NotFound
