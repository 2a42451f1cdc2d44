"""Rules of connecting: the path to return to, and the error codes."""

import pytest

from core.accounts import callback_error_code
from core.accounts.connect import safe_next_path
from core.accounts.error_codes import exchange_error_code
from platforms.errors import AppRefused, RateLimited, Rejected, Revoked, TimedOut, TokenExpired


@pytest.mark.parametrize("path", ["/", "/posts/7", "/posts?state=QUEUED&next=%2F%2Fevil", "/é"])
def test_a_path_of_this_site_is_kept(path):
    assert safe_next_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "posts",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/a\r\nSet-Cookie: a=b",
        "/" + "a" * 512,
    ],
)
def test_a_path_that_a_browser_could_take_for_another_host_is_dropped(path):
    assert safe_next_path(path) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "access_denied"),
        ("invalid_scope", "invalid_scope"),
        ("unauthorized_client", "invalid_credentials"),
        ("temporarily_unavailable", "service_unavailable"),
        ("<script>", "unknown_error"),
    ],
)
def test_the_platforms_error_is_translated_to_our_code(error, code):
    assert callback_error_code(error) == code


def test_a_user_who_is_no_sandbox_target_gets_that_reason():
    assert callback_error_code("access_denied", "non_sandbox_target") == "non_sandbox_target"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AppRefused(code="invalid_credentials"), "invalid_credentials"),
        (RateLimited(), "rate_limited"),
        (Revoked(), "token_exchange_failed"),
        (Rejected(code="invalid_scope"), "invalid_scope"),
        (Rejected(code="unsupported_grant_type"), "token_exchange_failed"),
        (TimedOut(), "platform_error"),
        (TokenExpired(), "unknown_error"),
    ],
)
def test_a_failed_exchange_is_translated_to_our_code(error, code):
    assert exchange_error_code(error) == code
