"""The Celery application, configured at first use. Must not need any setting to be imported."""

from typing import Any

from celery import Celery
from celery.signals import setup_logging

from core.config.settings import load_settings
from core.observability import telemetry
from tasks.settings import build_configuration

app = Celery(
    "signalpost",
    include=[
        "tasks.work",
        "tasks.housekeeping",
        "tasks.lifecycle",
    ],
)


def load_configuration() -> dict[str, Any]:
    """What the environment says; raises `Misconfigured` naming every fault at once."""
    settings = load_settings()
    alerts_interval = settings.limits.alert_check_interval.total_seconds()
    return build_configuration(settings.broker_url, settings.role, alerts_interval=alerts_interval)


app.add_defaults(load_configuration)  # a promise: Celery asks when it first needs an answer


@setup_logging.connect
def configure_logging(**_: Any) -> None:
    """In place of Celery's own handlers, which would not redact."""
    telemetry.configure_logging(load_settings())
