"""The Celery application. It is configured at first use, so importing it needs no settings."""

import sys
from collections.abc import Mapping
from typing import Any

from celery import Celery
from celery.signals import setup_logging

from core.config.settings import load_settings
from core.errors import Misconfigured
from core.observability import telemetry
from tasks.settings import build_configuration

WORKER_MODULES = (
    "tasks.work",
    "tasks.housekeeping",
    "tasks.lifecycle",
    "tasks.stopping",
    "tasks.start_check",
)
SENDER_MODULES: Mapping[str, tuple[str, ...]] = {
    "beat": ("tasks.beat_start", "tasks.start_check"),
    "flower": (),
}
"""What Celery imports for roles that execute no task: no use cases and no tables."""

app = Celery("signalpost", control="tasks.queue_types:QueueTypeControl")


def load_configuration() -> dict[str, Any]:
    """Build the configuration from the environment. Errors: Misconfigured, naming every fault."""
    settings = load_settings()
    alerts_interval = settings.limits.alert_check_interval.total_seconds()
    return {
        **build_configuration(
            settings.broker_url,
            settings.role,
            alerts_interval=alerts_interval,
            queue_type=settings.broker_queue_type,
        ),
        "imports": SENDER_MODULES.get(settings.role, WORKER_MODULES),
    }


app.add_defaults(load_configuration)  # called by Celery when it first needs a setting


@setup_logging.connect
def configure_logging(**_: Any) -> None:
    """Use our log handlers: Celery's own do not redact secrets."""
    telemetry.configure_logging(load_settings())


def prepare_flower() -> None:
    """Protect Flower, if it is what this process runs. Errors: SystemExit without a password."""
    from tasks.flower_access import protect_flower  # noqa: PLC0415 - the other processes need no Flower

    try:
        protect_flower()
    except Misconfigured as error:
        sys.exit(f"Flower does not start: {error}")


if "flower" in sys.argv[1:]:  # `celery … flower`, before it reads its options
    prepare_flower()
