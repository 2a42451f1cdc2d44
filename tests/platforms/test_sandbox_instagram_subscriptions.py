"""The sandbox's subscriptions: both edges, the app's handshake, and which events are delivered."""

import json

import pytest

from tests.platforms.raw_instagram_client import (
    ACCOUNT_FIELDS,
    FACEBOOK_APP,
    FACEBOOK_SECRET,
    INSTAGRAM_GRAPH,
    VERIFY_TOKEN,
)


@pytest.mark.parametrize(
    "subscribed",
    [{"page": False}, {"account": False}, {"page": False, "account": False}],
)
def test_facebook_login_needs_two_subscriptions(instagram_sandbox, subscribed):
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.subscribe(login, **subscribed)
    assert instagram_sandbox.send_live(login) == {"ids": []}


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
    instagram_sandbox.subscribe(login)
    if settings:
        instagram_sandbox.control("settings", **settings)
    assert len(instagram_sandbox.send_live(login, field)["ids"]) == count


def test_a_private_account_has_no_events(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.subscribe(login)
    instagram_sandbox.control(f"accounts/{login.account_id}", is_public=False)
    assert instagram_sandbox.send_live(login) == {"ids": []}


def test_the_choice_of_fields_is_not_honoured(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.subscribe(login, account=False)
    path = f"/{login.account_id}/subscribed_apps"
    instagram_sandbox.graph("POST", path, login.token, subscribed_fields="mentions")
    assert len(instagram_sandbox.send_live(login, "comments")["ids"]) == 1


def test_mentions_are_no_field_of_an_instagram_login(instagram_sandbox):
    login = instagram_sandbox.connect_instagram()
    path, host = "/me/subscribed_apps", INSTAGRAM_GRAPH
    answer = instagram_sandbox.graph("POST", path, login.token, host, subscribed_fields="mentions")
    assert answer.error == (400, 100, None)
    instagram_sandbox.graph("POST", path, login.token, host, subscribed_fields="comments")
    assert instagram_sandbox.send_live(login, "mentions") == {"ids": []}


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
    instagram_sandbox.subscribe(login)
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
    instagram_sandbox, meta_receiver
):
    def subscribe_app(token):
        body = json.dumps({"callback_url": meta_receiver.url, "verify_token": token})
        return instagram_sandbox.send("POST", "/_sandbox/instagram/subscribe-app", body)

    refused = subscribe_app("wrong")
    assert (refused.status, refused.json["code"]) == (400, 2200)
    assert instagram_sandbox.control("settings")["webhook_url"] != meta_receiver.url
    assert subscribe_app(VERIFY_TOKEN).status == 200
    assert instagram_sandbox.control("settings")["webhook_url"] == meta_receiver.url


def test_the_apps_edge_sets_the_subscription_with_the_apps_token(instagram_sandbox, meta_receiver):
    path, token = f"/{FACEBOOK_APP}/subscriptions", f"{FACEBOOK_APP}|{FACEBOOK_SECRET}"
    params = {
        "object": "instagram",
        "callback_url": meta_receiver.url,
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
