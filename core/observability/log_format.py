"""The structlog processors that turn an event into the fields of a log line."""

import json
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from core.observability.redact import Redactor

LEADING_FIELDS = ("time", "level", "logger", "message", "correlation_id")
TERMINAL_FIELDS = ("time", "level", "logger", "message")  # shown without names, or not at all
QUOTED_CHARACTERS = frozenset(" =\"'")
MAX_FRAMES, MAX_ERROR_LENGTH = 12, 300  # innermost frames; characters of an error text


def log_processors(redactor: Redactor) -> list[Processor]:
    """The processors for our events and for those of libraries."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        summarize_exception,
        structlog.processors.EventRenamer("message"),
        lambda _logger, _method, event: redactor.redact_fields(event),
    ]


def summarize_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its type, the first line of its text, and its innermost frames."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = type(error).__name__
        event["exception_text"] = str(error).partition("\n")[0][:MAX_ERROR_LENGTH]
        frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    event.pop("stack_info", None)
    return event


def order_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Put the fields that every line has first."""
    leading = {key: event[key] for key in LEADING_FIELDS if key in event}
    return leading | {key: event[key] for key in event if key not in leading}


def format_for_terminal(_logger: Any, _method: str, event: EventDict) -> str:
    """Format an event for a terminal: time, level, message, then all fields but the logger."""
    others = " ".join(
        f"{key}={quote_value(str(event[key]))}" for key in event if key not in TERMINAL_FIELDS
    )
    return f"{event['time'][11:19]} {event['level']:<7} {event['message']}  {others}".rstrip()


def quote_value(text: str) -> str:
    """Quote a value that could be read as several fields."""
    is_one_word = text.isprintable() and not set(text) & QUOTED_CHARACTERS
    return text if is_one_word else json.dumps(text, ensure_ascii=False)
