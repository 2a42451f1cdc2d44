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

from platforms.sandbox.tiktok.events import sign
from tests.platforms.stage import CLIENT_KEY, CLIENT_SECRET
from tests.platforms.visitor import content, eventually, nothing_comes

VECTORS = Path(__file__).parents[1] / "vectors/tiktok_webhook.json"


def signature(delivery):
    """The time, whether the digest is right, and the body of a delivery."""
    headers, body = delivery
    parts = dict(part.split("=") for part in headers["TikTok-Signature"].split(","))
    signed = parts["t"].encode() + b"." + body
    digest = hmac.new(CLIENT_SECRET.encode(), signed, sha256).hexdigest()
    return int(parts["t"]), parts["s"] == digest, body


def deliveries(sandbox, open_id):
    listed = sandbox.control("deliveries")["deliveries"]
    return [one for one in listed if one["open_id"] == open_id]


def ping(sandbox, open_id, **asked):
    return sandbox.control("webhooks", event="tiktok.ping", open_id=open_id, **asked)


@contextmanager
def a_receiver(*statuses):
    """Answers one after the other; None is no answer. Gives its address and what it heard."""
    answers, heard = [*statuses], Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.put((dict(self.headers), body))
            status = answers.pop(0) if answers else 200
            if status is not None:
                self.send_response(status)
                self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def calls(sandbox):
    """The callback as the other tests know it comes back."""
    usual = sandbox.control("settings")["webhook_url"]
    yield lambda url, **rest: sandbox.control("settings", webhook_url=url, **rest)
    sandbox.control("settings", webhook_url=usual)


def test_a_delivery_is_an_envelope_with_a_string_of_json(sandbox):
    person = sandbox.connect()
    publish_id = sandbox.uploaded(person)
    delivery = sandbox.told(person.open_id)
    _, is_right, body = signature(delivery)
    envelope = json.loads(body)
    assert is_right
    assert set(envelope) == {"client_key", "event", "create_time", "user_openid", "content"}
    assert envelope["client_key"] == CLIENT_KEY
    assert envelope["event"] == "post.publish.inbox_delivered"
    assert content(delivery) == {"publish_id": publish_id, "publish_type": "INBOX_SHARE"}


def test_the_reference_delivery_gets_the_reference_signature():
    vector = json.loads(VECTORS.read_text())["vectors"][0]
    t = vector["now"] - 2
    signed = sign(vector["secret"], vector["raw_body"].encode(), t)
    assert signed == {"TikTok-Signature": vector["header"]}


@pytest.mark.parametrize("status", [500, 202, 204, 302, None])
def test_anything_but_200_is_tried_again_signed_anew(sandbox, calls, status):
    with a_receiver(status) as (url, heard):
        calls(url, redelivery_seconds=1.0)
        open_id = sandbox.someone()
        ping(sandbox, open_id)
        first = signature(heard.get(timeout=5))
        again = signature(heard.get(timeout=5))
    assert first[1]
    assert again[1]
    assert again[0] > first[0]
    assert again[2] == first[2]
    assert eventually(lambda: deliveries(sandbox, open_id)[0]["state"] == "delivered")


def test_a_receiver_that_takes_too_long_is_tried_again(sandbox, calls):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, and never speaks
        calls(f"http://127.0.0.1:{silent.getsockname()[1]}/", delivery_timeout=0.2)
        open_id = sandbox.someone()
        ping(sandbox, open_id)
        tried = eventually(lambda: deliveries(sandbox, open_id)[0]["attempts"][1:], seconds=20)
    assert tried[0]["status"] is None
    sandbox.settle(73 * 3600)  # and is given up, for the tests that follow


def test_an_event_nobody_knows_is_delivered_like_any_other(sandbox):
    open_id = sandbox.someone()
    sandbox.control("webhooks", event="post.publish.levitated", open_id=open_id, content={"a": 1})
    delivery = sandbox.told(open_id, "post.publish.levitated")
    assert signature(delivery)[1]
    assert content(delivery) == {"a": 1}


def test_complete_may_come_after_publicly_available(sandbox):
    person = sandbox.connect()
    sandbox.control("faults", endpoint="webhook", kind="shuffle", times=2, copies=2)
    sandbox.uploaded(person, privacy_level="PUBLIC_TO_EVERYONE")
    events = [json.loads(sandbox.told(person.open_id)[1])["event"] for _ in range(2)]
    assert events == ["post.publish.publicly_available", "post.publish.complete"]


