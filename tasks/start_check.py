"""Tries the broker and Redis as a process starts, and says once what its user is refused there.

A store that is away comes back, and processes start in any order: that is no reason to end. Rights
and passwords do not change by waiting, and the libraries would only repeat their tracebacks.
"""

import sys
from threading import Thread
from typing import Any

import structlog
from celery.signals import beat_init, worker_init

from core.config.settings import Settings, load_settings
from core.limits.redis_client import RedisClient
from core.limits.store_faults import is_lasting_refusal
from core.observability import telemetry
from tasks.broker_ping import find_broker_fault

NOT_CONFIGURED_EXIT_CODE = 78
"""EX_CONFIG of sysexits.h."""

BEAT_ROLE = "beat"  # keeps no limits

log = structlog.get_logger(__name__)


def find_store_refusals(settings: Settings) -> dict[str, str]:
    """Setting → what its store refuses, as a sentence with the remedy."""
    faults = {"BROKER_URL": ("broker", find_broker_fault())}
    if settings.redis_url not in {None, settings.broker_url} and settings.role != BEAT_ROLE:
        redis = RedisClient(settings.redis_url)
        try:
            faults["REDIS_URL"] = ("redis", redis.find_refusal())
        finally:
            redis.close()
    return {
        name: f"{store} {fault}"
        for name, (store, fault) in faults.items()
        if fault is not None and is_lasting_refusal(fault)
    }


def report_store_refusals(settings: Settings) -> bool:
    """Log what the stores refuse, one critical line for each. Return whether they do."""
    refusals = find_store_refusals(settings)
    for setting, reason in refusals.items():
        log.critical("store.refused", setting=setting, reason=reason)
    return bool(refusals)


@worker_init.connect
@beat_init.connect
def require_stores(**_: Any) -> None:
    """Errors: SystemExit if a store refuses what this process is for."""
    settings = load_settings()
    telemetry.configure_logging(settings)  # Celery does it later
    if report_store_refusals(settings):
        sys.exit(NOT_CONFIGURED_EXIT_CODE)


def start_store_check(settings: Settings) -> None:
    """Report in a thread: a web process goes on, because it stores deliveries without either."""
    Thread(target=report_store_refusals, args=(settings,), name="store-check", daemon=True).start()
