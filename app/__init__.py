"""Hears. The whole surface on one screen: what every request passes, and every room there is."""

from flask import Flask
from werkzeug.routing import IntegerConverter

from app import webhook_app
from app.api import (
    accounts,
    admin,
    alerts,
    cron,
    endpoints,
    health,
    insights,
    keys,
    media,
    media_links,
    notifications,
    oauth,
    openapi,
    posts,
    tiktok,
    webhook_admin,
    webhooks,
)
from app.http import auth, errors, i18n, rate_limits, request_log, security
from app.http.context import CONTAINER_KEY, Container
from app.http.validation import JsonProvider
from app.pages import accounts as account_pages
from app.pages import dashboard, template_helpers, widgets
from app.pages import endpoints as endpoint_pages
from app.pages import keys as key_pages
from app.pages import notifications as notice_pages
from app.pages import posts as post_pages
from app.pages import upload as upload_pages
from core.bootstrap import build_database, build_services
from core.config.settings import Settings, load_settings
from core.health.readiness import Readiness
from core.identity.host_jwt import HostTokenVerifier
from core.observability import telemetry
from core.webhooks.writer import EventWriter
from tasks import broker_ping
from tasks.notifier import wake

API_MODULES = (
    auth,
    oauth,
    accounts,
    posts,
    tiktok,
    insights,
    media,
    media_links,
    notifications,
    keys,
    endpoints,
    webhooks,
    cron,
    webhook_admin,
    admin,
    alerts,
    health,
    openapi,
)
PAGE_MODULES = (
    dashboard,
    account_pages,
    post_pages,
    upload_pages,
    notice_pages,
    key_pages,
    endpoint_pages,
    widgets,
)


class RowIdConverter(IntegerConverter):
    """An id as our tables have it: a larger number names nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **{"max": 2**63 - 1, **kwargs})  # type: ignore[arg-type]  # as Werkzeug calls it


def create_app(settings: Settings | None = None) -> Flask:
    """Connects to nothing yet. Errors: Misconfigured, naming every fault at once.

    Without settings the process is ours: they are read from outside, and all logs take our form.
    """
    if settings is None:
        settings = load_settings()
        telemetry.configure_logging(settings)
    app = Flask(__name__)
    app.json = JsonProvider(app)
    app.url_map.converters["int"] = RowIdConverter
    app.extensions[CONTAINER_KEY] = build_container(settings)
    webhook_app.mount_webhook_app(app, app.extensions[CONTAINER_KEY])
    request_log.init_request_log(app)
    errors.register_error_handlers(app)
    i18n.init_i18n(app)
    template_helpers.init_template_helpers(app)
    security.init_security(app, settings)
    auth.init_auth(app)
    rate_limits.init_rate_limits(app)
    app.before_request(security.check_csrf)
    for module in (*API_MODULES, *PAGE_MODULES):
        app.register_blueprint(module.blueprint)
    return app


def build_container(settings: Settings) -> Container:
    database = build_database(settings, role=settings.role)
    services = build_services(settings, wake=wake)
    return Container(
        settings=settings,
        database=database,
        services=services,
        event_writer=EventWriter(database, wake),
        readiness=Readiness(database, services, broker_ping.is_broker_reachable),
        host_tokens=HostTokenVerifier(settings.jwt) if settings.jwt else None,
    )
