"""One trace leads from the request for a post to the webhook that ended it, and holds no secret."""

import gzip
import secrets
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.flows.api_user import DIRECT_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.stacks import run_stack


class SpanReceiver(BaseHTTPRequestHandler):
    """Takes spans as a collector does, by OTLP over HTTP."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = [
                each.value.string_value
                for each in resource.resource.attributes
                if each.key == "service.name"
            ]
            for scope in resource.scope_spans:
                self.server.spans += [(service, span) for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Write nothing."""


@pytest.fixture(scope="module")
def receiver():
    with ThreadingHTTPServer(("127.0.0.1", 0), SpanReceiver) as server:
        server.spans = []
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def traced_stack(tmp_path_factory, receiver):
    endpoint = f"http://127.0.0.1:{receiver.server_port}"
    folder = tmp_path_factory.mktemp("traced")
    with run_stack(folder, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as stack:
        yield stack


@pytest.fixture(scope="module")
def traced_post(traced_stack, receiver):
    """A published post, the id of the trace that its caller began, and its spans."""
    user = traced_stack.create_api_user()
    trace_id, title = secrets.token_hex(16), f"c4n4ry{secrets.token_hex(8)}"
    response = user.call(
        "POST",
        "/api/tiktok/upload?note=c4n4ry",
        json={
            "account_id": user.account_id,
            "title": title,
            "source": "FILE_UPLOAD",
            "media_id": user.upload_file(),
            **DIRECT_FIELDS,
        },
        headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"},
    )
    post = user.wait_until_final(response.json()["data"]["id"])

    def find_spans():
        return [each for each in receiver.spans if each[1].trace_id.hex() == trace_id]

    def has_webhook_span():
        return "moved by webhook" in {span.name for _, span in find_spans()}

    wait_until(has_webhook_span, what="the span of the webhook")
    return post, find_spans(), [title, "c4n4ry"]


def test_one_trace_leads_from_the_request_to_the_webhook(traced_post):
    _, spans, _ = traced_post
    names = defaultdict(set)
    for service, span in spans:
        names[service].add(span.name)
    assert names["signalpost-web"] >= {"POST /api/tiktok/upload"}
    assert names["signalpost-worker"] >= {"job posts", "call video_init", "moved by webhook"}
    assert names["signalpost-uploads"] >= {"job uploads", "call upload"}
    ids = {span.span_id for _, span in spans}
    (request,) = [span for _, span in spans if span.name == "POST /api/tiktok/upload"]
    outside = [span.name for _, span in spans if span.parent_span_id not in ids]
    assert outside == [request.name]


STATEMENT_ATTRIBUTES = {"operation", "table", "statements"}


def test_statements_of_the_request_are_spans_below_it(traced_post):
    _, spans, _ = traced_post
    (request,) = [span for _, span in spans if span.name == "POST /api/tiktok/upload"]
    below = [span for _, span in spans if span.parent_span_id == request.span_id]
    statements = [span for span in below if "operation" in {each.key for each in span.attributes}]
    names = {span.name for span in statements}
    assert names >= {"INSERT posts", "SELECT oauth_accounts", "INSERT post_events"}
    assert {each.key for span in statements for each in span.attributes} == STATEMENT_ATTRIBUTES
    for span in statements:
        assert request.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= request.end_time_unix_nano


def test_a_statement_outside_of_a_trace_begins_none(traced_stack, receiver, traced_post):
    """Workers look for due rows each second."""
    roots = {span.name for _, span in receiver.spans if not span.parent_span_id}
    assert roots
    assert not {name for name in roots if name.startswith(("SELECT", "INSERT", "UPDATE"))}


def test_no_span_holds_what_a_caller_or_a_platform_wrote(traced_stack, traced_post, receiver):
    _, _, canaries = traced_post
    settings = (traced_stack.folder / "data" / "settings.json").read_text()
    sent = b"".join(span.SerializeToString() for _, span in receiver.spans)
    assert [text for text in canaries if text.encode() in sent] == []
    assert b"act." not in sent  # of access tokens
    assert b"POST /api/tiktok/upload" in sent  # the search finds what is there
    assert settings


def test_without_the_setting_a_post_has_no_trace(stack, api_user):
    post_id = api_user.publish_file()
    (row,) = stack.query("SELECT trace_parent, correlation_id FROM posts WHERE id = %s", post_id)
    assert row[0] is None
    assert row[1]
