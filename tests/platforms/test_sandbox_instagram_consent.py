"""The consent pages of both logins: invalid requests, what can be unticked, the callback."""

import pytest

from tests.platforms.raw_instagram_client import (
    FACEBOOK_SCOPES,
    INSTAGRAM_SCOPES,
    read_callback,
)
from tests.platforms.sandbox_client import REDIRECT_URI, fetch_page

SYSTEM_USER_CONFIGURATION = "1000000000000002"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", "1"),
        ("redirect_uri", REDIRECT_URI + "/"),
        ("redirect_uri", "https://example.com/callback"),
        ("response_type", "token"),
        ("response_type", None),
        ("scope", "business_basic"),
        ("scope", "instagram_business_basic,instagram_basic"),
        ("scope", "instagram_business_content_publish"),
        ("scope", None),
        ("force_authentication", "1"),
        ("enable_fb_login (not a flag)", None),
        ("config_id", "1"),
    ],
)
def test_instagram_explains_an_invalid_request_on_a_page(instagram_sandbox, name, value):
    changes = {name: value} if "flag" not in name else {"enable_fb_login": "no"}
    status, headers, page = fetch_page(instagram_sandbox.authorize_url(**changes))
    assert (status, headers["Location"]) == (400, None)
    assert page.count("<code>") == 1
    assert f"<code>{name}</code>" in page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", "1"),
        ("redirect_uri", REDIRECT_URI + "?a=b"),
        ("response_type", "token"),
        ("scope", "instagram_business_basic"),
        ("config_id", "17"),
        ("force_reauth", "true"),
    ],
)
def test_facebook_explains_an_invalid_request_on_a_page(instagram_sandbox, name, value):
    status, headers, page = fetch_page(instagram_sandbox.dialog_url(**{name: value}))
    assert (status, headers["Location"]) == (400, None)
    assert f"<code>{name}</code>" in page


def test_unknown_parameters_are_accepted_by_a_tolerant_sandbox(instagram_sandbox):
    instagram_sandbox.control("settings", strict_params=False)
    assert fetch_page(instagram_sandbox.authorize_url(force_authentication="1"))[0] == 200


def test_the_flags_of_instagrams_page_are_accepted(instagram_sandbox):
    url = instagram_sandbox.authorize_url(enable_fb_login="false", force_reauth="true")
    assert fetch_page(url)[0] == 200


def test_scopes_may_be_separated_by_spaces(instagram_sandbox):
    url = instagram_sandbox.authorize_url(scope=INSTAGRAM_SCOPES.replace(",", " "))
    assert fetch_page(url)[0] == 200


def test_a_dialog_of_an_ended_version_does_not_exist(instagram_sandbox):
    url = instagram_sandbox.dialog_url().replace("v26.0", "v20.0")
    assert fetch_page(url)[0] == 400
    assert fetch_page(url.replace("v20.0", "v27.0"))[0] == 200


@pytest.mark.parametrize("kind", ["dialog_url", "authorize_url"])
def test_the_pages_can_be_used_with_a_keyboard_and_a_screen_reader(instagram_sandbox, kind):
    _, _, page = fetch_page(getattr(instagram_sandbox, kind)())
    assert '<html lang="en">' in page
    assert '<label for="login">' in page
    assert page.count('type="checkbox"') == page.count("<label for=") - 1


def test_instagrams_callback_has_code_state_and_a_tail(instagram_sandbox):
    ids = instagram_sandbox.create_person()
    address = instagram_sandbox.submit_form(
        instagram_sandbox.authorize_url(),
        login=ids["account_ids"][0],
        scopes=["instagram_business_content_publish"],
    )
    params, fragment = read_callback(address)
    assert set(params) == {"code", "state"}
    assert (params["state"], fragment) == ("abc", "_")


def test_facebooks_callback_has_code_state_and_a_tail(instagram_sandbox):
    ids = instagram_sandbox.create_person()
    address = instagram_sandbox.submit_form(instagram_sandbox.dialog_url(), login=ids["person_id"])
    assert read_callback(address)[1] == "_=_"


def test_denying_at_instagram_gives_the_documented_parameters(instagram_sandbox):
    url = instagram_sandbox.authorize_url()
    params, fragment = read_callback(instagram_sandbox.submit_form(url, decision="deny"))
    assert (params, fragment) == (
        {
            "error": "access_denied",
            "error_reason": "user_denied",
            "error_description": "The user denied your request",
            "state": "abc",
        },
        "_",
    )


