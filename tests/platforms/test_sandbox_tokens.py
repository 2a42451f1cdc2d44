"""The sandbox's tokens: single use, rotation, ends, and refusals that look like success."""

import json
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from tests.platforms.stage import CLIENT_SECRET
from tests.platforms.visitor import FORM, INBOX, JSON, content

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/tiktok_pkce.json").read_text())
VERIFIER = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"


def refused(answer):
    """The error and its text; the shape is flat, and the status is a success."""
    assert answer.status == 200
    assert set(answer.json) == {"error", "error_description", "log_id"}
    return answer.json["error"], answer.json["error_description"]


def test_a_grant_is_told_flat_with_its_lifetimes(sandbox):
    told = sandbox.connect(scopes="video.upload").answer
    assert (told["expires_in"], told["refresh_expires_in"]) == (7200, 15_552_000)
    assert told["access_token"].startswith("act.")
    assert told["refresh_token"].startswith("rft.")
    assert (told["scope"], told["token_type"]) == ("user.info.basic,video.upload", "Bearer")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda code: code.rpartition("*")[0],
        lambda code: code + "x",
        quote,  # never decoded
        unquote,  # decoded twice
    ],
)
def test_a_cut_or_wrongly_decoded_code_is_an_expired_one(sandbox, spoil):
    code = sandbox.decide(sandbox.someone())[0]["code"]
    expired = ("invalid_grant", "Authorization code is expired.")
    assert refused(sandbox.exchange(spoil(code))) == expired
    assert sandbox.exchange(code).json["access_token"]
    assert refused(sandbox.exchange(code)) == expired


def test_a_code_does_not_live_long(sandbox):
    code = sandbox.decide(sandbox.someone())[0]["code"]
    sandbox.settle(301)
    assert refused(sandbox.exchange(code))[0] == "invalid_grant"


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
def test_a_wrong_exchange_is_refused(sandbox, changes, error):
    code = sandbox.decide(sandbox.someone())[0]["code"]
    assert refused(sandbox.exchange(code, **changes))[0] == error


def test_the_token_endpoint_takes_forms_only(sandbox):
    body = json.dumps({"client_key": "x", "grant_type": "refresh_token"})
    answer = sandbox.ask("POST", "/v2/oauth/token/", body, JSON)
    assert refused(answer) == ("invalid_request", "The request parameters are malformed.")


def test_the_status_of_a_refusal_is_a_setting(sandbox):
    sandbox.control("settings", oauth_status=401)
    assert sandbox.exchange("nothing").status == 401


def test_a_refresh_token_serves_once(sandbox):
    person = sandbox.connect()
    new = sandbox.refresh(person.refresh).json
    assert new["refresh_token"] != person.refresh
    dead = ("invalid_grant", "Refresh token is invalid or expired.")
    assert refused(sandbox.refresh(person.refresh)) == dead
    assert sandbox.refresh(new["refresh_token"]).json["access_token"]


def test_a_refresh_token_ends_with_its_lifetime(sandbox):
    sandbox.control("settings", refresh_seconds=100.0)
    person = sandbox.connect()
    sandbox.settle(101)
    assert refused(sandbox.refresh(person.refresh))[0] == "invalid_grant"


def test_the_older_profile_lives_a_day_and_its_refresh_token_does_not_start_anew(sandbox):
    sandbox.control("settings", profile="older")
    person = sandbox.connect()
    sandbox.settle(1000)
    told = sandbox.refresh(person.refresh).json
    assert told["expires_in"] == 86_400
    assert told["refresh_expires_in"] <= 31_536_000 - 1000


def test_the_older_profile_is_strict_unless_told_otherwise(sandbox):
    sandbox.control("settings", profile="older")
    person = sandbox.connect()
    assert sandbox.refresh(person.refresh).json["access_token"]
    assert refused(sandbox.refresh(person.refresh))[0] == "invalid_grant"


def test_the_current_profile_is_never_lenient(sandbox):
    sandbox.control("settings", lenient_refresh=True)
    person = sandbox.connect()
    assert sandbox.refresh(person.refresh).json["access_token"]
    assert refused(sandbox.refresh(person.refresh))[0] == "invalid_grant"


