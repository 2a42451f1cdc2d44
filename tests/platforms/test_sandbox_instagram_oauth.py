"""The sandbox's tokens of both logins: exchanges, lifetimes, refreshes, deaths."""

import json
from urllib.parse import urlencode

import pytest

from tests.platforms.raw_instagram_client import (
    FACEBOOK_APP,
    FACEBOOK_SECRET,
    INSTAGRAM_APP,
    INSTAGRAM_GRAPH,
    read_callback,
)
from tests.platforms.raw_sandbox_client import FORM_HEADERS, JSON_HEADERS, wait_for

DAY, HOUR = 86_400, 3_600


@pytest.fixture
def facebook_code(instagram_sandbox):
    def make_code():
        ids = instagram_sandbox.create_person()
        return instagram_sandbox.consent(instagram_sandbox.dialog_url(), ids["person_id"])["code"]

    return make_code


@pytest.fixture
def instagram_code(instagram_sandbox):
    def make_code():
        ids = instagram_sandbox.create_person()
        url = instagram_sandbox.authorize_url()
        return instagram_sandbox.consent(url, ids["account_ids"][0])["code"]

    return make_code


def test_facebook_gives_a_short_token_and_then_a_long_one(instagram_sandbox, facebook_code):
    short = instagram_sandbox.exchange_facebook(facebook_code()).result
    assert short["token_type"] == "bearer"
    assert HOUR - 5 <= short["expires_in"] <= 2 * HOUR
    long = instagram_sandbox.extend_facebook(short["access_token"]).result
    assert long["expires_in"] == 5_183_944
    assert long["access_token"] != short["access_token"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "1"}, (400, 101, None)),
        ({"client_secret": "wrong"}, (400, 1, None)),
        ({"redirect_uri": "http://127.0.0.1:9/callback/"}, (400, 100, 36008)),
        ({"code": "AQnothing"}, (400, 100, None)),
    ],
)
def test_facebook_refuses_a_wrong_exchange(instagram_sandbox, facebook_code, changes, error):
    code = facebook_code()
    assert instagram_sandbox.exchange_facebook(code, **changes).error == error
    assert instagram_sandbox.exchange_facebook(code).status == 200


def test_facebooks_code_works_once(instagram_sandbox, facebook_code):
    code = facebook_code()
    assert instagram_sandbox.exchange_facebook(code).status == 200
    assert instagram_sandbox.exchange_facebook(code).error == (400, 100, 36009)


def test_codes_expire_after_an_hour(instagram_sandbox, facebook_code, instagram_code):
    codes = facebook_code(), instagram_code()
    instagram_sandbox.advance_clock(HOUR + 1)
    assert instagram_sandbox.exchange_facebook(codes[0]).error == (400, 100, 36007)
    answer = instagram_sandbox.exchange_instagram(codes[1])
    assert answer.json["error_message"] == "Invalid authorization code"


def test_facebooks_exchange_works_by_post_as_well(instagram_sandbox, facebook_code):
    fields = f"client_id={FACEBOOK_APP}&client_secret={FACEBOOK_SECRET}"
    form = f"{fields}&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&code={facebook_code()}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = instagram_sandbox.send("POST", "/meta-graph/v26.0/oauth/access_token", form, headers)
    assert answer.json["access_token"].startswith("EAA")


