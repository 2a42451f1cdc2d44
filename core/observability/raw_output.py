"""Turns into lines of JSON what a server's process writes besides its log: texts of libraries,
banners, warnings, and tracebacks of errors that nobody handles.

Active from the first line of a process, before its settings are read. What needs the settings,
known secrets among them, follows in `telemetry.configure_logging`.
"""

import io
import json
import logging
import os
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

FORMAT_SETTING = "LOG_FORMAT"  # json, the default, or text
STDOUT_NAME, STDERR_NAME = "stdout", "stderr"
MAX_LINE_LENGTH = 8192  # characters of one text
MAX_FRAMES = 12  # the innermost ones

log = logging.getLogger("process")


def write_output_as_json() -> None:
    """From now on, whatever this process and its children write is JSON, one object per line."""
    handler = logging.StreamHandler(real_stderr())
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    sys.stdout = LineStream(STDOUT_NAME, logging.INFO)
    sys.stderr = LineStream(STDERR_NAME, logging.WARNING)
    sys.excepthook = log_uncaught_error
    sys.unraisablehook = log_unraisable_error
    threading.excepthook = log_thread_error
    logging.captureWarnings(capture=True)


def is_output_json() -> bool:
    """Whether `write_output_as_json` was called in this process or the one it was forked from."""
    return isinstance(sys.stdout, LineStream)


def real_stderr() -> TextIO:
    """Stderr itself, and not what replaces it."""
    return sys.__stderr__ if is_output_json() and sys.__stderr__ is not None else sys.stderr


def write_notice(text: str, _stream: Any = None) -> None:
    """Write a line at once, past all handlers: for handlers of signals, which may interrupt one."""
    os.write(2, (build_line("info", "process", text.strip()) + "\n").encode())


def build_line(level: str, logger: str, message: str, **fields: Any) -> str:
    """One line of JSON in the form of the log, without what only looks like a secret."""
    # Loaded at the first line: most main processes of web servers never write one.
    from core.observability.control_characters import escape_controls  # noqa: PLC0415 - see above
    from core.observability.redact import Redactor  # noqa: PLC0415 - see above

    moment = datetime.fromtimestamp(logging.makeLogRecord({}).created, UTC)
    line = {
        "time": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": level,
        "logger": logger,
        "message": message[:MAX_LINE_LENGTH],
        **fields,
    }
    text = json.dumps(line, ensure_ascii=False, default=str)
    return escape_controls(Redactor().redact_text(text))


class JsonFormatter(logging.Formatter):
    """Formats the records of libraries, before the settings say how."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        fields = {} if error is None else describe_error(error)
        return build_line(record.levelname.lower(), record.name, record.getMessage(), **fields)


def describe_error(error: BaseException) -> dict[str, Any]:
    """Type, text and place of an error, as `log_format.summarize_exception` has them."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return {
        "exception": type(error).__name__,
        "exception_text": str(error).partition("\n")[0],
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


class LineStream(io.TextIOBase):
    """Stands for stdout or stderr: each complete line becomes an entry of the log."""

    def __init__(self, name: str, level: int) -> None:
        self._logger = logging.getLogger(name)
        self._level = level
        self._local = threading.local()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1 if self._logger.name == STDOUT_NAME else 2

    def write(self, text: str) -> int:
        *lines, self._local.rest = (getattr(self._local, "rest", "") + text).split("\n")
        for line in lines:
            if line.strip():
                self._log_line(line.rstrip())
        return len(text)

    def _log_line(self, line: str) -> None:
        """Log the line; if that itself writes one, as a handler that fails does, write it."""
        if getattr(self._local, "is_logging", False):
            write_notice(line)
            return
        self._local.is_logging = True
        try:
            self._logger.log(self._level, "%s", line)
        finally:
            self._local.is_logging = False


def log_uncaught_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log what ends the process; Ctrl-C is no error."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("process.uncaught_error", exc_info=(kind, error, trace))


def log_thread_error(details: Any) -> None:
    """Log what ended a thread."""
    if details.exc_type is SystemExit:
        return
    error = details.exc_value or details.exc_type()
    log.error("thread.uncaught_error", exc_info=(details.exc_type, error, details.exc_traceback))


def log_unraisable_error(details: Any) -> None:
    """Log an error of a destructor or a callback, which goes to nobody."""
    error = details.exc_value or details.exc_type()
    log.error("process.unraisable_error", exc_info=(type(error), error, details.exc_traceback))
