"""The sandbox's tokens: single use, rotation, lifetimes, and errors with status 200."""

import json
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from tests.platforms.raw_sandbox_client import (
    FORM_HEADERS,
    INBOX_INIT_PATH,
    JSON_HEADERS,
    delivery_content,
)
from tests.platforms.sandbox_client import CLIENT_SECRET

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/tiktok_pkce.json").read_text())
VERIFIER = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"


def error_of(answer):
    """Return error and description; the body is flat, and the status is 200."""
    assert answer.status == 200
    assert set(answer.json) == {"error", "error_description", "log_id"}
    return answer.json["error"], answer.json["error_description"]


def test_a_token_response_is_flat_and_has_lifetimes(sandbox):
    body = sandbox.connect_creator(scopes="video.upload").token_response
    assert (body["expires_in"], body["refresh_expires_in"]) == (7200, 15_552_000)
    assert body["access_token"].startswith("act.")
    assert body["refresh_token"].startswith("rft.")
    assert (body["scope"], body["token_type"]) == ("user.info.basic,video.upload", "Bearer")


@pytest.mark.parametrize(
    "alter",
    [
        lambda code: code.rpartition("*")[0],
        lambda code: code + "x",
        quote,  # never decoded
        unquote,  # decoded twice
    ],
)
def test_a_cut_or_wrongly_decoded_code_is_reported_as_expired(sandbox, alter):
    code = sandbox.submit_consent(sandbox.create_creator())[0]["code"]
    expired = ("invalid_grant", "Authorization code is expired.")
    assert error_of(sandbox.exchange_code(alter(code))) == expired
    assert sandbox.exchange_code(code).json["access_token"]
    assert error_of(sandbox.exchange_code(code)) == expired