def test_the_exchange_of_a_token_in_a_form_is_logged_as_such(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    form = urlencode(
        {
            "grant_type": "fb_exchange_token",
            "client_id": FACEBOOK_APP,
            "client_secret": FACEBOOK_SECRET,
            "fb_exchange_token": login.token,
        }
    )
    path = "/meta-graph/v26.0/oauth/access_token"
    answer = instagram_sandbox.send("POST", path, form, FORM_HEADERS)
    assert answer.json["expires_in"] == 5_183_944
    assert instagram_sandbox.control("/log")["log"][-1]["endpoint"] == "fb_exchange_token"


def test_an_expired_token_cannot_be_exchanged(instagram_sandbox, facebook_code):
    short = instagram_sandbox.exchange_facebook(facebook_code()).result["access_token"]
    instagram_sandbox.advance_clock(2 * HOUR)
    assert instagram_sandbox.extend_facebook(short).error == (400, 190, 463)


def test_a_pages_token_never_expires_but_ends_with_the_app(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    page_token = instagram_sandbox.page_token(login)
    instagram_sandbox.advance_clock(61 * DAY)
    assert instagram_sandbox.graph("GET", "/me", login.token).error == (400, 190, 463)
    assert instagram_sandbox.graph("GET", "/me", page_token).result["id"] == login.page_id
    assert instagram_sandbox.debug_token(page_token)["expires_at"] == 0
    instagram_sandbox.control("token-death", login=login.person_id, kind="USER", subcode=460)
    assert instagram_sandbox.graph("GET", "/me", page_token).error == (400, 190, 460)


def test_a_page_token_of_a_short_token_expires_with_it(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    pages = instagram_sandbox.graph("GET", "/me/accounts", login.short).result["data"]
    instagram_sandbox.advance_clock(2 * HOUR)
    assert instagram_sandbox.graph("GET", "/me", pages[0]["access_token"]).error[2] == 463


def test_instagrams_exchange_answers_flat_with_a_number(instagram_sandbox, instagram_code):
    answer = instagram_sandbox.exchange_instagram(instagram_code())
    assert answer.status == 200
    assert set(answer.json) == {"access_token", "user_id", "permissions"}
    assert isinstance(answer.json["user_id"], int)
    assert answer.json["user_id"] > 2**53
    assert isinstance(answer.json["permissions"], list)


def test_instagrams_exchange_answers_as_documented_on_demand(instagram_sandbox, instagram_code):
    instagram_sandbox.control(
        "settings", code_answer="data", user_id_type="string", permissions_type="text"
    )
    [answer] = instagram_sandbox.exchange_instagram(instagram_code()).json["data"]
    assert answer["user_id"].isdecimal()
    assert answer["permissions"].startswith("instagram_business_basic,")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"client_id": FACEBOOK_APP}, "Invalid platform app"),
        ({"client_secret": FACEBOOK_SECRET}, "Error validating client secret"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, "Invalid scrubbed redirect_uri"),
        ({"grant_type": None}, "Missing required field grant_type"),
        ({"code": "AQx"}, "Matching code was not found or was already used"),
    ],
)
def test_instagram_refuses_a_wrong_exchange_in_a_flat_error(
    instagram_sandbox, instagram_code, changes, message
):
    answer = instagram_sandbox.exchange_instagram(instagram_code(), **changes)
    assert (answer.status, answer.json) == (
        400,
        {"error_type": "OAuthException", "code": 400, "error_message": message},
    )


def test_the_tail_is_no_part_of_instagrams_code(instagram_sandbox, instagram_code):
    code = instagram_code()
    assert instagram_sandbox.exchange_instagram(code + "#_").status == 400
    assert instagram_sandbox.exchange_instagram(code).status == 200
    assert instagram_sandbox.exchange_instagram(code).status == 400


def test_instagrams_exchange_takes_a_form_alone(instagram_sandbox, instagram_code):
    path, code = "/instagram-api/oauth/access_token", instagram_code()
    assert instagram_sandbox.send("GET", path).status == 400
    body = json.dumps({"client_id": INSTAGRAM_APP, "code": code})
    assert instagram_sandbox.send("POST", path, body, JSON_HEADERS).status == 400
    assert instagram_sandbox.send("POST", f"{path}?client_id={INSTAGRAM_APP}", "").status == 400


def test_the_exchange_of_another_apps_code_is_refused(instagram_sandbox, facebook_code):
    assert instagram_sandbox.exchange_instagram(facebook_code()).status == 400


def test_instagrams_long_token_lives_for_60_days(instagram_sandbox):
    login = instagram_sandbox.connect_instagram()
    answer = instagram_sandbox.extend_instagram(login.short).result
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 5_183_944)
    wrong = instagram_sandbox.extend_instagram(login.short, client_secret=FACEBOOK_SECRET)
    assert wrong.error == (400, 1, None)
    assert instagram_sandbox.extend_instagram(login.token).error == (400, 100, None)
    instagram_sandbox.advance_clock(HOUR + 1)
    assert instagram_sandbox.extend_instagram(login.short).error == (400, 190, 463)


