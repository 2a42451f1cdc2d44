"""The sandbox's deliveries from Meta: subscriptions, handshake, signatures, shapes, callbacks."""

import hmac
import json
import threading
from base64 import urlsafe_b64decode
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import parse_qs, urlsplit

import pytest

from platforms.sandbox.deliveries import DeliveryTarget
from platforms.sandbox.instagram.callbacks import sign_request
from platforms.sandbox.instagram.delivery_bodies import encode_body
from platforms.sandbox.instagram.delivery_signatures import digest_body
from tests.platforms.raw_instagram_client import (
    FACEBOOK_APP,
    FACEBOOK_SECRET,
    INSTAGRAM_GRAPH,
    INSTAGRAM_SECRET,
    VERIFY_TOKEN,
    is_signed,
)
from tests.platforms.raw_sandbox_client import wait_for

VECTORS_FILE = Path(__file__).parents[1] / "vectors/meta_webhook.json"
ACCOUNT_FIELDS = "comments,live_comments,mentions,story_insights"
COMMENT = {"id": "1790000", "text": "café 😀 a/b", "from": {"id": "1", "username": "ada"}}


class CallbackHandler(BaseHTTPRequestHandler):
    """Answers handshakes with the challenge, and calls with what the test has put in place."""

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        is_match = query.get("hub.verify_token") == [VERIFY_TOKEN]
        self.answer(200 if is_match else 403, query["hub.challenge"][0])

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.put((dict(self.headers), body))
        status, text = self.server.answers.pop(0) if self.server.answers else (200, "")
        self.answer(status, text)

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@contextmanager
def run_callback_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), CallbackHandler)
    server.received, server.answers = Queue(), []
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def receiver(instagram_sandbox):
    """A callback server; the webhook URL of the other tests is restored afterwards."""
    original = instagram_sandbox.control("settings")["webhook_url"]
    with run_callback_server() as server:
        yield server
    instagram_sandbox.control(
        "settings",
        webhook_url=original,
        instagram_webhook_url="",
        deauthorize_url="",
        data_deletion_url="",
    )


def subscribe(sandbox, login, *, page=True, account=True):
    if page:
        path = f"/{login.page_id}/subscribed_apps"
        token = sandbox.page_token(login)
        assert sandbox.graph("POST", path, token, subscribed_fields="feed").result["success"]
    if account:
        path = f"/{login.account_id}/subscribed_apps"
        answer = sandbox.graph("POST", path, login.token, subscribed_fields=ACCOUNT_FIELDS)
        assert answer.result == {"success": True}


def happen(sandbox, login, field="comments", value=COMMENT):
    return sandbox.control("live-event", account_id=login.account_id, field=field, value=value)


