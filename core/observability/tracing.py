"""Spans of requests, jobs, calls, statements and changes of posts, sent by OTLP if a setting asks.

Without OTEL_EXPORTER_OTLP_ENDPOINT nothing of OpenTelemetry is imported, and `record_span` does
nothing (decision 0070).
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from core.config.settings import Settings
from core.errors import Misconfigured
from core.observability.redact import Redactor
from core.observability.telemetry import iter_secrets, store_passwords

TRACES_PATH = "/v1/traces"
INSTALL_HINT = "OTEL_EXPORTER_OTLP_ENDPOINT needs more packages: pip install 'signalpost[tracing]'"
NOTHING: AbstractContextManager[None] = nullcontext()


class SpanRecorder(Protocol):
    """What records and sends spans: `core.observability.span_export.SpanExport`."""

    def record(
        self, name: str, parent: str | None, attributes: Mapping[str, Any]
    ) -> AbstractContextManager[None]: ...

    def record_past(
        self, name: str, parent: str | None, attributes: Mapping[str, Any], seconds: float
    ) -> None: ...

    def current_trace_parent(self) -> str | None: ...

    def has_current_span(self) -> bool: ...

    def close(self) -> None: ...


_recorders: list[SpanRecorder] = []
"""The recorder of this process; empty without tracing."""


def start_tracing(settings: Settings) -> None:
    """Record spans from now on, if the settings name a receiver. After a fork call it again.

    Errors: Misconfigured if the packages for it are not installed.
    """
    _recorders.clear()
    if settings.tracing_endpoint is None:
        return
    try:
        from core.observability.span_export import SpanExport  # noqa: PLC0415 - only if asked for
    except ImportError as error:
        raise Misconfigured(INSTALL_HINT) from error
    redactor = Redactor([*iter_secrets(settings), *store_passwords(settings)])
    address = f"{settings.tracing_endpoint.rstrip('/')}{TRACES_PATH}"
    _recorders.append(SpanExport(address, role=settings.role, redactor=redactor))


def stop_tracing() -> None:
    """Send what is recorded, and record no more."""
    while _recorders:
        _recorders.pop().close()


def is_tracing() -> bool:
    return bool(_recorders)


def record_span(
    name: str, *, parent: str | None = None, **attributes: Any
) -> AbstractContextManager[None]:
    """Record what happens inside the block. Without `parent` (a traceparent) it belongs to the
    span around it.
    """
    if not _recorders:
        return NOTHING
    return _recorders[0].record(name, parent, attributes)


def record_past_span(
    name: str, *, seconds: float = 0.0, parent: str | None = None, **attributes: Any
) -> None:
    """Record what has just ended, after so many seconds."""
    if _recorders:
        _recorders[0].record_past(name, parent, attributes, seconds)


def record_inner_span(name: str, *, seconds: float, **attributes: Any) -> None:
    """Record what has just ended, if there is a span around it: by itself it begins no trace."""
    if _recorders and _recorders[0].has_current_span():
        _recorders[0].record_past(name, None, attributes, seconds)


def current_trace_parent() -> str | None:
    """The span around this, as a traceparent header names it; None if there is none."""
    return _recorders[0].current_trace_parent() if _recorders else None
