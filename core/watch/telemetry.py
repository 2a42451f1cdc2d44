"""Logs: one line per event, of ours and of every library, and no secret in any of them.

All handlers of a process are replaced by one whose formatter redacts. Must know no use-case.
"""

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import TextIO
from urllib.parse import unquote, urlsplit

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from core.config.settings import Settings
from core.watch import ids
from core.watch.lines import in_order, readable, steps
from core.watch.redact import Redactor
from platforms.secret import Secret

CORRELATION = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)
QUIET = {
    "urllib3": logging.CRITICAL,  # it writes whole addresses
    "celery.worker.strategy": logging.WARNING,  # a line per bell, and bells are many
    "celery.app.trace": logging.WARNING,
    "celery.beat": logging.WARNING,
    "amqp": logging.WARNING,
    "kombu": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "werkzeug": logging.WARNING,
}


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Everything that is logged from now on goes to stderr, in one form. Call again after a fork
    or whenever a library has set handlers of its own.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line tells
    redactor = Redactor([*known(settings), *passwords(settings)])
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Redacting(settings.log_format, redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    disarm()
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            *steps(redactor),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=False,
    )


def disarm() -> None:
    """No library keeps a handler: its lines come to ours."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True


def correlate(given: str | None = None) -> str:
    """Begin something new under this id, or under a fresh one if that is none."""
    clear_contextvars()
    ours = given if given and CORRELATION.fullmatch(given) else ids.fresh()
    bind_contextvars(correlation_id=ours)
    return ours


def correlation_id() -> str | None:
    """The id under which this thread works at the moment."""
    found: str | None = get_contextvars().get("correlation_id")
    return found


def known(part: object) -> Iterator[Secret]:
    """Every secret that settings hold, at any depth."""
    if isinstance(part, Secret):
        yield part
    elif is_dataclass(part):
        for each in fields(part):
            yield from known(getattr(part, each.name))
    elif isinstance(part, Iterable) and not isinstance(part, str):
        for each in part.values() if isinstance(part, dict) else part:
            yield from known(each)


def passwords(settings: Settings) -> list[Secret]:
    """Those of our stores, which stand inside addresses."""
    addresses = (settings.database_url, settings.broker_url, settings.redis_url)
    return [Secret(unquote(urlsplit(each).password or "")) for each in addresses]


class Redacting(structlog.stdlib.ProcessorFormatter):
    """The last to see a line: whatever a library put into it, no secret leaves."""

    def __init__(self, form: str, redactor: Redactor) -> None:
        super().__init__(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                in_order,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
                if form == "json"
                else readable,
            ],
            foreign_pre_chain=steps(redactor),
        )
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(super().format(record))
