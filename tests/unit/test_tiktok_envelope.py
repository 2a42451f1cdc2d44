"""TikTok's responses and error codes are interpreted by the body and not by the status."""

import json
from datetime import timedelta

import pytest

from platforms.errors import (
    AppRefused,
    RateLimited,
    Rejected,
    Revoked,
    ServerBusy,
    TokenExpired,
    Unavailable,
    UnreadableResponse,
)
from platforms.http import HttpResponse
from platforms.tiktok.envelope import unwrap_data, unwrap_oauth
from platforms.tiktok.error_map import DATA_ERRORS, OAUTH_ERRORS
from platforms.tiktok.failure_reasons import ERROR_CODE_REASONS, FAIL_REASONS, FAILURE_REASONS

LOG_ID = "202210112248442CB9319E1FB30C1073F3"
DOCUMENTED_CODES = [
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
DOCUMENTED_FAIL_REASONS = [
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
DOCUMENTED_OAUTH_ERRORS = [
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


def make_response(body, status=200, **headers):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, text
    )


def envelope_response(code, status=200, message="", **fields):
    return make_response(
        {"error": {"code": code, "message": message, "log_id": LOG_ID}, **fields}, status
    )


def error_of(response, parse=unwrap_data):
    with pytest.raises(Exception) as caught:
        parse(response, "test")
    return caught.value


def test_a_successful_envelope_gives_the_data_and_the_log_id():
    assert unwrap_data(envelope_response("ok", data={"a": 1}), "test") == {"a": 1, "log_id": LOG_ID}


@pytest.mark.parametrize("code", ["ok", "OK"])
@pytest.mark.parametrize("encode", [dict, json.dumps, lambda value: [value]])
def test_an_envelope_may_be_encoded_once_more(code, encode):
    error, data = {"code": code, "log_id": LOG_ID}, {"a": 1}
    response = make_response({"error": encode(error), "data": encode(data)})
    assert unwrap_data(response, "test") == {"a": 1, "log_id": LOG_ID}


@pytest.mark.parametrize("code", [0, "0", "success", ["ok"]])
def test_a_success_may_have_another_word(code):
    assert unwrap_data(envelope_response(code, data={"a": 1}), "test")["a"] == 1


@pytest.mark.parametrize("error", ["absent", None, {}, ""])
def test_data_without_a_word_about_an_error_are_used(error):
    body = {"data": {"a": 1}} | ({} if error == "absent" else {"error": error})
    assert unwrap_data(make_response(body), "test")["a"] == 1


@pytest.mark.parametrize("code", [10001, "10001", {}, True])
def test_an_error_that_cannot_be_read_is_the_platforms_fault(code):
    assert error_of(envelope_response(code, data={"a": 1})).retryable


@pytest.mark.parametrize("status", [400, 500])
def test_data_alone_are_no_success_with_another_status(status):
    assert error_of(make_response({"data": {"a": 1}}, status)).retryable


@pytest.mark.parametrize("error", ["ok", "", "0", 0, None])
def test_new_tokens_are_kept_beside_a_word_of_success(error):
    tokens = {"access_token": "act.N2", "refresh_token": "rft.N2"}
    assert unwrap_oauth(make_response({**tokens, "error": error}), "token")["refresh_token"]


def test_a_name_in_another_encoding_does_not_cost_the_rest():
    body = b'{"error": {"code": "ok"}, "data": {"creator_nickname": "Andr\xe9", "a": 1}}'
    assert unwrap_data(make_response(body), "test")["a"] == 1


@pytest.mark.parametrize("fields", [{}, {"data": None}, {"data": {}}])
def test_a_successful_envelope_may_have_no_data(fields):
    assert unwrap_data(envelope_response("ok", **fields), "test") == {"log_id": LOG_ID}


def test_the_code_ok_means_success_whatever_the_status():
    assert unwrap_data(envelope_response("ok", 500, data={"a": 1}), "test")["a"] == 1


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500])
def test_an_error_code_means_an_error_whatever_the_status(status):
    error = error_of(envelope_response("access_token_invalid", status))
    assert isinstance(error, TokenExpired)
    assert (error.code, error.log_id) == ("access_token_invalid", LOG_ID)


