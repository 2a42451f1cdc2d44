"""How an event becomes the fields of a line. Must not know where lines go."""

import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from core.observability.redact import Redactor

LEADING_FIELDS = ("time", "level", "logger", "message", "correlation_id")
MAX_FRAMES, MAX_ERROR_LENGTH = 12, 300  # innermost frames, characters of an error that are told


def log_processors(redactor: Redactor) -> list[Processor]:
    """The same for events of ours and of libraries."""
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
    """Of an exception its kind, where it came from and the first line of what it says."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = type(error).__name__
        event["said"] = str(error).partition("\n")[0][:MAX_ERROR_LENGTH]
        frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    event.pop("stack_info", None)
    return event


def order_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    first = {key: event[key] for key in LEADING_FIELDS if key in event}
    return first | {key: event[key] for key in event if key not in first}


def format_for_terminal(_logger: Any, _method: str, event: EventDict) -> str:
    """For a terminal: time, level, message and what else there is."""
    rest = " ".join(f"{key}={event[key]}" for key in event if key not in LEADING_FIELDS[:4])
    return f"{event['time'][11:19]} {event['level']:<7} {event['message']}  {rest}".rstrip()