def test_a_token_is_refreshed_when_it_is_a_day_old(instagram_sandbox):
    login = instagram_sandbox.connect_instagram()
    assert instagram_sandbox.refresh_instagram(login.token).error == (400, 100, None)
    instagram_sandbox.advance_clock(DAY + 1)
    answer = instagram_sandbox.refresh_instagram(login.token).result
    assert answer["access_token"] == login.token
    assert answer["expires_in"] == 5_183_944
    assert "instagram_business_basic" in answer["permissions"]
    instagram_sandbox.advance_clock(59 * DAY)
    assert instagram_sandbox.graph("GET", "/me", login.token, INSTAGRAM_GRAPH).status == 200
    instagram_sandbox.advance_clock(2 * DAY)
    assert instagram_sandbox.refresh_instagram(login.token).error == (400, 190, 463)


def test_a_refresh_may_give_another_token(instagram_sandbox):
    login = instagram_sandbox.connect_instagram()
    instagram_sandbox.control("settings", refresh_keeps_token=False)
    instagram_sandbox.advance_clock(DAY + 1)
    new_token = instagram_sandbox.refresh_instagram(login.token).result["access_token"]
    assert new_token != login.token
    for token in (login.token, new_token):
        assert instagram_sandbox.graph("GET", "/me", token, INSTAGRAM_GRAPH).status == 200


def test_a_token_works_on_the_host_of_its_login_alone(instagram_sandbox):
    instagram = instagram_sandbox.connect_instagram()
    facebook = instagram_sandbox.connect_facebook()
    assert instagram_sandbox.graph("GET", "/me", instagram.token).error == (400, 190, None)
    answer = instagram_sandbox.graph("GET", "/me", facebook.token, INSTAGRAM_GRAPH)
    assert answer.error == (401, 190, None)
    assert "Cannot parse access token" in answer.json["error"]["message"]


@pytest.mark.parametrize("subcode", [458, 459, 460, 463, 464, 467, 492, 493])
def test_a_token_can_die_of_every_cause(instagram_sandbox, subcode):
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.control("token-death", login=login.person_id, subcode=subcode)
    answer = instagram_sandbox.graph("GET", "/me", login.token)
    assert answer.error == (400, 190, subcode)
    assert answer.json["error"]["message"].startswith("Error validating access token: ")
    data = instagram_sandbox.debug_token(login.token)
    assert (data["is_valid"], data["error"]["subcode"]) == (False, subcode)
    instagram_sandbox.control("token-death", login=login.person_id, subcode=0)
    assert instagram_sandbox.graph("GET", "/me", login.token).status == 200


