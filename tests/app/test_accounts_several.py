"""Connecting a login that opens several accounts, over HTTP, with the Instagram sandbox."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.platforms.instagram_login_client import REDIRECT_URI, run_login_sandbox
from tests.support.instagram_accounts import (
    ADA,
    BAKERY,
    BAKERY_PAGE,
    GRACE,
    STUDIO,
    instagram_environ,
)

START_ROUTE, CALLBACK_ROUTE = "/api/auth/instagram", "/api/auth/instagram/callback"
ACCOUNTS_ROUTE = "/api/platforms/instagram/accounts"
SELECT_ROUTE = "/api/platforms/instagram/select"
STATUS_ROUTE = "/api/platforms/instagram/status"
PAGE_ROUTE = "/platforms/connect/instagram"
CHOOSER_ROUTE, LIST_ROUTE = "/platforms/instagram/choose", "/platforms"
CHECK_ROUTE = "/api/instagram/test-auth"


@pytest.fixture
def login_sandbox():
    with run_login_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def app(app_factory, login_sandbox):
    return app_factory.create_app(**instagram_environ(login_sandbox.raw.url))


@pytest.fixture
def connect(login_sandbox):
    """Sends a browser through the sandbox's consent page; returns the answer to the callback."""

    def run(browser, who, *, next_path=None, **choice):
        start = browser.get(START_ROUTE, query_string={"next": next_path} if next_path else {})
        assert start.status_code == 302
        callback = login_sandbox.raw.control(
            "instagram/consent", url=start.location, login=who, **choice
        )
        url = urlsplit(callback["redirect"])
        assert f"{url.scheme}://{url.netloc}{url.path}" == REDIRECT_URI
        return browser.get(f"{CALLBACK_ROUTE}?{url.query}")

    return run


def account_ids(browser):
    return {item["igBusinessId"]: item["id"] for item in browser.get(ACCOUNTS_ROUTE).json["data"]}


def test_the_state_cookie_has_the_name_of_the_platform(signed_in_client):
    response = signed_in_client.get(START_ROUTE)
    cookies = response.headers.getlist("Set-Cookie")
    assert any(cookie.startswith("instagram_oauth_state=") for cookie in cookies)
    assert "/dialog/oauth?" in response.location


def test_one_account_is_connected_and_described_in_both_vocabularies(signed_in_client, connect):
    response = connect(signed_in_client, ADA, pages=[BAKERY_PAGE], accounts=[BAKERY])
    query = parse_qs(urlsplit(response.location).query)
    assert (urlsplit(response.location).path, query["success"]) == (PAGE_ROUTE, ["true"])
    status = signed_in_client.get(STATUS_ROUTE).json
    assert (status["connected"], status["needsReconnect"]) == (True, False)
    assert (status["username"], status["igBusinessId"]) == ("ada.bakes", BAKERY)
    assert (status["pageId"], status["pageName"]) == (BAKERY_PAGE, "Ada's bakery")
    assert "instagram_content_publish" in status["scope"]
    assert status["missingPermissions"] == []
    assert status["tokenExpiresAt"].endswith("Z")
    (account,) = signed_in_client.get(ACCOUNTS_ROUTE).json["data"]
    assert account["externalId"] == account["igBusinessId"] == BAKERY
    assert (account["accessLevel"], account["selected"]) == ("FULL", True)
    assert (account["state"], account["needsReconnect"]) == ("ACTIVE", False)
    assert account["webhooks"]["subscribedAt"]
    assert account["webhooks"]["error"] is None


def test_several_accounts_are_chosen_before_going_on(signed_in_client, connect):
    response = connect(signed_in_client, ADA, next_path="/upload")
    assert urlsplit(response.location).path == CHOOSER_ROUTE
    (login,) = signed_in_client.get(STATUS_ROUTE).json["accounts"]
    assert login["needsChoice"] is True
    page = signed_in_client.get(response.location)
    assert page.status_code == 200
    assert "Which accounts do you want to post to?" in page.text
    ids = account_ids(signed_in_client)
    chosen = signed_in_client.post(SELECT_ROUTE, json={"accountIds": [ids[STUDIO]]})
    assert chosen.status_code == 200
    selected = {item["igBusinessId"]: item["selected"] for item in chosen.json["data"]}
    assert selected == {BAKERY: False, STUDIO: True}
    again = connect(signed_in_client, ADA, next_path="/upload")
    assert urlsplit(again.location).path == "/upload"


