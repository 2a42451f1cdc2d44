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
from core.observability import request_ids
from core.observability.log_format import format_for_terminal, log_processors, order_fields
from core.observability.redact import Redactor
from platforms.secret import Secret

CORRELATION_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)
LIBRARY_LOG_LEVELS = {
    "urllib3": logging.CRITICAL,  # it writes whole addresses
    "celery.worker.strategy": logging.WARNING,  # a line per bell, and bells are many
    "celery.app.trace": logging.WARNING,
    "celery.beat": logging.WARNING,
    "amqp": logging.WARNING,
    "kombu": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "werkzeug": logging.WARNING,
}


def configure_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Everything that is logged from now on goes to stderr, in one form. Call again after a fork
    or whenever a library has set handlers of its own.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line tells
    redactor = Redactor([*iter_secrets(settings), *store_passwords(settings)])
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(RedactingFormatter(settings.log_format, redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name, level in LIBRARY_LOG_LEVELS.items():
        logging.getLogger(name).setLevel(level)
    remove_library_handlers()
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            *log_processors(redactor),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        cache_logger_on_first_use=False,
    )


def remove_library_handlers() -> None:
    """No library keeps a handler: its lines come to ours."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True


def bind_correlation_id(requested_id: str | None = None) -> str:
    """Begin something new under this id, or under a fresh one if that is none."""
    clear_contextvars()
    bound_id = (
        requested_id
        if requested_id and CORRELATION_ID_PATTERN.fullmatch(requested_id)
        else request_ids.new_id()
    )
    bind_contextvars(correlation_id=bound_id)
    return bound_id


def current_correlation_id() -> str | None:
    """The id under which this thread works at the moment."""
    found: str | None = get_contextvars().get("correlation_id")
    return found


def iter_secrets(value: object) -> Iterator[Secret]:
    """Every secret that settings hold, at any depth."""
    if isinstance(value, Secret):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from iter_secrets(getattr(value, each.name))
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for each in value.values() if isinstance(value, dict) else value:
            yield from iter_secrets(each)


def store_passwords(settings: Settings) -> list[Secret]:
    """Those of our stores, which stand inside addresses."""
    urls = (settings.database_url, settings.broker_url, settings.redis_url)
    return [Secret(unquote(urlsplit(each).password or "")) for each in urls]


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """The last to see a line: whatever a library put into it, no secret leaves."""

    def __init__(self, log_format: str, redactor: Redactor) -> None:
        super().__init__(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                order_fields,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
                if log_format == "json"
                else format_for_terminal,
            ],
            foreign_pre_chain=log_processors(redactor),
        )
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.redact_text(super().format(record))
