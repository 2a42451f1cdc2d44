"""The URL of TikTok's consent page, and the parsing of token responses."""

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from platforms.base import ASSUMED_LIFETIME, PlatformApp
from platforms.errors import Rejected, Unavailable, UnreadableResponse
from platforms.http import HttpClient
from platforms.logins import LoginGrant
from platforms.secret import Secret
from platforms.tiktok.login import TikTokLogin, code_challenge, parse_grant

VECTOR_FILE = json.loads((Path(__file__).parents[1] / "vectors/tiktok_pkce.json").read_text())
VALID_VECTORS = [
    vector
    for vector in VECTOR_FILE["vectors"]
    if vector["expected"] == "valid" and vector["code_challenge"]
]
TOKEN_RESPONSE = {
    "access_token": "act.canary",
    "expires_in": 7200,
    "open_id": "afd97af1",
    "refresh_expires_in": 15_552_000,
    "refresh_token": "rft.canary",
    "scope": "user.info.basic,video.list",
    "token_type": "Bearer",
}
TIKTOK_APP = PlatformApp(
    client_key="sbaw_demo",
    client_secret=Secret("canary"),
    redirect_uri="https://example.com/callback",
    scopes=("user.info.basic", "video.upload"),
    webhook_secrets=(),
    base_urls={"auth": "https://www.tiktok.com/", "api": "https://open.tiktokapis.com"},
)


def authorize_query(**options):
    url = TikTokLogin(TIKTOK_APP, HttpClient()).authorize_url(state="5" * 64, **options)
    assert url.startswith("https://www.tiktok.com/v2/auth/authorize/?")
    return dict(parse_qsl(urlsplit(url).query))


def test_the_consent_url_has_exactly_the_documented_parameters():
    assert authorize_query() == {
        "client_key": "sbaw_demo",
        "scope": "user.info.basic,video.upload",
        "response_type": "code",
        "redirect_uri": "https://example.com/callback",
        "state": "5" * 64,
    }


def test_other_scopes_can_be_requested():
    assert authorize_query(scopes=iter(["a", "b"]))["scope"] == "a,b"


def test_forced_consent_disables_the_automatic_redirect():
    assert authorize_query(force_consent=True)["disable_auto_auth"] == "1"


def test_the_url_has_the_challenge_and_not_the_verifier():
    url = TikTokLogin(TIKTOK_APP, HttpClient()).authorize_url(state="s", code_verifier="v" * 43)
    assert parse_qs(urlsplit(url).query)["code_challenge_method"] == ["S256"]
    assert "v" * 43 not in url


@pytest.mark.parametrize("vector", VALID_VECTORS, ids=lambda vector: vector["id"])
def test_the_challenge_is_that_of_the_vector(vector):
    expected = vector["code_challenge"]
    assert vector["app_type"] == "web" or code_challenge(vector["code_verifier"]) == expected


def test_a_grant_has_the_values_of_the_response():
    grant = parse_grant(TOKEN_RESPONSE)
    assert grant.login_id == "afd97af1"
    assert grant.access_token == Secret("act.canary")
    assert grant.refresh_token == Secret("rft.canary")
    assert (grant.lifetime, grant.refresh_lifetime) == (timedelta(hours=2), timedelta(days=180))
    assert grant.scopes == ("user.info.basic", "video.list")


def test_a_grant_does_not_show_its_tokens():
    assert "canary" not in repr(parse_grant(TOKEN_RESPONSE))


def test_a_lifetime_comes_in_every_shape_and_is_not_assumed():
    for day in ("86400", 86_400.0, "86400.0", [86_400]):
        grant = parse_grant({**TOKEN_RESPONSE, "expires_in": day})
        assert (grant.lifetime, grant.is_lifetime_assumed) == (timedelta(days=1), False)


@pytest.mark.parametrize("scope", ["a, b", "a,b,", "a b", ["a", "b"], '["a", "b"]'])
def test_scopes_are_parsed_leniently(scope):
    assert parse_grant({**TOKEN_RESPONSE, "scope": scope}).scopes == ("a", "b")