def test_events_are_signed_over_their_escaped_bytes(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    subscribe(instagram_sandbox, login)
    happen(instagram_sandbox, login)
    headers, body, event = instagram_sandbox.wait_for_event(login.account_id)
    assert headers["Content-Type"] == "application/json"
    assert is_signed(headers, body, FACEBOOK_SECRET)
    assert headers["X-Hub-Signature"].startswith("sha1=")
    assert b"caf\\u00e9 \\ud83d\\ude00 a\\/b" in body
    assert event["object"] == "instagram"
    [entry] = event["entry"]
    assert entry["changes"] == [{"field": "comments", "value": COMMENT}]
    assert isinstance(entry["time"], int)


def test_events_of_an_instagram_login_are_signed_with_its_own_secret(instagram_sandbox):
    login = instagram_sandbox.connect_instagram()
    answer = instagram_sandbox.graph(
        "POST",
        "/me/subscribed_apps",
        login.token,
        INSTAGRAM_GRAPH,
        subscribed_fields="comments,messages",
    )
    assert answer.result == {"success": True}
    happen(instagram_sandbox, login)
    headers, body, event = instagram_sandbox.wait_for_event(login.account_id)
    assert is_signed(headers, body, INSTAGRAM_SECRET)
    assert not is_signed(headers, body, FACEBOOK_SECRET)
    assert event["entry"][0]["id"] == login.account_id


def test_our_bytes_and_signature_are_those_of_the_reference_vector():
    vector = json.loads(VECTORS_FILE.read_text())["vectors"][0]
    body = encode_body(json.loads(vector["raw_body"]))
    assert body.decode() == vector["raw_body"]
    assert f"sha256={digest_body(vector['secret'], body)}" == vector["header"]


@pytest.mark.parametrize(
    "subscribed",
    [{"page": False}, {"account": False}, {"page": False, "account": False}],
)
def test_facebook_login_needs_two_subscriptions(instagram_sandbox, subscribed):
    login = instagram_sandbox.connect_facebook()
    subscribe(instagram_sandbox, login, **subscribed)
    assert happen(instagram_sandbox, login) == {"ids": []}


@pytest.mark.parametrize(
    ("settings", "field", "count"),
    [
        ({}, "comments", 1),
        ({}, "story_insights", 1),
        ({"is_live": False}, "comments", 0),
        ({"has_advanced_access": False}, "comments", 0),
        ({"has_advanced_access": False}, "mentions", 1),
        ({"app_fields": "mentions"}, "comments", 0),
    ],
)
def test_an_event_is_delivered_if_the_app_may_have_it(instagram_sandbox, settings, field, count):
    login = instagram_sandbox.connect_facebook()
    subscribe(instagram_sandbox, login)
    if settings:
        instagram_sandbox.control("settings", **settings)
    assert len(happen(instagram_sandbox, login, field)["ids"]) == count


def test_a_private_account_has_no_events(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    subscribe(instagram_sandbox, login)
    instagram_sandbox.control(f"accounts/{login.account_id}", is_public=False)
    assert happen(instagram_sandbox, login) == {"ids": []}


def test_the_choice_of_fields_is_not_honoured(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    subscribe(instagram_sandbox, login, account=False)
    path = f"/{login.account_id}/subscribed_apps"
    instagram_sandbox.graph("POST", path, login.token, subscribed_fields="mentions")
    assert len(happen(instagram_sandbox, login, "comments")["ids"]) == 1


def test_mentions_are_no_field_of_an_instagram_login(instagram_sandbox):
    login = instagram_sandbox.connect_instagram()
    path, host = "/me/subscribed_apps", INSTAGRAM_GRAPH
    answer = instagram_sandbox.graph("POST", path, login.token, host, subscribed_fields="mentions")
    assert answer.error == (400, 100, None)
    instagram_sandbox.graph("POST", path, login.token, host, subscribed_fields="comments")
    assert happen(instagram_sandbox, login, "mentions") == {"ids": []}


def test_the_page_edge_takes_fields_of_pages_alone(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    path, token = f"/{login.page_id}/subscribed_apps", instagram_sandbox.page_token(login)
    answer = instagram_sandbox.graph("POST", path, token, subscribed_fields="comments,mentions")
    assert answer.error == (400, 100, None)
    message = answer.json["error"]["message"]
    assert message.startswith("(#100) Param subscribed_fields[0] must be one of {feed, mention, ")
    assert instagram_sandbox.graph("POST", path, token).error == (400, 100, None)
    answer = instagram_sandbox.graph("POST", path, login.token, subscribed_fields="feed")
    assert answer.error == (400, 210, None)


def test_the_page_edge_needs_its_permission(instagram_sandbox):
    scopes = ["instagram_basic", "pages_show_list"]
    login = instagram_sandbox.connect_facebook(scopes=scopes)
    path, token = f"/{login.page_id}/subscribed_apps", instagram_sandbox.page_token(login)
    answer = instagram_sandbox.graph("POST", path, token, subscribed_fields="feed")
    assert answer.error == (403, 200, None)


def test_subscriptions_can_be_read_replaced_and_ended(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    page_token = instagram_sandbox.page_token(login)
    subscribe(instagram_sandbox, login)
    page_path, path = f"/{login.page_id}/subscribed_apps", f"/{login.account_id}/subscribed_apps"

    def read_fields(path, token):
        apps = instagram_sandbox.graph("GET", path, token).result["data"]
        return [app["subscribed_fields"] for app in apps]

    assert read_fields(page_path, page_token) == [["feed"]]
    assert read_fields(path, login.token) == [ACCOUNT_FIELDS.split(",")]
    instagram_sandbox.graph("POST", path, page_token, subscribed_fields="comments")
    assert read_fields(path, login.token) == [["comments"]]
    assert instagram_sandbox.graph("DELETE", path, login.token).result == {"success": True}
    instagram_sandbox.graph("DELETE", page_path, page_token)
    assert read_fields(path, login.token) == read_fields(page_path, page_token) == []


def test_the_app_is_subscribed_only_if_the_callback_returns_the_challenge(
    instagram_sandbox, receiver
):
    def subscribe_app(token):
        body = json.dumps({"callback_url": receiver.url, "verify_token": token})
        return instagram_sandbox.send("POST", "/_sandbox/instagram/subscribe-app", body)

    refused = subscribe_app("wrong")
    assert (refused.status, refused.json["code"]) == (400, 2200)
    assert instagram_sandbox.control("settings")["webhook_url"] != receiver.url
    assert subscribe_app(VERIFY_TOKEN).status == 200
    assert instagram_sandbox.control("settings")["webhook_url"] == receiver.url


def test_the_apps_edge_sets_the_subscription_with_the_apps_token(instagram_sandbox, receiver):
    path, token = f"/{FACEBOOK_APP}/subscriptions", f"{FACEBOOK_APP}|{FACEBOOK_SECRET}"
    params = {
        "object": "instagram",
        "callback_url": receiver.url,
        "verify_token": VERIFY_TOKEN,
        "fields": "comments,mentions",
    }
    assert instagram_sandbox.graph("POST", path, token, **params).result == {"success": True}
    [subscription] = instagram_sandbox.graph("GET", path, token).result["data"]
    assert [each["name"] for each in subscription["fields"]] == ["comments", "mentions"]
    params["verify_token"] = "wrong"
    assert instagram_sandbox.graph("POST", path, token, **params).error == (400, 2200, None)
    login = instagram_sandbox.connect_facebook()
    assert instagram_sandbox.graph("POST", path, login.token, **params).error == (400, 100, 33)


def make_changes(count, prefix):
    return [
        {"account_id": f"{prefix}{index % 3}", "field": "comments", "value": {"id": str(index)}}
        for index in range(count)
    ]


def test_a_thousand_changes_of_several_accounts_come_in_one_delivery(instagram_sandbox):
    changes = make_changes(1000, "batch")
    instagram_sandbox.control("test-event", changes=changes, is_shuffled=True)
    _, _, event = instagram_sandbox.wait_for_event("batch0")
    ids = [change["value"]["id"] for entry in event["entry"] for change in entry["changes"]]
    assert sorted(ids, key=int) == [str(index) for index in range(1000)]
    assert ids != sorted(ids, key=int)
    assert {entry["id"] for entry in event["entry"]} == {"batch0", "batch1", "batch2"}
    body = json.dumps({"changes": make_changes(1001, "batch")})
    assert instagram_sandbox.send("POST", "/_sandbox/instagram/test-event", body).status == 400


@pytest.mark.parametrize(
    ("shape", "find"),
    [
        ("changes", lambda event: event["entry"][0]["changes"][0]["value"]["id"]),
        ("flat", lambda event: event["entry"][0]["value"]["id"]),
        ("array", lambda event: event[0]["entry"][0]["changes"][0]["value"]["id"]),
        ("comment_id", lambda event: event["entry"][0]["changes"][0]["value"]["comment_id"]),
        ("changed_fields", lambda event: event["entry"][0]["changed_fields"] == ["comments"]),
    ],
)
def test_every_documented_shape_can_be_sent(instagram_sandbox, shape, find):
    change = {"account_id": f"17{shape}", "field": "comments", "value": {"id": "1790"}}
    instagram_sandbox.control("test-event", changes=[change], shape=shape)
    headers, body, event = instagram_sandbox.wait_for_event(f"17{shape}")
    assert find(event) in {"1790", True}
    assert is_signed(headers, body, FACEBOOK_SECRET)


def test_the_dashboards_test_is_about_account_zero(instagram_sandbox):
    change = {"account_id": "1784", "field": "comments", "value": {"id": "1791"}}
    instagram_sandbox.control("test-event", changes=[change], shape="test")
    assert instagram_sandbox.wait_for_event("0")[2]["entry"][0]["changes"][0]["value"] == {
        "id": "1791"
    }


def test_messages_come_in_entries_of_their_own_in_milliseconds(instagram_sandbox):
    message = {"sender": {"id": "5"}, "recipient": {"id": "6"}, "message": {"mid": "m1"}}
    changes = [
        {"account_id": "chat", "field": "messaging", "value": message},
        {"account_id": "chat", "field": "standby", "value": message},
        {"account_id": "chat", "field": "comments", "value": {"id": "1"}},
    ]
    instagram_sandbox.control("test-event", changes=changes, flavour="instagram")
    _, _, event = instagram_sandbox.wait_for_event("chat")
    first, second, third = event["entry"]
    assert first["messaging"] == second["standby"] == [message]
    assert first["time"] > 1_000 * third["time"] - 1_000 * 60
    assert first["time"] > 10**12 > third["time"]


@pytest.mark.parametrize(
    "forgery",
    ["wrong_secret", "missing_signature", "sha1_only", "decoded_text", "no_prefix", "altered"],
)
def test_forged_deliveries_carry_no_valid_signature(instagram_sandbox, forgery):
    change = {"account_id": f"forged_{forgery}", "field": "comments", "value": COMMENT}
    instagram_sandbox.control("test-event", changes=[change], forgery=forgery)
    headers, body, _ = instagram_sandbox.wait_for_event(f"forged_{forgery}")
    assert not is_signed(headers, body, FACEBOOK_SECRET)
    assert not is_signed(headers, body, INSTAGRAM_SECRET)


def test_a_failed_delivery_is_repeated_at_once_and_then_more_and_more_rarely():
    target = DeliveryTarget("http://127.0.0.1:9", 1.0, 60.0, has_immediate_retry=True)
    assert [target.retry_wait(attempts) for attempts in range(1, 6)] == [0, 60, 120, 240, 480]
    assert target.retry_wait(40) == 3_600
    assert DeliveryTarget("http://127.0.0.1:9", 1.0, 60.0).retry_wait(1) == 60


def find_delivery(sandbox, delivery_id):
    deliveries = sandbox.control("/deliveries")["deliveries"]
    return next(each for each in deliveries if each["id"] == delivery_id)


def test_a_repeated_delivery_has_a_new_time_and_a_new_signature(instagram_sandbox, receiver):
    receiver.answers += [(500, ""), (503, "")]
    instagram_sandbox.control("settings", webhook_url=receiver.url, redelivery_seconds=3_600.0)
    change = {"account_id": "repeated", "field": "comments", "value": COMMENT}
    [delivery_id] = instagram_sandbox.control("test-event", changes=[change])["ids"]
    received = [receiver.received.get(timeout=5) for _ in range(2)]

    def has_third_an_hour_later():
        instagram_sandbox.advance_clock(3_600)
        return not receiver.received.empty()

    wait_for(has_third_an_hour_later)
    received.append(receiver.received.get())
    times = [json.loads(body)["entry"][0]["time"] for _, body in received]
    assert times[2] >= times[0] + 3_600
    assert all(is_signed(headers, body, FACEBOOK_SECRET) for headers, body in received)
    wait_for(lambda: find_delivery(instagram_sandbox, delivery_id)["state"] == "delivered")


def test_a_delivery_is_given_up_after_36_hours(instagram_sandbox, receiver):
    receiver.answers += [(500, "")] * 500
    instagram_sandbox.control("settings", webhook_url=receiver.url, redelivery_seconds=3_600.0)
    change = {"account_id": "given_up", "field": "comments", "value": COMMENT}
    [delivery_id] = instagram_sandbox.control("test-event", changes=[change])["ids"]

    def is_given_up_an_hour_later():
        instagram_sandbox.advance_clock(3_600)
        return find_delivery(instagram_sandbox, delivery_id)["state"] == "given_up"

    wait_for(is_given_up_an_hour_later, 20)
    assert len(find_delivery(instagram_sandbox, delivery_id)["attempts"]) > 2


def test_a_failed_batch_can_be_repeated_in_other_batches(instagram_sandbox, receiver):
    receiver.answers += [(500, "")]
    instagram_sandbox.control("settings", webhook_url=receiver.url)
    changes = make_changes(7, "split")
    instagram_sandbox.control("test-event", changes=changes, is_split_on_retry=True)
    sizes = []
    for _ in range(3):
        event = json.loads(receiver.received.get(timeout=5)[1])
        sizes.append(sum(len(entry["changes"]) for entry in event["entry"]))
    assert sizes[0] == 7
    assert sorted(sizes[1:]) == [3, 4]


def test_deliveries_can_be_duplicated_and_lost(instagram_sandbox):
    instagram_sandbox.control("/faults", endpoint="webhook", kind="duplicate", copies=3)
    change = {"account_id": "copied", "field": "comments", "value": {"id": "1"}}
    instagram_sandbox.control("test-event", changes=[change])
    for _ in range(3):
        instagram_sandbox.wait_for_event("copied")
    instagram_sandbox.control("/faults", endpoint="webhook", kind="lose")
    [lost] = instagram_sandbox.control("test-event", changes=[change])["ids"]
    assert find_delivery(instagram_sandbox, lost)["state"] == "lost"
    assert instagram_sandbox.has_no_event("copied")


def decode_request(body, secret):
    """Return whether the signed request is valid, and its payload."""
    [text] = parse_qs(body.decode(), keep_blank_values=True)["signed_request"]
    signature, _, payload = text.partition(".")
    digest = hmac.new(secret.encode(), payload.encode(), sha256).digest()
    is_valid = urlsafe_b64decode(signature + "=" * (-len(signature) % 4)) == digest
    return is_valid, json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_our_signed_requests_give_the_reference_vector():
    payload = {
        "algorithm": "HMAC-SHA256",
        "expires": 0,
        "issued_at": 1_763_800_000,
        "user_id": "17841400000000001",
    }
    assert sign_request("test_app_secret", payload) == (
        "TLpg__x5Wm719V-cmRZX-S5Pto5Hpvxze99DXq-yQtw.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImV4cGly"
        "ZXMiOjAsImlzc3VlZF9hdCI6MTc2MzgwMDAwMCwidXNlcl9pZCI6IjE3ODQxNDAwMDAwMDAwMDAxIn0"
    )


def test_removing_the_app_calls_the_deauthorize_callback(instagram_sandbox, receiver):
    instagram_sandbox.control("settings", deauthorize_url=receiver.url)
    login = instagram_sandbox.connect_facebook()
    answer = instagram_sandbox.control("deauthorize", login=login.person_id)
    assert answer["status"] == 200
    headers, body = receiver.received.get(timeout=5)
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    is_valid, payload = decode_request(body, FACEBOOK_SECRET)
    assert (is_valid, payload["user_id"]) == (True, login.person_id)
    assert instagram_sandbox.graph("GET", "/me", login.token).error == (400, 190, 458)


@pytest.mark.parametrize("kind", ["app_scoped", "professional"])
def test_instagrams_callback_has_one_of_the_accounts_ids(instagram_sandbox, receiver, kind):
    instagram_sandbox.control("settings", deauthorize_url=receiver.url, callback_user_id=kind)
    login = instagram_sandbox.connect_instagram()
    me = instagram_sandbox.graph("GET", "/me", login.token, INSTAGRAM_GRAPH).result
    instagram_sandbox.control("deauthorize", login=login.account_id)
    is_valid, payload = decode_request(receiver.received.get(timeout=5)[1], INSTAGRAM_SECRET)
    expected = me["id"] if kind == "app_scoped" else login.account_id
    assert (is_valid, payload["user_id"]) == (True, expected)


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, {"url": "https://example.com/s?id=1", "confirmation_code": "1"}, None),
        (200, {"url": "example.com", "confirmation_code": "1"}, "url is not an https address"),
        (200, {"url": "https://example.com/"}, "confirmation_code is not a text"),
        (200, "deleted", "the body is not a JSON object"),
        (500, {}, "the status is not 200"),
    ],
)
def test_the_answer_to_a_data_deletion_is_checked(
    instagram_sandbox, receiver, status, body, problem
):
    instagram_sandbox.control("settings", data_deletion_url=receiver.url)
    receiver.answers.append((status, json.dumps(body)))
    login = instagram_sandbox.connect_facebook()
    answer = instagram_sandbox.control("data-deletion", login=login.person_id)
    assert (answer["status"], answer["problem"]) == (status, problem)


@pytest.mark.parametrize(
    "forgery", ["wrong_secret", "altered", "wrong_algorithm", "malformed", "empty"]
)
def test_forged_callbacks_remove_nothing(instagram_sandbox, receiver, forgery):
    instagram_sandbox.control("settings", deauthorize_url=receiver.url)
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.control("deauthorize", login=login.person_id, forgery=forgery)
    body = receiver.received.get(timeout=5)[1]
    if forgery in {"wrong_secret", "altered"}:
        assert not decode_request(body, FACEBOOK_SECRET)[0]
    assert instagram_sandbox.graph("GET", "/me", login.token).status == 200
