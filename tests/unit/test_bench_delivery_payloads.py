import hashlib
import hmac
import json
import time

from bench.delivery_payloads import build_requests
from bench.load_order import DeliveryResponse, LoadOrder, LoadReport
from bench.peers.signature import verify_envelope

SIGNING_SECRET = "not-a-real-one"
SAMPLE_ORDER = LoadOrder(
    "http://127.0.0.1:8000/webhooks", "few-", 25, 1.0, 16, "bench", SIGNING_SECRET
)


def split_request(raw_request):
    head, _, body = raw_request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_a_delivery_is_a_whole_request_with_its_content_length():
    first, headers, body = split_request(build_requests(SAMPLE_ORDER)[0])
    assert first == "POST /webhooks HTTP/1.1"
    assert headers["Host"] == "127.0.0.1:8000"
    assert int(headers["Content-Length"]) == len(body)


def test_a_delivery_is_signed_over_its_bytes_and_its_timestamp():
    _, headers, body = split_request(build_requests(SAMPLE_ORDER)[3])
    second, signature = (part[2:] for part in headers["TikTok-Signature"].split(","))
    assert abs(time.time() - int(second)) < 60
    expected = hmac.new(
        SIGNING_SECRET.encode(), f"{second}.".encode() + body, hashlib.sha256
    ).hexdigest()
    assert signature == expected


def test_deliveries_are_numbered_from_one_and_spread_over_the_accounts():
    bodies = [json.loads(split_request(request)[2]) for request in build_requests(SAMPLE_ORDER)]
    publish_ids = [json.loads(body["content"])["publish_id"] for body in bodies]
    assert publish_ids == [f"few-{number}" for number in range(1, 26)]
    assert len({body["user_openid"] for body in bodies}) == 20


def test_the_peers_accept_a_delivery_and_nothing_tampered(monkeypatch):
    monkeypatch.setenv("WEBHOOK_SECRET", SIGNING_SECRET)
    _, headers, body = split_request(build_requests(SAMPLE_ORDER)[0])
    assert verify_envelope(headers["TikTok-Signature"], body)["client_key"] == "bench"
    assert verify_envelope(headers["TikTok-Signature"], body + b" ") is None
    assert verify_envelope("", body) is None


def test_the_peers_accept_no_old_delivery(monkeypatch):
    monkeypatch.setenv("WEBHOOK_SECRET", SIGNING_SECRET)
    second, body = str(int(time.time()) - 301), b"{}"
    signed = hmac.new(SIGNING_SECRET.encode(), second.encode() + b"." + body, hashlib.sha256)
    assert verify_envelope(f"t={second},s={signed.hexdigest()}", body) is None


def test_reports_are_json_and_an_order_does_not_show_its_secret():
    response = DeliveryResponse(1, 2.0, 3.0, 200)
    document = json.loads(json.dumps(LoadReport((response,), 0, 0.5)._asdict()))
    assert [DeliveryResponse(*values) for values in document["answers"]] == [response]
    assert SIGNING_SECRET not in repr(SAMPLE_ORDER)
