"""TikTok's answers and codes in our words, by the body and not by the status."""

import json
from datetime import timedelta

import pytest

from platforms.errors import (
    AppRefused,
    Faulted,
    RateLimited,
    Rejected,
    Revoked,
    TokenExpired,
    Unavailable,
)
from platforms.http import Reply
from platforms.tiktok.envelope import data, flat
from platforms.tiktok.meanings import DATA, OAUTH
from platforms.tiktok.reasons import FAILURES, REASONS, REFUSALS

LOG_ID = "202210112248442CB9319E1FB30C1073F3"
DOCUMENTED = [
    "access_token_invalid",
    "internal_error",
    "invalid_file_upload",
    "invalid_params",
    "invalid_param",
    "rate_limit_exceeded",
    "scope_not_authorized",
    "scope_permission_missed",
    "app_version_check_failed",
    "invalid_publish_id",
    "token_not_authorized_for_specified_publish_id",
    "publish_not_cancellable",
    "spam_risk_too_many_posts",
    "spam_risk_user_banned_from_posting",
    "reached_active_user_cap",
    "spam_risk_too_many_pending_share",
    "unaudited_client_can_only_post_to_private_accounts",
    "url_ownership_unverified",
    "privacy_level_option_mismatch",
]
FAIL_REASONS = [
    "file_format_check_failed",
    "duration_check_failed",
    "frame_rate_check_failed",
    "picture_size_check_failed",
    "internal",
    "video_pull_failed",
    "photo_pull_failed",
    "publish_cancelled",
    "auth_removed",
    "spam_risk_too_many_posts",
    "spam_risk_user_banned_from_posting",
    "spam_risk_text",
    "spam_risk",
]
OAUTH_ERRORS = [
    "access_denied",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "server_error",
    "temporarily_unavailable",
]


def reply(body, status=200, **headers):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, text)


def envelope(code, status=200, message="", **rest):
    return reply({"error": {"code": code, "message": message, "log_id": LOG_ID}, **rest}, status)


def the_error(answer, opened=data):
    with pytest.raises(Exception) as caught:
        opened(answer, "test")
    return caught.value


def test_ok_gives_the_data_and_the_log_id():
    assert data(envelope("ok", data={"a": 1}), "test") == {"a": 1, "log_id": LOG_ID}


@pytest.mark.parametrize("rest", [{}, {"data": None}, {"data": {}}])
def test_ok_may_come_without_data(rest):
    assert data(envelope("ok", **rest), "test") == {"log_id": LOG_ID}


def test_ok_counts_whatever_the_status():
    assert data(envelope("ok", 500, data={"a": 1}), "test")["a"] == 1


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_a_refusal_counts_whatever_the_status(status):
    error = the_error(envelope("access_token_invalid", status))
    assert isinstance(error, TokenExpired)
    assert (error.code, error.log_id) == ("access_token_invalid", LOG_ID)


@pytest.mark.parametrize("code", DOCUMENTED)
def test_every_documented_code_has_a_meaning(code):
    assert code in DATA


@pytest.mark.parametrize("code", OAUTH_ERRORS)
def test_every_documented_oauth_error_has_a_meaning(code):
    assert code in OAUTH


@pytest.mark.parametrize("code", FAIL_REASONS)
def test_every_fail_reason_has_its_own_sentence(code):
    assert code in FAILURES


def test_every_refusal_has_its_own_sentence():
    assert {meaning.code or code for code, meaning in DATA.items()} <= set(REASONS)
    assert len({reason.sentence for reason in REASONS.values()}) == len(REASONS)
    assert not set(FAILURES) & set(REFUSALS)


@pytest.mark.parametrize(
    ("code", "kind", "ours"),
    [
        ("invalid_params", Rejected, "invalid_param"),
        ("invalid_param", Rejected, "invalid_param"),
        ("internal_error", Unavailable, "server_error"),
        ("scope_not_authorized", Rejected, "scope_not_authorized"),
        ("rate_limit_exceeded", RateLimited, "rate_limit_exceeded"),
        ("reached_active_user_cap", RateLimited, "reached_active_user_cap"),
        ("spam_risk_too_many_posts", RateLimited, "spam_risk_too_many_posts"),
        ("spam_risk_user_banned_from_posting", Rejected, "spam_risk_user_banned_from_posting"),
    ],
)
def test_a_code_becomes_ours(code, kind, ours):
    error = the_error(envelope(code))
    assert (type(error), error.code) == (kind, ours)


@pytest.mark.parametrize(
    ("code", "message"),
    [("invalid_publish_id", ""), ("invalid_params", "invalid_publish_id")],
)
def test_an_unknown_publication_is_told_in_both_spellings(code, message):
    assert the_error(envelope(code, 400, message)).code == "invalid_publish_id"


def test_a_limit_without_retry_after_waits_for_the_vendors_window():
    assert the_error(envelope("rate_limit_exceeded", 429)).retry_after == timedelta(minutes=1)


def test_a_longer_retry_after_is_kept():
    answer = Reply(429, {}, envelope("rate_limit_exceeded").body, timedelta(minutes=5))
    assert the_error(answer).retry_after == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Rejected),
        (400, Rejected),
        (401, TokenExpired),
        (429, RateLimited),
        (503, Faulted),
        (502, Unavailable),
    ],
)
def test_a_code_no_page_names_is_judged_by_the_status(status, kind):
    error = the_error(envelope("brand_new", status))
    assert (type(error), error.code) == (kind, "brand_new")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"error": "ok"}',
        b'{"error": {}}',
        b'{"error": {"code": 0}}',
        b'{"data": {"publish_id": "v"}}',
    ],
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, Unavailable), (302, Unavailable), (429, RateLimited), (502, Unavailable)],
)
def test_what_is_no_envelope_is_no_success(body, status, kind):
    assert type(the_error(reply(body, status))) is kind


def test_a_log_id_may_come_in_a_header_only():
    answer = reply({"error": {"code": "ok"}}, x_tt_logid=LOG_ID)
    assert data(answer, "test")["log_id"] == LOG_ID


def test_an_overlong_code_and_message_are_cut():
    error = the_error(envelope("c" * 5000, 400, "m" * 5000))
    assert len(error.code) <= 100
    assert len(str(error)) <= 300


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ("invalid_grant", Revoked, "invalid_grant"),
        ("invalid_client", AppRefused, "invalid_credentials"),
        ("invalid_request", Rejected, "invalid_request"),
        ("server_error", Unavailable, "server_error"),
        ("brand_new", None, "brand_new"),
    ],
)
def test_a_flat_refusal_counts_whatever_the_status(status, error, kind, code):
    answer = reply({"error": error, "error_description": "why", "log_id": LOG_ID}, status)
    refused = the_error(answer, flat)
    assert kind is None or type(refused) is kind
    assert (refused.code, refused.log_id, str(refused)) == (code, LOG_ID, "why")


@pytest.mark.parametrize("body", [b"", b" ", b"{}"])
def test_a_revocation_may_answer_nothing(body):
    assert flat(reply(body), "revoke") == {}


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_nothing_with_another_status_is_no_success(status):
    assert isinstance(the_error(reply(b"", status), flat), Unavailable)


def test_our_own_refused_credentials_do_not_condemn_the_account():
    assert the_error(reply({"error": "invalid_client"}), flat).retryable