def test_accounts_are_chosen_on_the_page_without_a_script(signed_in_client, connect):
    connect(signed_in_client, ADA)
    ids = account_ids(signed_in_client)
    response = signed_in_client.post(PAGE_ROUTE, data={"account": [ids[BAKERY], ids[STUDIO]]})
    assert urlsplit(response.location).path == LIST_ROUTE
    assert signed_in_client.get(LIST_ROUTE).text.count("Posted to") == 2
    assert signed_in_client.get(CHOOSER_ROUTE).text.count(" checked>") == 2


def test_an_account_that_cannot_be_used_is_listed_with_its_reason(signed_in_client, connect):
    connect(signed_in_client, GRACE)
    (account,) = signed_in_client.get(ACCOUNTS_ROUTE).json["data"]
    assert (account["state"], account["cause"]) == ("BLOCKED", "page_task_missing")
    for route in (CHOOSER_ROUTE, LIST_ROUTE):
        assert account["userMessage"] in signed_in_client.get(route).text.replace("&#39;", "'")
    refused = signed_in_client.post(SELECT_ROUTE, json={"accountIds": [account["id"]]})
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"accountIds": ["1"]}, 400),
        ({"accountIds": [True]}, 400),
        ({"accountIds": [2**63]}, 400),
        ({"accountIds": [0]}, 400),
        ({"accountIds": list(range(1, 300))}, 400),
        ({"accountIds": [999]}, 404),
    ],
)
def test_a_choice_of_something_else_is_refused(signed_in_client, connect, body, status):
    connect(signed_in_client, ADA)
    assert signed_in_client.post(SELECT_ROUTE, json=body).status_code == status


def test_accounts_of_other_users_are_neither_listed_nor_chosen(sign_in, make_user, connect):
    alice, bob = sign_in(make_user("a@example.org")), sign_in(make_user("b@example.org"))
    connect(alice, ADA)
    assert bob.get(ACCOUNTS_ROUTE).json["data"] == []
    stolen = bob.post(SELECT_ROUTE, json={"accountIds": list(account_ids(alice).values())})
    assert stolen.status_code == 404
    assert not any(item["selected"] for item in alice.get(ACCOUNTS_ROUTE).json["data"])


def test_a_platform_whose_logins_are_posted_to_has_nothing_to_choose(signed_in_client):
    assert signed_in_client.get("/api/platforms/tiktok/accounts").json["data"] == []
    refused = signed_in_client.post("/api/platforms/tiktok/select", json={"accountIds": [1]})
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({"decision": "deny"}, "access_denied"),
        ({"scopes": ["public_profile", "pages_show_list"]}, "invalid_scope"),
        ({"pages": [], "accounts": []}, "no_business_account"),
    ],
)
def test_a_refused_connection_is_explained(signed_in_client, connect, choice, code):
    response = connect(signed_in_client, ADA, **choice)
    assert parse_qs(urlsplit(response.location).query)["error"] == [code]
    assert signed_in_client.get(STATUS_ROUTE).json == {
        "success": True,
        "connected": False,
        "accounts": [],
        "missingPermissions": [],
        "needsReconnect": False,
    }


def test_a_refused_subscription_has_a_code_in_the_api_and_a_sentence_on_the_page(
    signed_in_client, connect, login_sandbox
):
    login_sandbox.inject_fault("subscribed_apps_ig", "graph_error", times=1, fields={"code": 200})
    connect(signed_in_client, ADA, pages=[BAKERY_PAGE], accounts=[BAKERY])
    (account,) = signed_in_client.get(ACCOUNTS_ROUTE).json["data"]
    assert account["webhooks"]["subscribedAt"] is None
    assert account["webhooks"]["error"]
    assert "Events of this account are not received." in signed_in_client.get(LIST_ROUTE).text
    check = signed_in_client.get("/api/instagram/test-auth").json
    assert any("subscription was refused" in sentence for sentence in check["recommendations"])


def test_the_check_of_a_connection_shows_what_is_set_and_no_value(
    signed_in_client, connect, login_sandbox
):
    before = signed_in_client.get("/api/instagram/test-auth")
    assert before.json["configured"] is True
    assert before.json["settings"]["FACEBOOK_APP_SECRET"] is True
    assert before.json["settings"]["INSTAGRAM_WEBHOOK_SECRET"] is False
    assert before.json["recommendations"] == ["Connect an account: GET /api/auth/instagram."]
    assert "facebooksecret" not in before.text
    connect(signed_in_client, ADA, pages=[BAKERY_PAGE], accounts=[BAKERY])
    after = signed_in_client.get("/api/instagram/test-auth")
    assert after.json["connected"] is True
    assert after.json["recommendations"] == []
    assert "EAA" not in after.text


