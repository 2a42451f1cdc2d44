"""The sandbox's deliveries: signed as documented, repeated until 200, forged on demand."""

import hmac
import json
import socket
import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest

from platforms.sandbox.tiktok.events import sign_body
from tests.platforms.raw_sandbox_client import delivery_content, has_no_delivery, wait_for
from tests.platforms.sandbox_client import CLIENT_KEY, CLIENT_SECRET

VECTORS_FILE = Path(__file__).parents[1] / "vectors/tiktok_webhook.json"


def parse_signature(delivery):
    """Return the signed time, whether the digest is right, and the body of a delivery."""
    headers, body = delivery
    parts = dict(part.split("=") for part in headers["TikTok-Signature"].split(","))
    signed = parts["t"].encode() + b"." + body
    digest = hmac.new(CLIENT_SECRET.encode(), signed, sha256).hexdigest()
    return int(parts["t"]), parts["s"] == digest, body


def list_deliveries(sandbox, open_id):
    all_deliveries = sandbox.control("deliveries")["deliveries"]
    return [delivery for delivery in all_deliveries if delivery["open_id"] == open_id]


def send_ping(sandbox, open_id, **options):
    return sandbox.control("webhooks", event="tiktok.ping", open_id=open_id, **options)


@contextmanager
def run_receiver(*statuses):
    """Run a receiver that answers with these statuses, then 200; None closes without an answer.

    Yields its URL and the queue of what it received.
    """
    responses, received = [*statuses], Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((dict(self.headers), body))
            status = responses.pop(0) if responses else 200
            if status is not None:
                self.send_response(status)
                self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def set_callback(sandbox):
    """Set another webhook URL; the one of the other tests is restored afterwards."""
    original_url = sandbox.control("settings")["webhook_url"]
    yield lambda url, **settings: sandbox.control("settings", webhook_url=url, **settings)
    sandbox.control("settings", webhook_url=original_url)


def test_a_delivery_is_an_envelope_with_a_string_of_json(sandbox):
    creator = sandbox.connect_creator()
    publish_id = sandbox.upload_video(creator)
    delivery = sandbox.wait_for_delivery(creator.open_id)
    _, is_right, body = parse_signature(delivery)
    envelope = json.loads(body)
    assert is_right
    assert set(envelope) == {"client_key", "event", "create_time", "user_openid", "content"}
    assert envelope["client_key"] == CLIENT_KEY
    assert envelope["event"] == "post.publish.inbox_delivered"
    assert delivery_content(delivery) == {"publish_id": publish_id, "publish_type": "INBOX_SHARE"}


def test_the_reference_delivery_gets_the_reference_signature():
    vector = json.loads(VECTORS_FILE.read_text())["vectors"][0]
    signed_at = vector["now"] - 2
    headers = sign_body(vector["secret"], vector["raw_body"].encode(), signed_at)
    assert headers == {"TikTok-Signature": vector["header"]}


@pytest.mark.parametrize("status", [500, 202, 204, 302, None])
def test_an_answer_other_than_200_is_followed_by_a_newly_signed_attempt(
    sandbox, set_callback, status
):
    with run_receiver(status) as (url, received):
        set_callback(url, redelivery_seconds=1.0)
        open_id = sandbox.create_creator()
        send_ping(sandbox, open_id)
        first = parse_signature(received.get(timeout=30))
        second = parse_signature(received.get(timeout=30))
    assert first[1]
    assert second[1]
    assert second[0] > first[0]
    assert second[2] == first[2]
    assert wait_for(lambda: list_deliveries(sandbox, open_id)[0]["state"] == "delivered")


def test_a_receiver_that_does_not_answer_in_time_gets_another_attempt(sandbox, set_callback):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections, but never answers
        set_callback(f"http://127.0.0.1:{silent.getsockname()[1]}/", delivery_timeout=0.2)
        open_id = sandbox.create_creator()
        send_ping(sandbox, open_id)
        repeated = wait_for(
            lambda: list_deliveries(sandbox, open_id)[0]["attempts"][1:], seconds=20
        )
    assert repeated[0]["status"] is None
    sandbox.advance_clock(73 * 3600)  # abandons the delivery, which would disturb later tests


def test_an_undocumented_event_is_delivered_like_any_other(sandbox):
    open_id = sandbox.create_creator()
    sandbox.control("webhooks", event="post.publish.levitated", open_id=open_id, content={"a": 1})
    delivery = sandbox.wait_for_delivery(open_id, "post.publish.levitated")
    assert parse_signature(delivery)[1]
    assert delivery_content(delivery) == {"a": 1}


def test_complete_may_come_after_publicly_available(sandbox):
    creator = sandbox.connect_creator()
    sandbox.control("faults", endpoint="webhook", kind="shuffle", times=2, copies=2)
    sandbox.upload_video(creator, privacy_level="PUBLIC_TO_EVERYONE")
    events = [json.loads(sandbox.wait_for_delivery(creator.open_id)[1])["event"] for _ in range(2)]
    assert events == ["post.publish.publicly_available", "post.publish.complete"]


