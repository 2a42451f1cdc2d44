"""The codes of refused connections: their texts, causes, status, and the form of the answer."""

import html
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from app.http.errors import OAUTH_ERRORS
from app.http.messages import LOCALES, get_message
from core import accounts

START_ROUTE, CALLBACK_ROUTE = "/api/auth/tiktok", "/api/auth/tiktok/callback"
OAUTH_ERROR_CODES = {
    "oauth_not_configured": (500, False),
    "invalid_credentials": (500, True),
    "service_unavailable": (503, True),
    "access_denied": (400, True),
    "invalid_request": (400, True),
    "missing_code": (400, True),
    "invalid_scope": (400, False),
    "invalid_state": (403, True),
    "csrf_detected": (403, True),
    "unauthorized": (401, True),
    "platform_error": (502, True),
    "token_exchange_failed": (502, True),
    "rate_limited": (429, True),
    "no_business_account": (400, False),
    "account_not_eligible": (400, False),
    "callback_failed": (500, True),
    "unknown_error": (500, True),
    "account_already_connected": (409, False),
}
"""All published OAuth codes: HTTP status, and whether trying again may help."""


@pytest.mark.parametrize("code", OAUTH_ERROR_CODES)
def test_every_oauth_code_has_its_status_cause_and_suggestion(signed_in_client, code):
    assert OAUTH_ERRORS[code] == OAUTH_ERROR_CODES[code]
    assert accounts.ERROR_CAUSES[code]
    for locale in LOCALES:
        texts = get_message(code, locale)
        page = signed_in_client.get(
            f"/platforms/connect/tiktok?error={code}", headers={"Accept-Language": locale}
        )
        page_text = html.unescape(page.text)
        assert texts.message in page_text
        assert texts.suggestion in page_text


def test_every_oauth_code_has_a_cause_for_operators():
    assert accounts.ERROR_CAUSES.keys() == OAUTH_ERRORS.keys()


def test_the_log_has_the_cause_and_the_page_has_the_request_id(signed_in_client):
    with capture_logs() as logs:
        response = signed_in_client.get(CALLBACK_ROUTE, query_string={"error": "access_denied"})
    (line,) = [line for line in logs if line["event"] == "connect.refused"]
    assert line["code"] == "access_denied"
    assert line["cause"] == accounts.ERROR_CAUSES["access_denied"]
    assert parse_qs(urlsplit(response.headers["Location"]).query)["ref"] == [
        response.headers["X-Request-Id"]
    ]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"), ("*/*", "application/json")],
)
def test_a_rate_limited_request_is_answered_in_the_requested_format(
    app_factory, make_user, accept, kind
):
    alice = make_user()
    browser = app_factory.create_app(RATE_LIMIT_OAUTH="1/15m").test_client()
    browser.post("/api/auth/login", json={"email": alice.email, "password": alice.password})
    for expected in (302, 429):
        response = browser.get(START_ROUTE, headers={"Accept": accept})
        assert response.status_code == expected
    assert response.mimetype == kind
    assert 0 < int(response.headers["Retry-After"]) <= 900
    assert response.headers["X-RateLimit-Remaining"] == "0"