@pytest.mark.parametrize("code", DOCUMENTED_CODES)
def test_every_documented_code_is_mapped(code):
    assert code in DATA_ERRORS


@pytest.mark.parametrize("code", DOCUMENTED_OAUTH_ERRORS)
def test_every_documented_oauth_error_is_mapped(code):
    assert code in OAUTH_ERRORS


@pytest.mark.parametrize("code", DOCUMENTED_FAIL_REASONS)
def test_every_fail_reason_has_its_own_sentence(code):
    assert code in FAIL_REASONS


def test_every_refusal_has_its_own_sentence():
    our_codes = {mapping.code or code for code, mapping in DATA_ERRORS.items()}
    assert our_codes <= set(FAILURE_REASONS)
    reasons = {**FAIL_REASONS, **ERROR_CODE_REASONS}  # those of pictures may say it alike
    assert len({reason.sentence for reason in reasons.values()}) == len(reasons)
    assert not set(FAIL_REASONS) & set(ERROR_CODE_REASONS)


@pytest.mark.parametrize(
    ("code", "error_type", "our_code"),
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
def test_a_code_is_mapped_to_our_error_and_code(code, error_type, our_code):
    error = error_of(envelope_response(code))
    assert (type(error), error.code) == (error_type, our_code)


@pytest.mark.parametrize(
    ("code", "message"),
    [("invalid_publish_id", ""), ("invalid_params", "invalid_publish_id")],
)
def test_an_unknown_publication_is_recognised_in_both_spellings(code, message):
    assert error_of(envelope_response(code, 400, message)).code == "invalid_publish_id"


def test_a_limit_without_retry_after_waits_for_the_vendors_window():
    assert error_of(envelope_response("rate_limit_exceeded", 429)).retry_after == timedelta(
        minutes=1
    )


def test_a_longer_retry_after_is_kept():
    response = HttpResponse(
        429, {}, envelope_response("rate_limit_exceeded").body, timedelta(minutes=5)
    )
    assert error_of(response).retry_after == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Rejected),
        (400, Rejected),
        (401, TokenExpired),
        (429, RateLimited),
        (503, ServerBusy),
        (502, Unavailable),
    ],
)
def test_an_undocumented_code_is_mapped_by_the_status(status, kind):
    error = error_of(envelope_response("brand_new", status))
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
        b'{"error": {"code": 7}, "data": {"publish_id": "v"}}',
        b'{"data": {}}',
    ],
)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, UnreadableResponse),
        (302, UnreadableResponse),
        (429, RateLimited),
        (502, Unavailable),
    ],
)
def test_a_body_without_an_envelope_is_an_error(body, status, kind):
    assert type(error_of(make_response(body, status))) is kind


def test_a_log_id_may_come_in_a_header_only():
    response = make_response({"error": {"code": "ok"}}, x_tt_logid=LOG_ID)
    assert unwrap_data(response, "test")["log_id"] == LOG_ID


def test_a_too_long_code_and_message_are_shortened():
    error = error_of(envelope_response("c" * 5000, 400, "m" * 5000))
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
def test_a_flat_error_means_an_error_whatever_the_status(status, error, kind, code):
    response = make_response({"error": error, "error_description": "why", "log_id": LOG_ID}, status)
    raised = error_of(response, unwrap_oauth)
    assert kind is None or type(raised) is kind
    assert (raised.code, raised.log_id, str(raised)) == (code, LOG_ID, "why")


@pytest.mark.parametrize("body", [b"", b" ", b"{}"])
def test_a_revocation_may_have_an_empty_answer(body):
    assert unwrap_oauth(make_response(body), "revoke") == {}


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_an_empty_answer_with_another_status_is_an_error(status):
    assert isinstance(error_of(make_response(b"", status), unwrap_oauth), Unavailable)


def test_an_error_about_our_own_credentials_is_retryable():
    assert error_of(make_response({"error": "invalid_client"}), unwrap_oauth).retryable