def test_the_check_of_a_platform_that_is_off_names_what_is_missing(app_factory, make_user):
    alice = make_user()
    browser = app_factory.create_app().test_client()
    browser.post("/api/auth/login", json={"email": alice.email, "password": alice.password})
    check = browser.get("/api/instagram/test-auth").json
    assert check["configured"] is False
    assert "FACEBOOK_APP_ID" in check["recommendations"][0]


@pytest.fixture
def admin_browser(app, make_user):
    admin = make_user("admin@example.org", is_admin=True)
    browser = app.test_client()
    browser.post("/api/auth/login", json={"email": admin.email, "password": admin.password})
    return browser


def test_an_administrator_sees_what_the_platform_says_of_their_logins(
    admin_browser, connect, login_sandbox
):
    connect(admin_browser, ADA, pages=[BAKERY_PAGE], accounts=[BAKERY])
    response = admin_browser.get(CHECK_ROUTE)
    (probe,) = response.json["probes"]
    assert (probe["token"]["ok"], probe["token"]["code"]) == (True, None)
    assert probe["token"]["expiresAt"]
    assert probe["permissions"]["ok"]
    assert "instagram_basic" in probe["permissions"]["granted"]
    (subscription,) = probe["subscriptions"]
    assert subscription["ok"]
    assert {"comments", "mentions"} <= set(subscription["fields"])
    assert "EAA" not in response.text
    login_sandbox.kill_tokens(ADA, subcode=460)
    (probe,) = admin_browser.get(CHECK_ROUTE).json["probes"]
    assert probe["token"]["ok"] is False
    assert probe["permissions"]["code"] == "password_changed"


def test_a_subscription_that_is_gone_and_a_silent_platform_are_seen_at_once(
    admin_browser, connect, login_sandbox
):
    connect(admin_browser, ADA, pages=[BAKERY_PAGE], accounts=[BAKERY])
    login_sandbox.state.accounts[BAKERY].subscribed_fields.clear()
    login_sandbox.inject_fault("me", "http_500", times=20)
    (probe,) = admin_browser.get(CHECK_ROUTE).json["probes"]
    assert probe["token"]["ok"] is True
    assert probe["permissions"]["ok"] is False
    assert probe["permissions"]["code"]
    assert probe["subscriptions"][0]["ok"] is False


def test_no_call_is_made_for_anybody_else(signed_in_client, connect, login_sandbox):
    connect(signed_in_client, ADA, pages=[BAKERY_PAGE], accounts=[BAKERY])
    calls = len(login_sandbox.raw.control("log")["log"])
    assert "probes" not in signed_in_client.get(CHECK_ROUTE).json
    assert len(login_sandbox.raw.control("log")["log"]) == calls > 0


def test_no_token_reaches_a_log_or_an_answer(signed_in_client, connect, capfd, caplog):
    connect(signed_in_client, ADA)
    ids = account_ids(signed_in_client)
    responses = [
        signed_in_client.post(SELECT_ROUTE, json={"accountIds": [ids[BAKERY]]}),
        signed_in_client.get(STATUS_ROUTE),
        signed_in_client.get("/api/platforms"),
        signed_in_client.get(PAGE_ROUTE),
        signed_in_client.post("/api/instagram/disconnect", json={}),
    ]
    output = "".join([*capfd.readouterr(), caplog.text, *(item.text for item in responses)])
    assert "ada.bakes" in output
    assert "EAA" not in output
    assert "facebooksecret" not in output


def test_a_disconnect_ends_everything_at_the_platform(signed_in_client, connect, login_sandbox):
    connect(signed_in_client, ADA, pages=[BAKERY_PAGE], accounts=[BAKERY])
    response = signed_in_client.post("/api/auth/instagram/disconnect", json={})
    assert (response.status_code, response.json["revoked"]) == (200, True)
    assert login_sandbox.state.accounts[BAKERY].subscribed_fields.get("facebook", ()) == ()
    assert signed_in_client.get(ACCOUNTS_ROUTE).json["data"] == []
    assert signed_in_client.post("/api/instagram/disconnect", json={}).status_code == 404
