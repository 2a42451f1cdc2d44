"""The Flask application: what every request passes through, and all blueprints."""

from flask import Flask
from werkzeug.routing import IntegerConverter

from app.api import API_BLUEPRINTS
from app.http import (
    auth,
    client_addresses,
    csrf,
    errors,
    i18n,
    path_prefix,
    rate_limits,
    replica_reads,
    request_log,
    request_paths,
    security,
    static_files,
)
from app.http.context import CONTAINER_KEY, Container
from app.http.initial_labels import list_request_labels
from app.http.url_rules import LazyRule
from app.http.validation import MAX_ROW_ID_DIGITS, JsonProvider
from app.pages import PAGE_BLUEPRINTS, template_helpers
from app.seed_paths import build_seed_blueprints
from core.bootstrap import build_database, build_services
from core.config.settings import Settings, load_settings
from core.health.activity import build_activity_counter
from core.health.credential_probes import CredentialProbes
from core.health.gauges import Gauges
from core.health.initial_counts import create_initial_series
from core.health.readiness import Readiness
from core.health.status import InstallationStatus
from core.health.throughput import build_throughput_counter
from core.identity.host_jwt import HostTokenVerifier
from core.jobs.wake_signals import build_wake_signals
from core.observability import telemetry, tracing
from core.webhooks.refusals import RefusalLog
from core.webhooks.writer import EventWriter
from tasks import broker_ping
from tasks.wake import wake


class RowIdConverter(IntegerConverter):
    """`<int:…>` in a route: an id that fits a `bigint` column. A larger number is a 404.

    By its pattern: Werkzeug answers 405 to a number that a converter refuses afterwards.
    """

    regex = rf"\d{{1,{MAX_ROW_ID_DIGITS}}}"


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; it connects to nothing yet.

    Without `settings` they are read from the environment and this process's logging is configured
    by them; with `settings`, as in tests, logging is left alone.
    Errors: Misconfigured, naming every missing or malformed setting at once.
    """
    if settings is None:
        settings = load_settings()
        telemetry.configure_logging(settings)
        tracing.start_tracing(settings)
        create_initial_series(list_request_labels())
    app = Flask(__package__)
    app.json = JsonProvider(app)
    app.url_map.converters["int"] = RowIdConverter
    app.url_rule_class = LazyRule
    app.extensions[CONTAINER_KEY] = build_container(settings)
    request_log.init_request_log(app)
    errors.register_error_handlers(app)
    i18n.init_i18n(app)
    template_helpers.init_template_helpers(app)
    security.init_security(app, settings)
    static_files.init_static_files(app)
    auth.init_auth(app)
    rate_limits.init_rate_limits(app)
    replica_reads.init_replica_reads(app)
    app.before_request(csrf.check_csrf)
    for blueprint in (*API_BLUEPRINTS, *build_seed_blueprints(), *PAGE_BLUEPRINTS):
        app.register_blueprint(blueprint)
    path_prefix.init_path_prefix(app, settings)
    request_paths.init_request_paths(app)
    client_addresses.init_client_addresses(app, settings)
    return app


def build_container(settings: Settings) -> Container:
    """Build what this process needs besides Flask: database, services, event writer, checks."""
    database = build_database(settings, role=settings.role)
    services = build_services(settings, wake=wake)
    return Container(
        settings=settings,
        database=database,
        services=services,
        event_writer=EventWriter(
            database, wake, send_signal=build_wake_signals(settings, "webhooks").send
        ),
        refusals=RefusalLog(database, now=services.now),
        readiness=Readiness(database, services, broker_ping.is_broker_reachable),
        gauges=Gauges(database, services),
        status=InstallationStatus(database, services),
        throughput=build_throughput_counter(database, services.now),
        activity=build_activity_counter(database, services.now),
        credential_probes=CredentialProbes(services),
        host_tokens=HostTokenVerifier(settings.jwt) if settings.jwt else None,
    )
