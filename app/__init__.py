"""Hears. The whole surface on one screen: what every request passes, and every room there is."""

from flask import Flask
from werkzeug.routing import IntegerConverter

from app import (
    accounts,
    admin,
    auth,
    connect,
    dashboard,
    door,
    endpoints,
    envelope,
    events,
    health,
    insights,
    keys,
    language,
    media,
    monitoring,
    notices,
    openapi,
    posts,
    security,
    shared,
    throttle,
    tiktok,
    trace,
    webhooks,
    workers,
)
from app.body import Json
from app.context import HOUSE, House
from app.pages import accounts as account_pages
from app.pages import dress, widgets
from app.pages import endpoints as endpoint_pages
from app.pages import keys as key_pages
from app.pages import notices as notice_pages
from app.pages import posts as post_pages
from app.pages import upload as upload_pages
from core.config.settings import Settings, load
from core.health.readiness import Readiness
from core.people.hostjwt import HostTokens
from core.watch import telemetry
from core.webhooks.inbox import Inbox
from core.wiring import build_database, build_world
from tasks import broker
from tasks.bell import ring

ROOMS = (
    auth,
    connect,
    accounts,
    posts,
    tiktok,
    insights,
    media,
    shared,
    notices,
    keys,
    endpoints,
    webhooks,
    workers,
    events,
    admin,
    monitoring,
    health,
    openapi,
)
PAGES = (
    dashboard,
    account_pages,
    post_pages,
    upload_pages,
    notice_pages,
    key_pages,
    endpoint_pages,
    widgets,
)


class RowId(IntegerConverter):
    """An id as our tables have it: a larger number names nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **{"max": 2**63 - 1, **kwargs})  # type: ignore[arg-type]  # as Werkzeug calls it


def create_app(settings: Settings | None = None) -> Flask:
    """Connects to nothing yet. Errors: Misconfigured, naming every fault at once.

    Without settings the process is ours: they are read from outside, and all logs take our form.
    """
    if settings is None:
        settings = load()
        telemetry.configure(settings)
    app = Flask(__name__)
    app.json = Json(app)
    app.url_map.converters["int"] = RowId
    app.extensions[HOUSE] = furnished(settings)
    door.stand_before(app, app.extensions[HOUSE])
    trace.follow(app)
    envelope.speak(app)
    language.learn(app)
    dress.dress(app)
    security.guard(app, settings)
    auth.recognise(app)
    throttle.limit(app)
    app.before_request(security.same_site)
    for room in (*ROOMS, *PAGES):
        app.register_blueprint(room.blueprint)
    return app


def furnished(settings: Settings) -> House:
    database = build_database(settings, role=settings.role)
    world = build_world(settings, ring=ring)
    return House(
        settings=settings,
        database=database,
        world=world,
        inbox=Inbox(database, ring),
        readiness=Readiness(database, world, broker.answers),
        host_tokens=HostTokens(settings.jwt) if settings.jwt else None,
    )
