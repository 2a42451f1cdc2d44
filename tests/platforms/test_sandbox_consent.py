"""The sandbox's consent page: what TikTok refuses there, and what it tells the callback."""

from urllib.parse import urlencode

import pytest

from tests.platforms.raw_sandbox_client import ALL_SCOPES
from tests.platforms.sandbox_client import REDIRECT_URI, fetch_page


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_key", "sbaw_somebody_else"),
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
def test_a_wrong_request_is_explained_on_a_page_and_not_redirected(sandbox, name, value, data):
    status, headers, page = fetch_page(sandbox.authorize_url(**{name: value}), data)
    assert (status, headers["Location"]) == (400, None)
    assert f"<code>{name}</code>" in page
    assert page.count("<code>") == 1


@pytest.mark.parametrize("challenge", [None, "", "A" * 64, "a" * 63])
def test_a_desktop_app_needs_a_challenge_in_lower_case_hex(sandbox, challenge):
    sandbox.control("settings", desktop=True)
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}
    status, _, page = fetch_page(sandbox.authorize_url(**asked))
    assert (status, "code_challenge" in page) == (400, True)
    assert fetch_page(sandbox.authorize_url(**asked | {"code_challenge": "a" * 64}))[0] == 200


def test_the_page_can_be_used_without_a_mouse_or_eyes(sandbox):
    _, _, page = fetch_page(sandbox.authorize_url())
    assert '<html lang="en">' in page
    assert '<label for="creator">' in page
    assert "<legend>" in page
    assert page.count('type="checkbox"') == page.count('<label for="scope-')


def test_allowing_some_scopes_grants_those_scopes(sandbox):
    told, _ = sandbox.submit_consent(sandbox.create_creator(), scopes="video.upload")
    assert told["scopes"] == "user.info.basic,video.upload"
    assert told["state"] == "abc"


def test_the_tail_of_a_code_travels_percent_encoded(sandbox):
    told, raw = sandbox.submit_consent(sandbox.create_creator())
    assert "*" in told["code"]
    assert "!" in told["code"]
    assert "%2A" in raw
    assert "%21" in raw


def test_denying_redirects_without_a_code(sandbox):
    told, _ = sandbox.submit_consent(sandbox.create_creator(), decision="deny")
    assert (told["error"], told["state"], "code" in told) == ("access_denied", "abc", False)


def test_a_sandbox_app_is_for_its_target_users(sandbox):
    sandbox.control("settings", sandbox_app=True)
    told, _ = sandbox.submit_consent(sandbox.create_creator(target=False))
    assert (told["error"], told["error_type"]) == ("access_denied", "non_sandbox_target")
    assert "code" in sandbox.submit_consent(sandbox.create_creator())[0]


def test_a_creator_who_consented_before_is_redirected_at_once_unless_forced(sandbox):
    sandbox.control("settings", auto_consent=sandbox.create_creator())
    assert fetch_page(sandbox.authorize_url())[0] == 302
    assert fetch_page(sandbox.authorize_url(disable_auto_auth="1"))[0] == 200


def test_nobody_can_consent_for_another_creator(sandbox):
    fields = urlencode({"creator": "-000nobody", "decision": "allow", "scopes": ALL_SCOPES})
    assert fetch_page(sandbox.authorize_url(), fields.encode())[0] == 400
