"""The sandbox's deliveries from Meta: signatures, shapes, batches, repeats and forgeries."""

import json
from pathlib import Path

import pytest

from platforms.sandbox.deliveries import DeliveryTarget
from platforms.sandbox.instagram.delivery_bodies import encode_body
from platforms.sandbox.instagram.delivery_signatures import digest_body
from tests.platforms.raw_instagram_client import (
    COMMENT,
    FACEBOOK_SECRET,
    INSTAGRAM_GRAPH,
    INSTAGRAM_SECRET,
    is_signed,
)
from tests.platforms.raw_sandbox_client import wait_for

VECTORS_FILE = Path(__file__).parents[1] / "vectors/meta_webhook.json"


def test_events_are_signed_over_their_escaped_bytes(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.subscribe(login)
    instagram_sandbox.send_live(login)
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
    instagram_sandbox.send_live(login)
    headers, body, event = instagram_sandbox.wait_for_event(login.account_id)
    assert is_signed(headers, body, INSTAGRAM_SECRET)
    assert not is_signed(headers, body, FACEBOOK_SECRET)
    assert event["entry"][0]["id"] == login.account_id


def test_our_bytes_and_signature_are_those_of_the_reference_vector():
    vector = json.loads(VECTORS_FILE.read_text())["vectors"][0]
    body = encode_body(json.loads(vector["raw_body"]))
    assert body.decode() == vector["raw_body"]
    assert f"sha256={digest_body(vector['secret'], body)}" == vector["header"]


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


def test_events_of_a_while_are_delivered_together(instagram_sandbox):
    logins = [instagram_sandbox.connect_facebook() for _ in range(2)]
    for login in logins:
        instagram_sandbox.subscribe(login)
    instagram_sandbox.control("settings", batch_seconds=60.0)
    for login in (*logins, logins[0]):
        assert instagram_sandbox.send_live(login) == {"ids": []}
    instagram_sandbox.advance_clock(60)
    _, _, event = instagram_sandbox.wait_for_event(logins[0].account_id)
    assert [entry["id"] for entry in event["entry"]] == [
        logins[0].account_id,
        logins[1].account_id,
        logins[0].account_id,
    ]


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


def test_a_repeated_delivery_has_a_new_time_and_a_new_signature(instagram_sandbox, meta_receiver):
    meta_receiver.answers += [(500, ""), (503, "")]
    instagram_sandbox.control("settings", webhook_url=meta_receiver.url, redelivery_seconds=3_600.0)
    change = {"account_id": "repeated", "field": "comments", "value": COMMENT}
    [delivery_id] = instagram_sandbox.control("test-event", changes=[change])["ids"]
    received = [meta_receiver.received.get(timeout=30) for _ in range(2)]

    def has_third_an_hour_later():
        instagram_sandbox.advance_clock(3_600)
        return not meta_receiver.received.empty()

    wait_for(has_third_an_hour_later)
    received.append(meta_receiver.received.get())
    times = [json.loads(body)["entry"][0]["time"] for _, body in received]
    assert times[2] >= times[0] + 3_600
    assert all(is_signed(headers, body, FACEBOOK_SECRET) for headers, body in received)
    wait_for(lambda: find_delivery(instagram_sandbox, delivery_id)["state"] == "delivered")


def test_a_delivery_is_given_up_after_36_hours(instagram_sandbox, meta_receiver):
    meta_receiver.answers += [(500, "")] * 500
    instagram_sandbox.control("settings", webhook_url=meta_receiver.url, redelivery_seconds=3_600.0)
    change = {"account_id": "given_up", "field": "comments", "value": COMMENT}
    [delivery_id] = instagram_sandbox.control("test-event", changes=[change])["ids"]

    def is_given_up_an_hour_later():
        instagram_sandbox.advance_clock(3_600)
        return find_delivery(instagram_sandbox, delivery_id)["state"] == "given_up"

    wait_for(is_given_up_an_hour_later, 20)
    assert len(find_delivery(instagram_sandbox, delivery_id)["attempts"]) > 2


def test_a_failed_batch_can_be_repeated_in_other_batches(instagram_sandbox, meta_receiver):
    meta_receiver.answers += [(500, "")]
    instagram_sandbox.control("settings", webhook_url=meta_receiver.url)
    changes = make_changes(7, "split")
    instagram_sandbox.control("test-event", changes=changes, is_split_on_retry=True)
    sizes = []
    for _ in range(3):
        event = json.loads(meta_receiver.received.get(timeout=30)[1])
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
