"""What the sandbox delivers: signed as documented, again until 200, and spoilt on demand."""

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
    """The time, whether the digest is right, and the body of a delivery."""
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
    """Answers one after the other; None is no answer. Gives its address and what it heard."""
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
    """The callback as the other tests know it comes back."""
    usual = sandbox.control("settings")["webhook_url"]
    yield lambda url, **rest: sandbox.control("settings", webhook_url=url, **rest)
    sandbox.control("settings", webhook_url=usual)


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
    t = vector["now"] - 2
    signed = sign_body(vector["secret"], vector["raw_body"].encode(), t)
    assert signed == {"TikTok-Signature": vector["header"]}


@pytest.mark.parametrize("status", [500, 202, 204, 302, None])
def test_anything_but_200_is_tried_again_signed_anew(sandbox, set_callback, status):
    with run_receiver(status) as (url, heard):
        set_callback(url, redelivery_seconds=1.0)
        open_id = sandbox.create_creator()
        send_ping(sandbox, open_id)
        first = parse_signature(heard.get(timeout=5))
        again = parse_signature(heard.get(timeout=5))
    assert first[1]
    assert again[1]
    assert again[0] > first[0]
    assert again[2] == first[2]
    assert wait_for(lambda: list_deliveries(sandbox, open_id)[0]["state"] == "delivered")


def test_a_receiver_that_takes_too_long_is_tried_again(sandbox, set_callback):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, and never speaks
        set_callback(f"http://127.0.0.1:{silent.getsockname()[1]}/", delivery_timeout=0.2)
        open_id = sandbox.create_creator()
        send_ping(sandbox, open_id)
        tried = wait_for(lambda: list_deliveries(sandbox, open_id)[0]["attempts"][1:], seconds=20)
    assert tried[0]["status"] is None
    sandbox.advance_clock(73 * 3600)  # and is given up, for the tests that follow


def test_an_event_nobody_knows_is_delivered_like_any_other(sandbox):
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


def test_the_old_time_of_signing_can_be_kept(sandbox, set_callback):
    with run_receiver(500) as (url, heard):
        set_callback(url, redelivery_seconds=1.0, keep_t=True)
        send_ping(sandbox, sandbox.create_creator())
        assert parse_signature(heard.get(timeout=5))[0] == parse_signature(heard.get(timeout=5))[0]


def test_after_three_days_a_delivery_is_abandoned(sandbox, set_callback):
    set_callback("http://127.0.0.1:9/nobody", redelivery_seconds=3000.0)
    open_id = sandbox.create_creator()
    send_ping(sandbox, open_id)

    def waits_longer():
        sandbox.advance_clock(3600)
        return list_deliveries(sandbox, open_id)[0]["state"] == "given_up"

    wait_for(waits_longer, seconds=20)
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
    with run_receiver(401) as (url, heard):
        set_callback(url, redelivery_seconds=0.05)
        sandbox.control("faults", endpoint="webhook", kind=kind)
        send_ping(sandbox, sandbox.create_creator())
        assert [parse_signature(heard.get(timeout=5))[1] for _ in range(2)] == [False, True]


def test_a_forgery_is_tried_once(sandbox, set_callback):
    with run_receiver(401) as (url, heard):
        set_callback(url, redelivery_seconds=0.0)
        open_id = sandbox.create_creator()
        send_ping(sandbox, open_id, spoil="bad_signature")
        assert not parse_signature(heard.get(timeout=5))[1]
        assert wait_for(lambda: list_deliveries(sandbox, open_id)[0]["state"] == "refused")
        sandbox.advance_clock(3600)
        assert heard.empty()


@pytest.mark.parametrize("spoil", ["stale", "wrong_client"])
def test_a_rightly_signed_delivery_may_still_be_wrong(sandbox, spoil):
    open_id = sandbox.create_creator()
    send_ping(sandbox, open_id)
    fresh = parse_signature(sandbox.wait_for_delivery(open_id))
    send_ping(sandbox, open_id, spoil=spoil)
    t, is_right, body = parse_signature(sandbox.wait_for_delivery(open_id))
    assert is_right
    assert (fresh[0] - t > 3000) == (spoil == "stale")
    assert (json.loads(body)["client_key"] != CLIENT_KEY) == (spoil == "wrong_client")


def test_without_a_callback_nothing_is_sent(sandbox, set_callback):
    set_callback("")
    creator = sandbox.connect_creator()
    sandbox.upload_video(creator)
    assert list_deliveries(sandbox, creator.open_id) == []
