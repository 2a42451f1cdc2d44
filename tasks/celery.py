"""The Celery application, configured at first use. Must not need any setting to be imported."""

from typing import Any

from celery import Celery
from celery.signals import setup_logging

from core.config.settings import load
from core.watch import telemetry
from tasks.settings import configuration

app = Celery(
    "signalpost",
    include=[
        "tasks.webhooks",
        "tasks.accounts",
        "tasks.posts",
        "tasks.insights",
        "tasks.outbox",
        "tasks.housekeeping",
        "tasks.lifecycle",
    ],
)


def configured() -> dict[str, Any]:
    """What the environment says; raises `Misconfigured` naming every fault at once."""
    settings = load()
    every = settings.limits.alert_check_interval.total_seconds()
    return configuration(settings.broker_url, settings.role, alerts_every=every)


app.add_defaults(configured)  # a promise: Celery asks when it first needs an answer


@setup_logging.connect
def logs(**_: Any) -> None:
    """In place of Celery's own handlers, which would not redact."""
    telemetry.configure(load())
