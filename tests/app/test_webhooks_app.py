"""Webhook paths of the Flask application: no cookie, login or CSRF token, and few log lines."""

import pytest
from structlog.testing import capture_logs

from app.http.request_log import WEBHOOK_PATH_PREFIX
from tests.support.tiktok_webhooks import WEBHOOK_PATH, TikTokWebhookSender, build_envelope

PRODUCTION_SETTINGS = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example.org",
    "TIKTOK_REDIRECT_URI": "https://post.example.org/api/auth/tiktok/callback",
    "TRUSTED_PROXY_COUNT": "1",
}
VARYING_HEADERS = {"X-Request-Id", "X-Correlation-Id", "X-Duration-Ms", "Content-Length", "Allow"}


def stable_headers(response):
    return {
        name: value
        for name, value in response.headers.items()
        if name not in VARYING_HEADERS and not name.startswith("X-RateLimit-")
    }


def test_every_webhook_route_belongs_to_the_webhooks_blueprint(app):
    """Only signed requests of platforms are below the prefix: the rules by path are for them."""
    endpoints = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(WEBHOOK_PATH_PREFIX)
    }
    assert endpoints == {
        "webhooks.receive_webhook",
        "webhooks.answer_handshake",
        "webhooks.receive_deauthorization",
        "webhooks.receive_data_deletion",
    }


@pytest.mark.parametrize("path", ["", "tiktok/more", "tiktoc/", "../healthz"])
def test_an_unknown_path_below_the_prefix_is_a_404_in_the_error_envelope(client, path):
    response = client.post(WEBHOOK_PATH_PREFIX + path)
    assert (response.status_code, response.json["error"]["code"]) == (404, "NOT_FOUND")
    assert response.json["error"]["requestId"] == response.headers["X-Request-Id"]


def test_responses_have_the_same_security_headers_as_all_others(client):
    webhook, other = client.get(WEBHOOK_PATH), client.delete("/api/platforms")
    assert webhook.status_code == other.status_code == 405
    assert stable_headers(webhook) == stable_headers(other)
    assert stable_headers(webhook)["X-Content-Type-Options"] == "nosniff"


def test_the_senders_request_id_is_kept(client):
    response = client.post(WEBHOOK_PATH, headers={"X-Request-Id": "senders-request-id"})
    assert response.headers["X-Request-Id"] == "senders-request-id"


def test_no_cookie_is_set_and_the_response_does_not_vary_by_cookie(client):
    client.set_cookie("signalpost_session", "whatever")
    client.set_cookie("signalpost_csrf", "whatever")
    response = TikTokWebhookSender(client).send(build_envelope())
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")


def test_a_wrong_bearer_token_does_not_matter(client):
    response = TikTokWebhookSender(client).send(
        build_envelope(), headers={"Authorization": "Bearer of-another-user"}
    )
    assert response.status_code == 200


def test_no_rate_limit_is_counted(client):
    response = TikTokWebhookSender(client).send(build_envelope())
    assert not [name for name in response.headers.keys() if name.startswith("X-RateLimit-")]  # noqa: SIM118


def test_only_a_refused_delivery_is_logged(client):
    with capture_logs() as lines:
        assert TikTokWebhookSender(client).send(build_envelope()).status_code == 200
        assert client.post(WEBHOOK_PATH, data=b"unsigned").status_code == 401
    assert [(line["event"], line.get("status")) for line in lines if "status" in line] == [
        ("request", 401)
    ]


def test_in_production_a_delivery_without_tls_is_refused(app_factory):
    client = app_factory.create_app(**PRODUCTION_SETTINGS).test_client()
    clear = TikTokWebhookSender(client).send(build_envelope())
    assert (clear.status_code, clear.json["error"]["code"]) == (403, "FORBIDDEN")
    encrypted = TikTokWebhookSender(client).send(
        build_envelope(), headers={"X-Forwarded-Proto": "https"}
    )
    assert encrypted.status_code == 200
    assert "Strict-Transport-Security" in encrypted.headers


def test_a_nul_character_in_the_query_is_refused(client):
    response = client.get(WEBHOOK_PATH + "?challenge=%00")
    assert (response.status_code, response.json["error"]["code"]) == (400, "VALIDATION_ERROR")