@pytest.mark.parametrize("scope", [None, "", [], {}, 5])
def test_scopes_may_not_be_said(scope):
    assert parse_grant({**TOKEN_RESPONSE, "scope": scope}).scopes is None


def test_a_grant_without_refresh_token_has_no_such_lifetime():
    grant = parse_grant({**TOKEN_RESPONSE, "refresh_token": None, "refresh_expires_in": None})
    assert (grant.refresh_token, grant.refresh_lifetime) == (None, None)


@pytest.mark.parametrize("value", [None, "", [], {}, True])
def test_a_response_without_an_access_token_is_the_platforms_fault(value):
    with pytest.raises(UnreadableResponse) as caught:
        parse_grant({**TOKEN_RESPONSE, "access_token": value})
    assert (caught.value.code, caught.value.retryable) == ("INVALID_RESPONSE", True)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("value", [None, "", [], {}, True, "soon", 0, "0", -1, "-5"])
def test_new_tokens_without_a_lifetime_are_kept_and_a_short_one_is_assumed(value):
    grant = parse_grant({**TOKEN_RESPONSE, "expires_in": value})
    assert grant.refresh_token == Secret("rft.canary")
    assert (grant.lifetime, grant.is_lifetime_assumed) == (ASSUMED_LIFETIME, True)


@pytest.mark.parametrize("value", [None, "", [], {}, True])
def test_new_tokens_are_kept_if_the_response_names_no_account(value):
    grant = parse_grant({**TOKEN_RESPONSE, "open_id": value})
    assert (grant.login_id, grant.refresh_token) == (None, Secret("rft.canary"))


@pytest.mark.parametrize("wrap", [dict, json.dumps, lambda value: [value]])
def test_a_grant_may_be_wrapped_in_data(wrap):
    assert parse_grant({"data": wrap(TOKEN_RESPONSE)}) == parse_grant(TOKEN_RESPONSE)


def test_a_lifetime_of_more_than_ten_years_is_reduced_to_ten():
    assert parse_grant({**TOKEN_RESPONSE, "expires_in": 10**15}).lifetime == timedelta(days=3650)


UNUSABLE_TOKENS = ["act.a\r\nHost: x", "act. a", "act.\u00e9", "a" * 4097, 5, ["act", "b"]]


@pytest.mark.parametrize("value", UNUSABLE_TOKENS)
def test_an_access_token_that_no_header_can_carry_is_refused(value):
    with pytest.raises(Unavailable) as caught:
        parse_grant({**TOKEN_RESPONSE, "access_token": value})
    assert "act" not in str(caught.value).replace("access_token", "")


@pytest.mark.parametrize("value", UNUSABLE_TOKENS)
def test_a_refresh_token_that_no_form_can_carry_does_not_cost_the_access_token(value):
    grant = parse_grant({**TOKEN_RESPONSE, "refresh_token": value})
    assert grant.access_token == Secret(TOKEN_RESPONSE["access_token"])
    assert (grant.refresh_token, grant.refresh_lifetime) == (None, None)


@pytest.mark.parametrize("wrap", [lambda token: [token], "{}\n".format, '"{}"'.format])
def test_tokens_are_read_without_what_surrounds_them(wrap):
    wrapped = {key: wrap(TOKEN_RESPONSE[key]) for key in ("access_token", "refresh_token")}
    assert parse_grant({**TOKEN_RESPONSE, **wrapped}) == parse_grant(TOKEN_RESPONSE)


@pytest.mark.parametrize("value", [None, "", [], "soon"])
def test_new_tokens_are_kept_without_the_lifetime_of_the_refresh_token(value):
    grant = parse_grant({**TOKEN_RESPONSE, "refresh_expires_in": value})
    assert grant.refresh_token == Secret("rft.canary")
    assert grant.refresh_lifetime is None


def test_a_profile_is_not_requested_without_its_scope():
    with pytest.raises(Rejected) as caught:
        TikTokLogin(TIKTOK_APP, HttpClient()).identify(
            LoginGrant(Secret("t"), None, scopes=("video.upload",))
        )
    assert caught.value.code == "scope_not_authorized"
