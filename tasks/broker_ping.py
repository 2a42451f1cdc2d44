"""Check whether the broker answers, within `PUBLISH_TIMEOUT`. Sends no message."""

from threading import Thread

import structlog

from tasks.celery import app
from tasks.wake import PUBLISH_TIMEOUT

log = structlog.get_logger(__name__)


def is_broker_reachable() -> bool:
    """Connect in a separate thread: socket timeouts limit single steps, not the whole connect."""
    connected: list[bool] = []
    thread = Thread(target=try_connect, args=(connected,), name="broker", daemon=True)
    thread.start()
    thread.join(PUBLISH_TIMEOUT)
    return bool(connected)


def try_connect(connected: list[bool]) -> None:
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=1)
        connected.append(True)
    except Exception as error:  # noqa: BLE001 - whatever it is, the broker cannot be reached
        log.warning("broker.unreachable", error=type(error).__name__)
