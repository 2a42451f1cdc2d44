"""Signed deliveries have a door of their own, and nobody outside can tell."""

import pytest
from structlog.testing import capture_logs

from app import webhook_app
from tests.support.tiktok_webhooks import WEBHOOK_PATH, TikTokWebhookSender, build_envelope

PRODUCTION_SETTINGS = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example.org",
    "TIKTOK_REDIRECT_URI": "https://post.example.org/api/auth/tiktok/callback",
    "TRUSTED_PROXY_COUNT": "1",
}
VARYING_HEADERS = {"X-Request-Id", "X-Correlation-Id", "X-Duration-Ms", "Content-Length", "Allow"}


def stable_headers(response):
    rest = {name: value for name, value in response.headers.items() if name not in VARYING_HEADERS}
    return {name: value for name, value in rest.items() if not name.startswith("X-RateLimit-")}


def test_every_webhook_route_is_served_by_the_webhook_app(app, container):
    def rules(application):
        found = application.url_map.iter_rules()
        return {
            (rule.rule, rule.endpoint)
            for rule in found
            if rule.rule.startswith(webhook_app.WEBHOOKS_PREFIX)
        }

    assert rules(app) == rules(webhook_app.create_webhook_app(container)) != set()


@pytest.mark.parametrize("path", ["", "tiktok/more", "tiktok/", "../healthz"])
def test_what_is_nowhere_below_its_path_is_a_404_in_the_envelope(client, path):
    response = client.post(webhook_app.WEBHOOKS_PREFIX + path)
    assert (response.status_code, response.json["error"]["code"]) == (404, "NOT_FOUND")
    assert response.json["error"]["requestId"] == response.headers["X-Request-Id"]


def test_it_sends_the_same_security_headers_as_every_other_response(client):
    inside, outside = client.get(WEBHOOK_PATH), client.delete("/api/platforms")
    assert inside.status_code == outside.status_code == 405
    assert stable_headers(inside) == stable_headers(outside)
    assert stable_headers(inside)["X-Content-Type-Options"] == "nosniff"


def test_an_id_that_comes_along_is_kept(client):
    response = client.post(WEBHOOK_PATH, headers={"X-Request-Id": "a-request-of-theirs"})
    assert response.headers["X-Request-Id"] == "a-request-of-theirs"


def test_no_cookie_is_read_or_set(client):
    client.set_cookie("signalpost_session", "whatever")
    client.set_cookie("signalpost_csrf", "whatever")
    response = TikTokWebhookSender(client).send(build_envelope())
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")


def test_only_who_is_refused_gets_a_line_of_their_own(client):
    with capture_logs() as lines:
        assert TikTokWebhookSender(client).send(build_envelope()).status_code == 200
        assert client.post(WEBHOOK_PATH, data=b"unsigned").status_code == 401
    assert [(line["event"], line.get("status")) for line in lines if "status" in line] == [
        ("request", 401)
    ]


def test_in_production_nothing_is_taken_in_the_clear(app_factory):
    client = app_factory.create_app(**PRODUCTION_SETTINGS).test_client()
    clear = TikTokWebhookSender(client).send(build_envelope())
    assert (clear.status_code, clear.json["error"]["code"]) == (403, "FORBIDDEN")
    encrypted = TikTokWebhookSender(client).send(
        build_envelope(), headers={"X-Forwarded-Proto": "https"}
    )
    assert encrypted.status_code == 200
    assert "Strict-Transport-Security" in encrypted.headers


def test_an_address_with_a_nul_is_unusable(client):
    response = client.get(WEBHOOK_PATH + "?challenge=%00")
    assert (response.status_code, response.json["error"]["code"]) == (400, "VALIDATION_ERROR")