def test_the_old_time_of_signing_can_be_kept(sandbox, calls):
    with a_receiver(500) as (url, heard):
        calls(url, redelivery_seconds=1.0, keep_t=True)
        ping(sandbox, sandbox.someone())
        assert signature(heard.get(timeout=5))[0] == signature(heard.get(timeout=5))[0]


def test_after_three_days_a_delivery_is_given_up(sandbox, calls):
    calls("http://127.0.0.1:9/nobody", redelivery_seconds=3000.0)
    open_id = sandbox.someone()
    ping(sandbox, open_id)

    def waits_longer():
        sandbox.settle(3600)
        return deliveries(sandbox, open_id)[0]["state"] == "given_up"

    eventually(waits_longer, seconds=20)
    assert 60 < len(deliveries(sandbox, open_id)[0]["attempts"]) < 80


def test_a_delivery_can_be_doubled(sandbox):
    open_id = sandbox.someone()
    sandbox.control("faults", endpoint="webhook", kind="duplicate", copies=3)
    ping(sandbox, open_id)
    bodies = {sandbox.told(open_id)[1] for _ in range(3)}
    assert len(bodies) == 1
    assert nothing_comes(sandbox.mail, open_id)


def test_deliveries_can_be_shuffled(sandbox):
    open_id = sandbox.someone()
    sandbox.control("faults", endpoint="webhook", kind="shuffle", times=3, copies=3)
    for number in range(3):
        ping(sandbox, open_id, content={"number": number})
    assert [content(sandbox.told(open_id))["number"] for _ in range(3)] == [2, 1, 0]


def test_a_pack_that_stays_incomplete_is_sent_all_the_same(sandbox):
    open_id = sandbox.someone()
    sandbox.control("faults", endpoint="webhook", kind="shuffle", seconds=0.1)
    ping(sandbox, open_id)
    assert sandbox.told(open_id)


def test_a_delivery_can_be_late(sandbox):
    open_id = sandbox.someone()
    sandbox.control("faults", endpoint="webhook", kind="delay", seconds=60)
    ping(sandbox, open_id)
    assert nothing_comes(sandbox.mail, open_id)
    sandbox.settle(61)
    assert sandbox.told(open_id)


def test_a_delivery_can_be_lost(sandbox):
    open_id = sandbox.someone()
    sandbox.control("faults", endpoint="webhook", kind="lose")
    ping(sandbox, open_id)
    assert nothing_comes(sandbox.mail, open_id)
    assert deliveries(sandbox, open_id)[0]["state"] == "lost"


@pytest.mark.parametrize("kind", ["bad_signature", "altered"])
def test_a_spoilt_attempt_is_followed_by_a_right_one(sandbox, calls, kind):
    with a_receiver(401) as (url, heard):
        calls(url, redelivery_seconds=0.05)
        sandbox.control("faults", endpoint="webhook", kind=kind)
        ping(sandbox, sandbox.someone())
        assert [signature(heard.get(timeout=5))[1] for _ in range(2)] == [False, True]


def test_a_forgery_is_tried_once(sandbox, calls):
    with a_receiver(401) as (url, heard):
        calls(url, redelivery_seconds=0.0)
        open_id = sandbox.someone()
        ping(sandbox, open_id, spoil="bad_signature")
        assert not signature(heard.get(timeout=5))[1]
        assert eventually(lambda: deliveries(sandbox, open_id)[0]["state"] == "refused")
        sandbox.settle(3600)
        assert heard.empty()


@pytest.mark.parametrize("spoil", ["stale", "wrong_client"])
def test_a_rightly_signed_delivery_may_still_be_wrong(sandbox, spoil):
    open_id = sandbox.someone()
    ping(sandbox, open_id)
    fresh = signature(sandbox.told(open_id))
    ping(sandbox, open_id, spoil=spoil)
    t, is_right, body = signature(sandbox.told(open_id))
    assert is_right
    assert (fresh[0] - t > 3000) == (spoil == "stale")
    assert (json.loads(body)["client_key"] != CLIENT_KEY) == (spoil == "wrong_client")


def test_without_a_callback_nothing_is_sent(sandbox, calls):
    calls("")
    person = sandbox.connect()
    sandbox.uploaded(person)
    assert deliveries(sandbox, person.open_id) == []
