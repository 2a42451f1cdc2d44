"""Configures logging: one line per event, of our code and of libraries, without secrets.

All log handlers of a process are replaced by one whose formatter redacts.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

import structlog
from pydantic import BaseModel
from structlog.contextvars import (
    bind_contextvars,
    bound_contextvars,
    clear_contextvars,
    get_contextvars,
)

from core.config.broker_urls import find_passwords
from core.config.settings import Settings
from core.observability import request_ids
from core.observability.control_characters import escape_controls
from core.observability.log_format import (
    format_for_terminal,
    log_processors,
    order_fields,
)
from core.observability.raw_output import real_stderr
from core.observability.redact import Redactor
from platforms.secret import Secret

CORRELATION_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)
LIBRARY_LOG_LEVELS = {
    "urllib3": logging.CRITICAL,  # it logs whole URLs
    "celery.worker.strategy": logging.WARNING,  # a line per wake-up, and there are many
    "celery.app.trace": logging.WARNING,
    "celery.beat": logging.WARNING,
    "amqp": logging.WARNING,
    "kombu": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "werkzeug": logging.WARNING,
}


def configure_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send all logs to stderr in one format. Call again after a fork, or when a library has set
    handlers.
    """
    # No format of ours shows them, and collecting them costs time for every line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - documented as what leaves out file and line
    redactor = Redactor([*iter_secrets(settings), *store_passwords(settings)])
    handler = logging.StreamHandler(stream or real_stderr())
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
    """Remove the handlers of libraries, so that their lines reach ours."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True


def bind_correlation_id(requested_id: str | None = None) -> str:
    """Bind the correlation id of a new request or run.

    A requested id of another form than CORRELATION_ID_PATTERN is replaced by a new one.
    """
    clear_contextvars()
    is_valid = requested_id is not None and CORRELATION_ID_PATTERN.fullmatch(requested_id)
    bound_id = requested_id if requested_id and is_valid else request_ids.new_id()
    bind_contextvars(correlation_id=bound_id)
    return bound_id


@contextmanager
def bind_log_fields(fields: Mapping[str, Any]) -> Iterator[None]:
    """Add these fields to the log lines inside.

    If a correlation id is among them, the one bound before becomes the field `run`.
    """
    if not fields:
        yield
        return
    run_id = current_correlation_id()
    is_other_id = fields.get("correlation_id", run_id) != run_id
    with bound_contextvars(**fields, **({"run": run_id} if run_id and is_other_id else {})):
        yield


def current_correlation_id() -> str | None:
    """Return the correlation id bound in this context."""
    bound_id: str | None = get_contextvars().get("correlation_id")
    return bound_id


def iter_secrets(value: object) -> Iterator[Secret]:
    """Every secret in a value, at any depth of models, dicts, lists and tuples."""
    if isinstance(value, Secret):
        if value:
            yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from iter_secrets(getattr(value, name))
    elif isinstance(value, dict):
        yield from iter_secrets(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from iter_secrets(item)


def store_passwords(settings: Settings) -> list[Secret]:
    """The passwords inside the URLs of our stores."""
    databases = (
        settings.database_url,
        settings.migration_database_url or "",
        settings.database_replica_url or "",
    )
    passwords = [unquote(urlsplit(url).password or "") for url in databases]
    for url in (settings.broker_url, settings.redis_url):
        passwords.extend(find_passwords(url))
    return [Secret(password) for password in passwords]


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats a line, and redacts and escapes it last, whatever a library has put into it."""

    def __init__(self, log_format: str, redactor: Redactor) -> None:
        self._render: Any = (
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
            if log_format == "json"
            else format_for_terminal
        )
        super().__init__(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                order_fields,
                self._render,
            ],
            foreign_pre_chain=log_processors(redactor),
        )
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return escape_controls(self._redactor.redact_text(self._format_fields(record)))

    def _format_fields(self, record: logging.LogRecord) -> str:
        """Our own lines are complete already: what structlog does for several formatters, such as
        copying the record, takes half of the time of formatting.
        """
        fields: Any = record.msg
        if not (isinstance(fields, dict) and hasattr(record, "_logger")):
            return super().format(record)
        line: str = self._render(None, "", order_fields(None, "", fields))
        return line
