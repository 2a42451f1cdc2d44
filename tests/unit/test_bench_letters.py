import hashlib
import hmac
import json
import time

from bench.letters import written
from bench.orders import Answer, Order, Told
from bench.peers.signature import envelope

SECRET = "not-a-real-one"
ORDER = Order("http://127.0.0.1:8000/webhooks", "few-", 25, 1.0, 16, "bench", SECRET)


def parts(letter):
    head, _, body = letter.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_a_letter_is_a_whole_request_whose_length_is_told():
    first, headers, body = parts(written(ORDER)[0])
    assert first == "POST /webhooks HTTP/1.1"
    assert headers["Host"] == "127.0.0.1:8000"
    assert int(headers["Content-Length"]) == len(body)


def test_a_letter_is_signed_over_its_bytes_and_its_second():
    _, headers, body = parts(written(ORDER)[3])
    second, signature = (part[2:] for part in headers["TikTok-Signature"].split(","))
    assert abs(time.time() - int(second)) < 60
    wanted = hmac.new(SECRET.encode(), f"{second}.".encode() + body, hashlib.sha256).hexdigest()
    assert signature == wanted


def test_letters_are_numbered_from_one_and_spread_over_the_accounts():
    said = [json.loads(parts(letter)[2]) for letter in written(ORDER)]
    ids = [json.loads(one["content"])["publish_id"] for one in said]
    assert ids == [f"few-{number}" for number in range(1, 26)]
    assert len({one["user_openid"] for one in said}) == 20


def test_the_peers_take_a_letter_and_nothing_that_was_touched(monkeypatch):
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    _, headers, body = parts(written(ORDER)[0])
    assert envelope(headers["TikTok-Signature"], body)["client_key"] == "bench"
    assert envelope(headers["TikTok-Signature"], body + b" ") is None
    assert envelope("", body) is None


def test_the_peers_take_no_letter_of_long_ago(monkeypatch):
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    second, body = str(int(time.time()) - 301), b"{}"
    signed = hmac.new(SECRET.encode(), second.encode() + b"." + body, hashlib.sha256)
    assert envelope(f"t={second},s={signed.hexdigest()}", body) is None


def test_what_is_told_travels_as_json_and_an_order_does_not_show_its_secret():
    told = Told((Answer(1, 2.0, 3.0, 200),), 0, 0.5)
    back = json.loads(json.dumps(told._asdict()))
    assert [Answer(*answer) for answer in back["answers"]] == [Answer(1, 2.0, 3.0, 200)]
    assert SECRET not in repr(ORDER)
