"""Hears. The whole surface on one screen: what every request passes, and every room there is."""

from flask import Flask
from werkzeug.routing import IntegerConverter

from app import auth, envelope, keys, security, throttle, trace
from app.body import Json
from app.context import HOUSE, House
from core.config import Settings, load
from core.hostjwt import HostTokens
from core.inbox import Inbox
from core.wiring import build_database, build_world
from tasks.bell import ring

ROOMS = (auth, keys)


class RowId(IntegerConverter):
    """An id as our tables have it: a larger number names nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **{"max": 2**63 - 1, **kwargs})  # type: ignore[arg-type]  # as Werkzeug calls it


def create_app(settings: Settings | None = None) -> Flask:
    """Connects to nothing yet. Errors: Misconfigured, naming every fault at once."""
    settings = settings or load()
    app = Flask(__name__)
    app.json = Json(app)
    app.url_map.converters["int"] = RowId
    app.extensions[HOUSE] = furnished(settings)
    trace.follow(app)
    envelope.speak(app)
    security.guard(app, settings)
    auth.recognise(app)
    throttle.limit(app)
    app.before_request(security.same_site)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    return app


def furnished(settings: Settings) -> House:
    database = build_database(settings, role=settings.role)
    return House(
        settings=settings,
        database=database,
        world=build_world(settings, ring=ring),
        inbox=Inbox(database, ring),
        host_tokens=HostTokens(settings.jwt) if settings.jwt else None,
    )