@pytest.mark.parametrize(
    ("profile", "restarts", "full"),
    [
        ("current", "", True),
        ("current", "never", False),
        ("older", "", False),
        ("older", "always", True),
    ],
)
def test_whether_a_refresh_token_starts_anew_is_a_setting(sandbox, profile, restarts, full):
    sandbox.control("settings", profile=profile, refresh_restarts=restarts)
    person = sandbox.connect()
    sandbox.settle(1000)
    left = sandbox.refresh(person.refresh).json["refresh_expires_in"]
    assert (left > person.answer["refresh_expires_in"] - 1000) == full


@pytest.mark.parametrize("ends", [True, False])
def test_whether_a_refresh_ends_the_old_access_token_is_a_setting(sandbox, ends):
    sandbox.control("settings", refresh_ends_access=ends)
    person = sandbox.connect()
    sandbox.refresh(person.refresh)
    assert sandbox.inbox(person).code == ("access_token_invalid" if ends else "ok")


def test_the_older_profile_can_be_lenient(sandbox):
    sandbox.control("settings", profile="older", lenient_refresh=True)
    person = sandbox.connect()
    for _ in range(2):
        assert sandbox.refresh(person.refresh).json["access_token"]


def test_an_access_token_ends_after_two_hours(sandbox):
    person = sandbox.connect()
    sandbox.settle(7201)
    answer = sandbox.inbox(person)
    assert (answer.status, answer.code) == (401, "access_token_invalid")


def test_a_client_token_opens_nothing(sandbox):
    token = sandbox.oauth(grant_type="client_credentials").json["access_token"]
    assert sandbox.api(INBOX, token, {}).code == "access_token_invalid"


def test_revoking_ends_both_tokens_and_tells_reason_five(sandbox):
    person = sandbox.connect()
    publish_id = sandbox.inbox(person).data["publish_id"]
    assert sandbox.oauth("revoke", token=person.access).json == {}
    assert content(sandbox.told(person.open_id, "post.publish.failed"))["reason"] == "auth_removed"
    assert content(sandbox.told(person.open_id, "authorization.removed")) == {"reason": 5}
    assert refused(sandbox.refresh(person.refresh))[0] == "invalid_grant"
    assert sandbox.inbox(person).code == "access_token_invalid"
    assert sandbox.post(publish_id)["fail_reason"] == "auth_removed"


def test_revoking_takes_the_secret(sandbox):
    person = sandbox.connect()
    assert refused(sandbox.oauth("revoke", token=person.access, client_secret=None))
    assert sandbox.inbox(person).data


def test_a_creator_can_leave_in_the_app(sandbox):
    person = sandbox.connect()
    sandbox.control(f"creators/{person.open_id}/disconnect", reason=1)
    assert content(sandbox.told(person.open_id)) == {"reason": 1}
    assert sandbox.inbox(person).code == "access_token_invalid"


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["id"])
@pytest.mark.parametrize("expected", ["expected", "expected_strict"])
def test_pkce_is_judged_as_the_vectors_say(sandbox, vector, expected):
    sandbox.control(
        "settings",
        desktop=vector["app_type"] == "desktop",
        strict_verifier=expected == "expected_strict",
    )
    asked = {name: vector[name] for name in ("code_challenge", "code_challenge_method")}
    failed = failing_stage(sandbox, vector, asked)
    assert failed == (None if vector[expected] == "valid" else vector["stage"] or "token")


def failing_stage(sandbox, vector, asked):
    try:
        told, _ = sandbox.decide(sandbox.someone("-000pkce"), **asked)
    except AssertionError:
        return "authorize"
    answer = sandbox.exchange(told["code"], code_verifier=vector["code_verifier"]).json
    return None if "access_token" in answer else "token"


def test_a_secret_never_shows_in_the_log(sandbox):
    person = sandbox.connect()
    sandbox.refresh(person.refresh)
    shown = json.dumps([sandbox.control(path) for path in ("log", "creators", "posts", "settings")])
    assert CLIENT_SECRET not in shown
    assert person.access not in shown
    assert person.refresh not in shown


def test_the_verifier_of_a_desktop_app_has_to_match(sandbox):
    sandbox.control("settings", desktop=True)
    challenge = sha256(VERIFIER.encode()).hexdigest()
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = sandbox.decide(sandbox.someone(), **asked)[0]["code"]
    assert sandbox.ask("POST", "/v2/oauth/token/", "", FORM).json["error"] == "invalid_request"
    assert sandbox.exchange(code, code_verifier=VERIFIER).json["access_token"]