def test_repeated_attempts_can_keep_the_first_timestamp(sandbox, set_callback):
    with run_receiver(500) as (url, received):
        set_callback(url, redelivery_seconds=1.0, keep_t=True)
        send_ping(sandbox, sandbox.create_creator())
        assert (
            parse_signature(received.get(timeout=30))[0]
            == parse_signature(received.get(timeout=30))[0]
        )


def test_after_three_days_a_delivery_is_abandoned(sandbox, set_callback):
    set_callback("http://127.0.0.1:9/no-server", redelivery_seconds=3000.0)
    open_id = sandbox.create_creator()
    send_ping(sandbox, open_id)

    def is_abandoned_an_hour_later():
        sandbox.advance_clock(3600)
        return list_deliveries(sandbox, open_id)[0]["state"] == "given_up"

    wait_for(is_abandoned_an_hour_later, seconds=20)
    assert 60 < len(list_deliveries(sandbox, open_id)[0]["attempts"]) < 80


def test_a_delivery_can_be_doubled(sandbox):
    open_id = sandbox.create_creator()
    sandbox.control("faults", endpoint="webhook", kind="duplicate", copies=3)
    send_ping(sandbox, open_id)
    bodies = {sandbox.wait_for_delivery(open_id)[1] for _ in range(3)}
    assert len(bodies) == 1
    assert has_no_delivery(sandbox.deliveries, open_id)


def test_deliveries_can_be_shuffled(sandbox):
    open_id = sandbox.create_creator()
    sandbox.control("faults", endpoint="webhook", kind="shuffle", times=3, copies=3)
    for number in range(3):
        send_ping(sandbox, open_id, content={"number": number})
    assert [delivery_content(sandbox.wait_for_delivery(open_id))["number"] for _ in range(3)] == [
        2,
        1,
        0,
    ]


def test_an_incomplete_shuffle_batch_is_sent_anyway(sandbox):
    open_id = sandbox.create_creator()
    sandbox.control("faults", endpoint="webhook", kind="shuffle", seconds=0.1)
    send_ping(sandbox, open_id)
    assert sandbox.wait_for_delivery(open_id)


def test_a_delivery_can_be_late(sandbox):
    open_id = sandbox.create_creator()
    sandbox.control("faults", endpoint="webhook", kind="delay", seconds=60)
    send_ping(sandbox, open_id)
    assert has_no_delivery(sandbox.deliveries, open_id)
    sandbox.advance_clock(61)
    assert sandbox.wait_for_delivery(open_id)


def test_a_delivery_can_be_lost(sandbox):
    open_id = sandbox.create_creator()
    sandbox.control("faults", endpoint="webhook", kind="lose")
    send_ping(sandbox, open_id)
    assert has_no_delivery(sandbox.deliveries, open_id)
    assert list_deliveries(sandbox, open_id)[0]["state"] == "lost"


@pytest.mark.parametrize("kind", ["bad_signature", "altered"])
def test_a_tampered_attempt_is_followed_by_a_valid_one(sandbox, set_callback, kind):
    with run_receiver(401) as (url, received):
        set_callback(url, redelivery_seconds=0.05)
        sandbox.control("faults", endpoint="webhook", kind=kind)
        send_ping(sandbox, sandbox.create_creator())
        assert [parse_signature(received.get(timeout=30))[1] for _ in range(2)] == [False, True]


def test_a_forgery_is_sent_once(sandbox, set_callback):
    with run_receiver(401) as (url, received):
        set_callback(url, redelivery_seconds=0.0)
        open_id = sandbox.create_creator()
        send_ping(sandbox, open_id, spoil="bad_signature")
        assert not parse_signature(received.get(timeout=30))[1]
        assert wait_for(lambda: list_deliveries(sandbox, open_id)[0]["state"] == "refused")
        sandbox.advance_clock(3600)
        assert received.empty()


@pytest.mark.parametrize("spoil", ["stale", "wrong_client"])
def test_a_correctly_signed_delivery_may_still_be_stale_or_foreign(sandbox, spoil):
    open_id = sandbox.create_creator()
    send_ping(sandbox, open_id)
    fresh = parse_signature(sandbox.wait_for_delivery(open_id))
    send_ping(sandbox, open_id, spoil=spoil)
    signed_at, is_right, body = parse_signature(sandbox.wait_for_delivery(open_id))
    assert is_right
    assert (fresh[0] - signed_at > 3000) == (spoil == "stale")
    assert (json.loads(body)["client_key"] != CLIENT_KEY) == (spoil == "wrong_client")


def test_without_a_webhook_url_nothing_is_sent(sandbox, set_callback):
    set_callback("")
    creator = sandbox.connect_creator()
    sandbox.upload_video(creator)
    assert list_deliveries(sandbox, creator.open_id) == []
