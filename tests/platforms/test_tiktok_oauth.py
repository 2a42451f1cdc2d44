"""The adapter's OAuth calls: requests as sent, responses as parsed."""

from urllib.parse import parse_qsl

import pytest

from platforms.errors import Revoked
from platforms.logins import LoginGrant
from platforms.secret import Secret
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.tiktok_responses import flat_response, last_request, ok_response

TOKEN = Secret("act.canary")

GRANT = {
    "access_token": "act.new",
    "expires_in": 7200,
    "open_id": "o",
    "refresh_expires_in": 15_552_000,
    "refresh_token": "rft.new",
    "scope": "user.info.basic",
}


def test_a_code_is_exchanged_in_a_form_and_keeps_its_special_characters(server, tiktok):
    set_responses(server, flat_response(**GRANT))
    tiktok.flow.exchange_code("abc*v!5236.s1", code_verifier="v" * 43)
    path, headers, body = last_request(server)
    assert path == "/v2/oauth/token/"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(body.decode())) == {
        "client_key": "sbaw_demo",
        "client_secret": "secret&canary",
        "grant_type": "authorization_code",
        "code": "abc*v!5236.s1",
        "redirect_uri": "https://example.com/callback",
        "code_verifier": "v" * 43,
    }


def test_a_refresh_returns_two_new_tokens(server, tiktok):
    set_responses(server, flat_response(**GRANT))
    grant = tiktok.flow.renew(access_token=TOKEN, refresh_token=Secret("rft.old"))
    assert (grant.access_token, grant.refresh_token) == (Secret("act.new"), Secret("rft.new"))
    assert dict(parse_qsl(last_request(server)[2].decode()))["refresh_token"] == "rft.old"


def test_an_ended_grant_is_recognised_with_status_200_too(server, tiktok):
    set_responses(
        server, flat_response(error="invalid_grant", error_description="Refresh token is invalid")
    )
    with pytest.raises(Revoked):
        tiktok.flow.renew(access_token=TOKEN, refresh_token=Secret("rft.old"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refresh_is_repeated_after_an_error_status(server, tiktok, status):
    set_responses(server, http_response(status, b""), flat_response(**GRANT))
    assert tiktok.flow.renew(access_token=TOKEN, refresh_token=Secret("rft.old")).login_id == "o"


def test_a_revocation_sends_the_secret_and_accepts_an_empty_answer(server, tiktok):
    set_responses(server, http_response(200, b""))
    tiktok.flow.revoke(TOKEN)
    path, _, body = last_request(server)
    assert path == "/v2/oauth/revoke/"
    assert dict(parse_qsl(body.decode())) == {
        "client_key": "sbaw_demo",
        "client_secret": "secret&canary",
        "token": "act.canary",
    }


def test_a_profile_requests_only_what_the_basic_scope_covers(server, tiktok):
    set_responses(
        server,
        ok_response(user={"open_id": "o", "display_name": "Ada", "avatar_url": "https://a/b"}),
    )
    profile = tiktok.flow.identify(LoginGrant(TOKEN, None, scopes=("user.info.basic",)))
    path, headers, _ = last_request(server)
    assert path == "/v2/user/info/?fields=open_id%2Cunion_id%2Cavatar_url%2Cdisplay_name"
    assert headers["authorization"] == "Bearer act.canary"
    assert (profile.login_id, profile.display_name) == ("o", "Ada")
