"""The way to TikTok's consent page, and what its token answers are worth."""

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from platforms.base import PlatformApp
from platforms.errors import Rejected, Unavailable
from platforms.http import HttpClient
from platforms.secret import Secret
from platforms.tiktok.oauth import TikTokOAuth, code_challenge, parse_grant

VECTOR_FILE = json.loads((Path(__file__).parents[1] / "vectors/tiktok_pkce.json").read_text())
VALID_VECTORS = [
    one for one in VECTOR_FILE["vectors"] if one["expected"] == "valid" and one["code_challenge"]
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
    url = TikTokOAuth(TIKTOK_APP, HttpClient()).authorize_url(state="5" * 64, **options)
    assert url.startswith("https://www.tiktok.com/v2/auth/authorize/?")
    return dict(parse_qsl(urlsplit(url).query))


def test_the_consent_page_gets_exactly_what_it_documents():
    assert authorize_query() == {
        "client_key": "sbaw_demo",
        "scope": "user.info.basic,video.upload",
        "response_type": "code",
        "redirect_uri": "https://example.com/callback",
        "state": "5" * 64,
    }


def test_other_scopes_can_be_asked_for():
    assert authorize_query(scopes=iter(["a", "b"]))["scope"] == "a,b"


def test_switching_accounts_asks_again_for_consent():
    assert authorize_query(force_consent=True)["disable_auto_auth"] == "1"


def test_a_verifier_adds_its_challenge_and_stays_at_home():
    url = TikTokOAuth(TIKTOK_APP, HttpClient()).authorize_url(state="s", code_verifier="v" * 43)
    assert parse_qs(urlsplit(url).query)["code_challenge_method"] == ["S256"]
    assert "v" * 43 not in url


@pytest.mark.parametrize("vector", VALID_VECTORS, ids=lambda vector: vector["id"])
def test_the_challenge_is_that_of_the_vector(vector):
    wanted = vector["code_challenge"]
    assert vector["app_type"] == "web" or code_challenge(vector["code_verifier"]) == wanted


def test_a_grant_is_what_was_answered():
    grant = parse_grant(TOKEN_RESPONSE)
    assert grant.external_id == "afd97af1"
    assert grant.access_token == Secret("act.canary")
    assert grant.refresh_token == Secret("rft.canary")
    assert (grant.lifetime, grant.refresh_lifetime) == (timedelta(hours=2), timedelta(days=180))
    assert grant.scopes == ("user.info.basic", "video.list")


def test_a_grant_does_not_show_its_tokens():
    assert "canary" not in repr(parse_grant(TOKEN_RESPONSE))


def test_the_older_lifetimes_are_taken_as_answered():
    assert parse_grant({**TOKEN_RESPONSE, "expires_in": "86400"}).lifetime == timedelta(days=1)


@pytest.mark.parametrize("scope", [None, "", "a, b", "a,b,"])
def test_scopes_are_read_leniently(scope):
    assert parse_grant({**TOKEN_RESPONSE, "scope": scope}).scopes in {(), ("a", "b")}


def test_a_grant_without_refresh_token_has_no_such_lifetime():
    grant = parse_grant({**TOKEN_RESPONSE, "refresh_token": None, "refresh_expires_in": None})
    assert (grant.refresh_token, grant.refresh_lifetime) == (None, None)


@pytest.mark.parametrize("key", ["access_token", "expires_in", "open_id"])
@pytest.mark.parametrize("value", [None, "", [], {}, True, "soon"])
def test_an_answer_that_lacks_what_an_account_lives_by_is_no_grant(key, value):
    if key in {"access_token", "open_id"} and value == "soon":
        return
    with pytest.raises(Unavailable) as caught:
        parse_grant({**TOKEN_RESPONSE, key: value})
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0, -1, "-5"])
def test_a_token_that_is_over_when_it_comes_is_none(seconds):
    with pytest.raises(Unavailable):
        parse_grant({**TOKEN_RESPONSE, "expires_in": seconds})


def test_a_life_beyond_any_calendar_is_cut_to_one():
    assert parse_grant({**TOKEN_RESPONSE, "expires_in": 10**15}).lifetime == timedelta(days=3650)


@pytest.mark.parametrize("key", ["access_token", "refresh_token"])
@pytest.mark.parametrize(
    "value", ["act.a\r\nHost: x", "act. a", "act.\u00e9", "a" * 4097, 5, ["act"]]
)
def test_what_no_header_can_carry_is_no_token(key, value):
    with pytest.raises(Unavailable) as caught:
        parse_grant({**TOKEN_RESPONSE, key: value})
    assert "act" not in str(caught.value).replace(key, "")


@pytest.mark.parametrize("value", [None, "", [], "soon"])
def test_a_new_pair_of_tokens_is_kept_although_nobody_says_how_long_one_lasts(value):
    grant = parse_grant({**TOKEN_RESPONSE, "refresh_expires_in": value})
    assert grant.refresh_token == Secret("rft.canary")
    assert grant.refresh_lifetime is None


def test_a_profile_is_not_asked_for_without_its_scope():
    with pytest.raises(Rejected) as caught:
        TikTokOAuth(TIKTOK_APP, HttpClient()).fetch_profile(Secret("t"), ["video.upload"])
    assert caught.value.code == "scope_not_authorized"
