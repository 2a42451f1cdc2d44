"""Spans leave a process without secrets, and tracing is loaded only where it is set."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

from core.observability import tracing
from core.observability.redact import Redactor
from core.observability.span_export import RedactingProcessor, find_context
from platforms.secret import Secret

CANARY = "c4n4ry-secret"
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter):
    provider = TracerProvider()
    redactor = Redactor([Secret(CANARY)])
    provider.add_span_processor(RedactingProcessor(redactor, SimpleSpanProcessor(exporter)))
    return provider.get_tracer("test")


def test_secrets_are_removed_from_all_parts_of_a_span(tracer, exporter):
    attributes = {
        "http.url": "https://graph.example/me?access_token=c4n4ry1",
        "note": f"with {CANARY}",
        "access_token": "c4n4ry2",
        "bytes": 7,
    }
    with tracer.start_as_current_span(f"name {CANARY}", attributes=attributes) as span:
        span.add_event("event", {"text": CANARY})
        span.set_status(Status(StatusCode.ERROR, f"refused: {CANARY}"))
    (sent,) = exporter.get_finished_spans()
    assert "c4n4ry" not in sent.to_json()
    assert sent.attributes["bytes"] == 7
    assert sent.name == "name ***"


def test_without_the_processor_the_search_finds_them(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span(f"name {CANARY}"):
        pass
    assert "c4n4ry" in exporter.get_finished_spans()[0].to_json()


@pytest.mark.parametrize("value", ["", "nonsense", "00-0-0-00", f"00-{'0' * 32}-{SPAN_ID}-01"])
def test_a_broken_traceparent_begins_no_trace(value):
    assert find_context(value) is None


def test_a_traceparent_is_read():
    assert find_context(f"00-{TRACE_ID}-{SPAN_ID}-01") is not None


def test_without_tracing_nothing_is_recorded():
    assert not tracing.is_tracing()
    with tracing.record_span("x", parent="nonsense", post=1):
        assert tracing.current_trace_parent() is None
    tracing.record_past_span("x")
