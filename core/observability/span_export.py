"""Records spans with OpenTelemetry and sends them by OTLP over HTTP. Imported only for tracing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from core.observability.redact import Redactor

HEADER = "traceparent"
SEND_INTERVAL = 1000  # ms, as the library wants it
SEND_TIMEOUT = 5  # seconds for one call; spans that a receiver does not take are dropped
CLOSE_TIMEOUT = 2000  # ms, as the library wants it
NANOSECONDS = 1_000_000_000

_propagator = TraceContextTextMapPropagator()


class SpanExport:
    """Records the spans of one process."""

    def __init__(self, address: str, *, role: str, redactor: Redactor) -> None:
        resource = Resource.create(
            {"service.name": f"signalpost-{role}", "service.version": version("signalpost")}
        )
        exporter = OTLPSpanExporter(endpoint=address, timeout=SEND_TIMEOUT)
        batches = BatchSpanProcessor(exporter, schedule_delay_millis=SEND_INTERVAL)
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(RedactingProcessor(redactor, batches))
        self._tracer = self._provider.get_tracer("signalpost")

    @contextmanager
    def record(
        self, name: str, parent: str | None, attributes: Mapping[str, Any]
    ) -> Iterator[None]:
        """Record the block. Of an error only the type is kept: texts of errors quote values."""
        with self._tracer.start_as_current_span(
            name,
            context=find_context(parent),
            attributes=known_values(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def record_past(
        self, name: str, parent: str | None, attributes: Mapping[str, Any], seconds: float
    ) -> None:
        ended_at = time_ns()
        span = self._tracer.start_span(
            name,
            context=find_context(parent),
            attributes=known_values(attributes),
            start_time=ended_at - int(seconds * NANOSECONDS),
        )
        span.end(ended_at)

    def current_trace_parent(self) -> str | None:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get(HEADER)

    def has_current_span(self) -> bool:
        return trace.get_current_span().get_span_context().is_valid

    def close(self) -> None:
        self._provider.force_flush(CLOSE_TIMEOUT)
        self._provider.shutdown()


class RedactingProcessor(SpanProcessor):
    """Passes spans on without secrets, whoever has recorded them."""

    def __init__(self, redactor: Redactor, following: SpanProcessor) -> None:
        self._redactor = redactor
        self._following = following

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._following.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self._following.on_end(self.redact_span(span))

    def redact_span(self, span: ReadableSpan) -> ReadableSpan:
        """A copy of the span without events, which hold the texts of errors."""
        status = Status(span.status.status_code, self._redact_text(span.status.description))
        return ReadableSpan(
            name=str(self._redact_text(span.name)),
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=self._redact_attributes(span.attributes or {}),
            links=span.links,
            kind=span.kind,
            status=status,
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _redact_attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        fields = self._redactor.redact_fields(attributes)
        return {
            name: value if isinstance(value, bool | int | float) else self._redact_text(str(value))
            for name, value in fields.items()
        }

    def _redact_text(self, text: str | None) -> str | None:
        return None if text is None else self._redactor.redact_text(text)

    def shutdown(self) -> None:
        self._following.shutdown()

    def force_flush(self, timeout_millis: int = CLOSE_TIMEOUT) -> bool:
        return self._following.force_flush(timeout_millis)


def find_context(parent: str | None) -> Context | None:
    """The context of a traceparent; None, for the one around, if there is none or it is broken."""
    if parent is None:
        return None
    context = _propagator.extract({HEADER: parent})
    return context if trace.get_current_span(context).get_span_context().is_valid else None


def known_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that have a value, in the types that spans may have."""
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in attributes.items()
        if value is not None
    }