def test_a_code_expires_after_five_minutes(sandbox):
    code = sandbox.submit_consent(sandbox.create_creator())[0]["code"]
    sandbox.advance_clock(301)
    assert error_of(sandbox.exchange_code(code))[0] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_key": "wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_request"),
        ({"client_key": None}, "invalid_request"),
        ({"code": None}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, "invalid_request"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_an_invalid_exchange_is_refused(sandbox, changes, error):
    code = sandbox.submit_consent(sandbox.create_creator())[0]["code"]
    assert error_of(sandbox.exchange_code(code, **changes))[0] == error


def test_the_token_endpoint_accepts_forms_only(sandbox):
    body = json.dumps({"client_key": "x", "grant_type": "refresh_token"})
    answer = sandbox.send("POST", "/v2/oauth/token/", body, JSON_HEADERS)
    assert error_of(answer) == ("invalid_request", "The request parameters are malformed.")


def test_the_status_of_an_error_is_a_setting(sandbox):
    sandbox.control("settings", oauth_status=401)
    assert sandbox.exchange_code("nothing").status == 401


def test_a_refresh_token_can_be_used_once(sandbox):
    creator = sandbox.connect_creator()
    new_tokens = sandbox.refresh_tokens(creator.refresh_token).json
    assert new_tokens["refresh_token"] != creator.refresh_token
    error = ("invalid_grant", "Refresh token is invalid or expired.")
    assert error_of(sandbox.refresh_tokens(creator.refresh_token)) == error
    assert sandbox.refresh_tokens(new_tokens["refresh_token"]).json["access_token"]


def test_a_refresh_token_expires_after_its_lifetime(sandbox):
    sandbox.control("settings", refresh_seconds=100.0)
    creator = sandbox.connect_creator()
    sandbox.advance_clock(101)
    assert error_of(sandbox.refresh_tokens(creator.refresh_token))[0] == "invalid_grant"


def test_the_older_profile_lasts_a_day_and_a_refresh_does_not_extend_the_refresh_token(sandbox):
    sandbox.control("settings", profile="older")
    creator = sandbox.connect_creator()
    sandbox.advance_clock(1000)
    body = sandbox.refresh_tokens(creator.refresh_token).json
    assert body["expires_in"] == 86_400
    assert body["refresh_expires_in"] <= 31_536_000 - 1000


def test_the_older_profile_is_strict_by_default(sandbox):
    sandbox.control("settings", profile="older")
    creator = sandbox.connect_creator()
    assert sandbox.refresh_tokens(creator.refresh_token).json["access_token"]
    assert error_of(sandbox.refresh_tokens(creator.refresh_token))[0] == "invalid_grant"


def test_the_current_profile_is_never_lenient(sandbox):
    sandbox.control("settings", lenient_refresh=True)
    creator = sandbox.connect_creator()
    assert sandbox.refresh_tokens(creator.refresh_token).json["access_token"]
    assert error_of(sandbox.refresh_tokens(creator.refresh_token))[0] == "invalid_grant"


@pytest.mark.parametrize(
    ("profile", "restarts", "full"),
    [
        ("current", "", True),
        ("current", "never", False),
        ("older", "", False),
        ("older", "always", True),
    ],
)
def test_whether_a_refresh_restores_the_full_lifetime_is_a_setting(
    sandbox, profile, restarts, full
):
    sandbox.control("settings", profile=profile, refresh_restarts=restarts)
    creator = sandbox.connect_creator()
    sandbox.advance_clock(1000)
    lifetime = sandbox.refresh_tokens(creator.refresh_token).json["refresh_expires_in"]
    assert (lifetime > creator.token_response["refresh_expires_in"] - 1000) == full


@pytest.mark.parametrize("ends", [True, False])
def test_whether_a_refresh_ends_the_old_access_token_is_a_setting(sandbox, ends):
    sandbox.control("settings", refresh_ends_access=ends)
    creator = sandbox.connect_creator()
    sandbox.refresh_tokens(creator.refresh_token)
    assert sandbox.start_inbox_video(creator).code == ("access_token_invalid" if ends else "ok")


def test_the_older_profile_can_be_lenient(sandbox):
    sandbox.control("settings", profile="older", lenient_refresh=True)
    creator = sandbox.connect_creator()
    for _ in range(2):
        assert sandbox.refresh_tokens(creator.refresh_token).json["access_token"]


def test_an_access_token_expires_after_two_hours(sandbox):
    creator = sandbox.connect_creator()
    sandbox.advance_clock(7201)
    answer = sandbox.start_inbox_video(creator)
    assert (answer.status, answer.code) == (401, "access_token_invalid")


def test_a_client_token_is_not_accepted_by_data_calls(sandbox):
    token = sandbox.call_oauth(grant_type="client_credentials").json["access_token"]
    assert sandbox.call_api(INBOX_INIT_PATH, token, {}).code == "access_token_invalid"


def test_revoking_ends_both_tokens_and_sends_reason_five(sandbox):
    creator = sandbox.connect_creator()
    publish_id = sandbox.start_inbox_video(creator).data["publish_id"]
    assert sandbox.call_oauth("revoke", token=creator.access_token).json == {}
    assert (
        delivery_content(sandbox.wait_for_delivery(creator.open_id, "post.publish.failed"))[
            "reason"
        ]
        == "auth_removed"
    )
    assert delivery_content(
        sandbox.wait_for_delivery(creator.open_id, "authorization.removed")
    ) == {"reason": 5}
    assert error_of(sandbox.refresh_tokens(creator.refresh_token))[0] == "invalid_grant"
    assert sandbox.start_inbox_video(creator).code == "access_token_invalid"
    assert sandbox.get_post(publish_id)["fail_reason"] == "auth_removed"


def test_revoking_requires_the_secret(sandbox):
    creator = sandbox.connect_creator()
    assert error_of(sandbox.call_oauth("revoke", token=creator.access_token, client_secret=None))
    assert sandbox.start_inbox_video(creator).data


def test_a_creator_can_disconnect_in_the_app(sandbox):
    creator = sandbox.connect_creator()
    sandbox.control(f"creators/{creator.open_id}/disconnect", reason=1)
    assert delivery_content(sandbox.wait_for_delivery(creator.open_id)) == {"reason": 1}
    assert sandbox.start_inbox_video(creator).code == "access_token_invalid"


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["id"])
@pytest.mark.parametrize("expected", ["expected", "expected_strict"])
def test_pkce_is_validated_as_the_vectors_say(sandbox, vector, expected):
    sandbox.control(
        "settings",
        desktop=vector["app_type"] == "desktop",
        strict_verifier=expected == "expected_strict",
    )
    params = {name: vector[name] for name in ("code_challenge", "code_challenge_method")}
    failed_step = first_failing_step(sandbox, vector, params)
    assert failed_step == (None if vector[expected] == "valid" else vector["stage"] or "token")


def first_failing_step(sandbox, vector, params):
    try:
        callback, _ = sandbox.submit_consent(sandbox.create_creator("-000pkce"), **params)
    except AssertionError:
        return "authorize"
    answer = sandbox.exchange_code(callback["code"], code_verifier=vector["code_verifier"]).json
    return None if "access_token" in answer else "token"


def test_the_control_api_contains_no_secrets(sandbox):
    creator = sandbox.connect_creator()
    sandbox.refresh_tokens(creator.refresh_token)
    paths = ("log", "creators", "posts", "settings")
    output = json.dumps([sandbox.control(path) for path in paths])
    assert CLIENT_SECRET not in output
    assert creator.access_token not in output
    assert creator.refresh_token not in output


def test_the_verifier_of_a_desktop_app_has_to_match(sandbox):
    sandbox.control("settings", desktop=True)
    challenge = sha256(VERIFIER.encode()).hexdigest()
    params = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = sandbox.submit_consent(sandbox.create_creator(), **params)[0]["code"]
    assert (
        sandbox.send("POST", "/v2/oauth/token/", "", FORM_HEADERS).json["error"]
        == "invalid_request"
    )
    assert sandbox.exchange_code(code, code_verifier=VERIFIER).json["access_token"]