def test_the_token_of_one_page_can_die_while_the_login_lives(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    page_token = instagram_sandbox.page_token(login)
    instagram_sandbox.control("token-death", login=login.person_id, page_id=login.page_id)
    assert instagram_sandbox.graph("GET", "/me", page_token).error == (400, 190, 463)
    new_token = instagram_sandbox.page_token(login)
    assert instagram_sandbox.graph("GET", "/me", new_token).status == 200


def test_a_page_that_is_unticked_later_loses_its_token_but_the_login_lives(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    page_token = instagram_sandbox.page_token(login)
    instagram_sandbox.consent(instagram_sandbox.dialog_url(), login.person_id, pages=[])
    assert instagram_sandbox.graph("GET", "/me", page_token).error == (400, 190, 492)
    assert instagram_sandbox.graph("GET", "/me", login.token).status == 200


def test_a_person_who_loses_the_role_loses_the_pages_token(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    page_token = instagram_sandbox.page_token(login)
    instagram_sandbox.control(f"pages/{login.page_id}", tasks={})
    assert instagram_sandbox.graph("GET", "/me", page_token).error == (400, 190, 492)
    assert instagram_sandbox.graph("GET", "/me/accounts", login.token).result["data"] == []


@pytest.mark.parametrize(("kind", "answer"), [("object", {"success": True}), ("true", True)])
def test_revoking_all_permissions_ends_every_token(instagram_sandbox, kind, answer):
    instagram_sandbox.control("settings", revoke_answer=kind)
    login = instagram_sandbox.connect_facebook()
    page_token = instagram_sandbox.page_token(login)
    assert instagram_sandbox.graph("DELETE", "/me/permissions", login.token).result == answer
    for token in (login.token, login.short, page_token):
        assert instagram_sandbox.graph("GET", "/me", token).error == (400, 190, 458)


def test_tokens_of_a_removed_app_stay_dead_after_new_consent(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.graph("DELETE", "/me/permissions", login.token)
    instagram_sandbox.consent(instagram_sandbox.dialog_url(), login.person_id)
    assert instagram_sandbox.graph("GET", "/me", login.token).error == (400, 190, 458)


def test_a_pages_token_cannot_revoke_the_persons_permissions(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    token = instagram_sandbox.page_token(login)
    for method in ("GET", "DELETE"):
        answer = instagram_sandbox.graph(method, "/me/permissions", token)
        assert answer.error == (400, 100, 33)


def test_one_permission_can_be_revoked(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    path = f"/{login.person_id}/permissions/instagram_basic"
    assert instagram_sandbox.graph("DELETE", path, login.token).status == 200
    permissions = instagram_sandbox.graph("GET", "/me/permissions", login.token).result["data"]
    assert {"permission": "instagram_basic", "status": "declined"} in permissions
    path = f"/{login.account_id}"
    assert instagram_sandbox.graph("GET", path, login.token).error == (400, 10, None)


def test_the_app_itself_can_revoke_permissions(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    app_token = f"{FACEBOOK_APP}|{FACEBOOK_SECRET}"
    path = f"/{login.person_id}/permissions"
    assert instagram_sandbox.graph("DELETE", path, app_token).status == 200
    assert instagram_sandbox.graph("GET", "/me", login.token).error[2] == 458


def test_the_log_names_the_endpoints_and_no_secrets(instagram_sandbox):
    instagram_sandbox.control("/log", method="DELETE")
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.connect_instagram()
    entries = instagram_sandbox.control("/log")["log"]
    assert [entry["endpoint"] for entry in entries] == [
        "fb_code_exchange",
        "fb_exchange_token",
        "ig_code_exchange",
        "ig_exchange_token",
    ]
    assert all(entry["work"] for entry in entries)
    text = json.dumps(entries)
    assert login.token not in text
    assert FACEBOOK_SECRET not in text


def test_a_fault_hits_the_named_endpoint_alone(instagram_sandbox, facebook_code):
    code = facebook_code()
    instagram_sandbox.control("/faults", endpoint="fb_exchange_token", kind="http_500")
    short = instagram_sandbox.exchange_facebook(code).result["access_token"]
    assert instagram_sandbox.extend_facebook(short).error == (500, 2, None)
    assert instagram_sandbox.extend_facebook(short).status == 200
    instagram_sandbox.control("/faults", endpoint="ig_code_exchange", kind="http_500")
    assert instagram_sandbox.exchange_instagram("x").json["error_type"] == "OAuthException"


def test_revoking_calls_the_deauthorize_callback(instagram_sandbox):
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.control("settings", deauthorize_url="http://127.0.0.1:9/deauthorize")
    instagram_sandbox.graph("DELETE", "/me/permissions", login.token)

    def list_own():
        callbacks = instagram_sandbox.control("callbacks")["callbacks"]
        return [each for each in callbacks if each["user_id"] == login.person_id]

    [callback] = wait_for(list_own)
    assert (callback["kind"], callback["status"]) == ("deauthorize", None)
    instagram_sandbox.control("settings", deauthorize_url="")


def test_consent_through_the_control_is_that_of_the_page(instagram_sandbox):
    ids = instagram_sandbox.create_person()
    answer = instagram_sandbox.consent(instagram_sandbox.dialog_url(state="s1"), ids["person_id"])
    params, fragment = read_callback(answer["redirect"])
    assert (params["code"], params["state"], fragment) == (answer["code"], "s1", "_=_")
