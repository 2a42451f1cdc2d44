"""The sandbox's consent page: invalid requests, and the parameters of the callback."""

from urllib.parse import urlencode

import pytest

from tests.platforms.raw_sandbox_client import ALL_SCOPES
from tests.platforms.sandbox_client import REDIRECT_URI, fetch_page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_key", "sbaw_other_app"),
        ("redirect_uri", REDIRECT_URI + "/"),
        ("redirect_uri", "https://example.com/callback"),
        ("response_type", "token"),
        ("scope", "user.info.basic video.list"),
        ("scope", "user.info.basic,video.delete"),
        ("scope", None),
        ("state", None),
    ],
)
@pytest.mark.parametrize("data", [None, b"decision=allow"])
def test_an_invalid_request_is_explained_on_a_page_and_not_redirected(sandbox, name, value, data):
    status, headers, page = fetch_page(sandbox.authorize_url(**{name: value}), data)
    assert (status, headers["Location"]) == (400, None)
    assert f"<code>{name}</code>" in page
    assert page.count("<code>") == 1


@pytest.mark.parametrize("challenge", [None, "", "A" * 64, "a" * 63])
def test_a_desktop_app_needs_a_challenge_in_lower_case_hex(sandbox, challenge):
    sandbox.control("settings", desktop=True)
    params = {"code_challenge": challenge, "code_challenge_method": "S256"}
    status, _, page = fetch_page(sandbox.authorize_url(**params))
    assert (status, "code_challenge" in page) == (400, True)
    params["code_challenge"] = "a" * 64
    assert fetch_page(sandbox.authorize_url(**params))[0] == 200


def test_the_page_can_be_used_with_a_keyboard_and_a_screen_reader(sandbox):
    _, _, page = fetch_page(sandbox.authorize_url())
    assert '<html lang="en">' in page
    assert '<label for="creator">' in page
    assert "<legend>" in page
    assert page.count('type="checkbox"') == page.count('<label for="scope-')


def test_allowing_some_scopes_grants_those_scopes(sandbox):
    callback, _ = sandbox.submit_consent(sandbox.create_creator(), scopes="video.upload")
    assert callback["scopes"] == "user.info.basic,video.upload"
    assert callback["state"] == "abc"


def test_the_end_of_a_code_is_percent_encoded_in_the_redirect(sandbox):
    callback, raw_query = sandbox.submit_consent(sandbox.create_creator())
    assert "*" in callback["code"]
    assert "!" in callback["code"]
    assert "%2A" in raw_query
    assert "%21" in raw_query


def test_denying_redirects_without_a_code(sandbox):
    callback, _ = sandbox.submit_consent(sandbox.create_creator(), decision="deny")
    assert (callback["error"], callback["state"], "code" in callback) == (
        "access_denied",
        "abc",
        False,
    )


def test_a_sandbox_app_is_for_its_target_users(sandbox):
    sandbox.control("settings", sandbox_app=True)
    callback, _ = sandbox.submit_consent(sandbox.create_creator(target=False))
    assert (callback["error"], callback["error_type"]) == ("access_denied", "non_sandbox_target")
    assert "code" in sandbox.submit_consent(sandbox.create_creator())[0]


def test_a_creator_who_consented_before_is_redirected_at_once_unless_forced(sandbox):
    sandbox.control("settings", auto_consent=sandbox.create_creator())
    assert fetch_page(sandbox.authorize_url())[0] == 302
    assert fetch_page(sandbox.authorize_url(disable_auto_auth="1"))[0] == 200


def test_consent_for_an_unknown_creator_is_refused(sandbox):
    fields = urlencode({"creator": "-000nobody", "decision": "allow", "scopes": ALL_SCOPES})
    assert fetch_page(sandbox.authorize_url(), fields.encode())[0] == 400
