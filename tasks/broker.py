"""Whether the broker answers. Sends nothing, and never holds up who asks."""

from threading import Thread

import structlog

from tasks.bell import PATIENCE
from tasks.celery import app

log = structlog.get_logger(__name__)


def answers() -> bool:
    """In a thread of its own: no set of socket timeouts bounds a connection as a whole."""
    heard: list[bool] = []
    thread = Thread(target=connect, args=(heard,), name="broker", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return bool(heard)


def connect(heard: list[bool]) -> None:
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=1)
        heard.append(True)
    except Exception as error:  # noqa: BLE001 - whatever it says, it is not there
        log.warning("broker.away", error=type(error).__name__)