def test_denying_at_facebook_gives_the_observed_parameters(instagram_sandbox):
    url = instagram_sandbox.dialog_url(state=None)
    params, _ = read_callback(instagram_sandbox.submit_form(url, decision="deny"))
    assert params == {
        "error": "access_denied",
        "error_code": "200",
        "error_description": "Permissions error",
        "error_reason": "user_denied",
    }


def test_consent_of_nobody_is_refused(instagram_sandbox):
    for url in (instagram_sandbox.dialog_url(), instagram_sandbox.authorize_url()):
        assert fetch_page(url, b"decision=allow&login=17")[0] == 400


def test_basic_access_cannot_be_unticked_at_instagram(instagram_sandbox):
    ids = instagram_sandbox.create_person()
    address = instagram_sandbox.submit_form(
        instagram_sandbox.authorize_url(), login=ids["account_ids"][0]
    )
    answer = instagram_sandbox.exchange_instagram(read_callback(address)[0]["code"]).json
    assert answer["permissions"] == ["instagram_business_basic"]


def test_pages_accounts_and_permissions_can_be_unticked_at_facebook(instagram_sandbox):
    ids = instagram_sandbox.create_person(pages=[{"account": {}}, {"account": {}}])
    other = instagram_sandbox.create_person()
    address = instagram_sandbox.submit_form(
        instagram_sandbox.dialog_url(),
        login=ids["person_id"],
        pages=[ids["page_ids"][1], *other["page_ids"]],
        accounts=[ids["account_ids"][1], *other["account_ids"]],
        scopes=["pages_show_list", "instagram_basic", "email"],
    )
    code = read_callback(address)[0]["code"]
    token = instagram_sandbox.exchange_facebook(code).result["access_token"]
    permissions = instagram_sandbox.graph("GET", "/me/permissions", token).result["data"]
    granted = {each["permission"] for each in permissions if each["status"] == "granted"}
    declined = {each["permission"] for each in permissions if each["status"] == "declined"}
    assert granted == {"public_profile", "pages_show_list", "instagram_basic"}
    assert granted | declined == {"public_profile", *FACEBOOK_SCOPES.split(",")}
    scopes = instagram_sandbox.debug_token(token)["granular_scopes"]
    assert {"scope": "pages_show_list", "target_ids": [ids["page_ids"][1]]} in scopes
    assert {"scope": "instagram_basic", "target_ids": [ids["account_ids"][1]]} in scopes


def test_a_configuration_decides_the_permissions(instagram_sandbox):
    configuration = instagram_sandbox.control("configurations", scopes=["instagram_basic"])
    url = instagram_sandbox.dialog_url(config_id=configuration["id"], scope="pages_show_list")
    ids = instagram_sandbox.create_person()
    code = instagram_sandbox.consent(url, ids["person_id"])["code"]
    token = instagram_sandbox.exchange_facebook(code).result["access_token"]
    assert instagram_sandbox.debug_token(token)["scopes"] == ["public_profile", "instagram_basic"]


def test_a_configuration_for_system_users_gives_a_token_without_an_end(instagram_sandbox):
    ids = instagram_sandbox.create_person(pages=[{"account": {}, "business": True}])
    url = instagram_sandbox.dialog_url(config_id=SYSTEM_USER_CONFIGURATION, scope=None)
    code = instagram_sandbox.consent(url, ids["person_id"])["code"]
    answer = instagram_sandbox.exchange_facebook(code).result
    assert set(answer) == {"access_token", "token_type"}
    token = answer["access_token"]
    data = instagram_sandbox.debug_token(token)
    assert (data["type"], data["expires_at"], data["is_valid"]) == ("SYSTEM_USER", 0, True)
    me = instagram_sandbox.graph("GET", "/me", token, fields="id,client_business_id").result
    assert me["client_business_id"] == ids["business_ids"][0]
    assert me["id"] != ids["person_id"]
    pages = instagram_sandbox.graph("GET", "/me/accounts", token).result["data"]
    assert [page["id"] for page in pages] == ids["page_ids"]
    assert instagram_sandbox.extend_facebook(token).error == (400, 100, None)
