"""Rate limits of the API: who is counted, the headers, and requests without Redis."""

import os
import signal
import time
from threading import Timer

import pytest

LOGIN = {"email": "unknown@example.org", "password": "x"}


@pytest.fixture
def small_limits_app(app_factory):
    """An application with small limits."""
    return app_factory.create_app(
        RATE_LIMIT_LOGIN="2/15m",
        RATE_LIMIT_OAUTH="2/15m",
        RATE_LIMIT_USER="3/1m",
        RATE_LIMIT_ANONYMOUS="2/1m",
    )


@pytest.fixture
def app(small_limits_app):
    return small_limits_app


@pytest.fixture
def no_redis_client(app_factory):
    return app_factory.create_app(REDIS_URL="redis://127.0.0.1:1/0").test_client()


def test_every_response_has_the_remaining_limit(client):
    response = client.get("/api/auth/me")
    assert response.headers["X-RateLimit-Limit"] == "2"
    assert response.headers["X-RateLimit-Remaining"] == "1"
    assert 0 < int(response.headers["X-RateLimit-Reset"]) - time.time() <= 61


def test_a_request_above_the_limit_is_refused_with_a_retry_time(client):
    responses = [client.get("/api/auth/me") for _ in range(3)]
    assert [response.status_code for response in responses] == [401, 401, 429]
    error = responses[-1].json["error"]
    assert error["code"] == "RATE_LIMIT_EXCEEDED"
    assert 0 < error["retryAfter"] <= 60
    assert responses[-1].headers["Retry-After"] == str(error["retryAfter"])
    assert responses[-1].headers["X-RateLimit-Remaining"] == "0"


def test_anonymous_requests_are_counted_by_address(client):
    for _ in range(3):
        client.get("/api/auth/me")
    other = client.get("/api/auth/me", environ_base={"REMOTE_ADDR": "127.0.0.2"})
    assert other.status_code == 401


def test_an_ipv6_network_shares_one_limit(client):
    responses = [
        client.get("/api/auth/me", environ_base={"REMOTE_ADDR": f"2001:db8::{number}"})
        for number in range(3)
    ]
    assert responses[-1].status_code == 429


def test_an_untrusted_proxy_header_is_ignored(client):
    responses = [
        client.get("/api/auth/me", headers={"X-Forwarded-For": f"10.0.0.{number}"})
        for number in range(3)
    ]
    assert responses[-1].status_code == 429


def test_a_trusted_proxy_header_names_the_client(app_factory):
    app = app_factory.create_app(TRUSTED_PROXY_COUNT="1", RATE_LIMIT_ANONYMOUS="2/1m")
    client = app.test_client()
    responses = [
        client.get("/api/auth/me", headers={"X-Forwarded-For": f"6.6.6.6, 10.0.0.{number}"})
        for number in range(3)
    ]
    assert {response.status_code for response in responses} == {401}


def test_requests_of_a_user_share_one_limit_whatever_the_authentication(
    make_user, make_api_client, sign_in
):
    alice, bob = make_user(), make_user("bob@example.org")
    api_client, browser = make_api_client(alice), sign_in(alice)
    responses = [
        client.get("/api/auth/me") for client in (api_client, browser, api_client, browser)
    ]
    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert make_api_client(bob).get("/api/auth/me").status_code == 200


def test_logins_have_their_own_stricter_limit(client):
    responses = [client.post("/api/auth/login", json=LOGIN) for _ in range(3)]
    assert [response.status_code for response in responses] == [401, 401, 429]
    assert responses[-1].json["error"]["retryAfter"] > 600


def test_without_redis_logins_are_refused(no_redis_client):
    response = no_redis_client.post("/api/auth/login", json=LOGIN)
    assert response.status_code == 503
    assert response.json["error"]["code"] == "SERVICE_UNAVAILABLE"


def test_a_redis_that_answers_late_refuses_no_login(app_factory, valkey_server):
    """As on a busy machine. Other requests would not be counted, for they are not refused."""
    server = valkey_server()
    client = app_factory.create_app(REDIS_URL=server.url()).test_client()
    os.kill(server.pid, signal.SIGSTOP)
    responses = [client.get("/api/auth/me")]
    resume = Timer(0.3, os.kill, (server.pid, signal.SIGCONT))  # longer than others wait
    resume.start()
    responses.append(client.post("/api/auth/login", json=LOGIN))
    resume.join()
    assert [response.status_code for response in responses] == [401, 401]
    counted = ["X-RateLimit-Remaining" in response.headers for response in responses]
    assert counted == [False, True]


def test_without_redis_all_other_requests_pass_and_a_metric_counts_them(no_redis_client):
    assert no_redis_client.get("/api/auth/me").status_code == 401
    metrics = no_redis_client.get("/metrics").text
    assert 'signalpost_limiter_away_total{scope="general"}' in metrics


def test_static_files_and_health_are_not_counted(client):
    for path in ("/static/style.css", "/healthz", "/readyz"):
        assert "X-RateLimit-Limit" not in client.get(path).headers


def test_pages_have_a_limit_of_their_own_that_no_person_meets(app_factory):
    client = app_factory.create_app(RATE_LIMIT_PAGES="3/1m").test_client()
    responses = [client.get(path) for path in ("/login", "/docs", "/openapi.json", "/login")]
    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert "text/html" in responses[-1].headers["Content-Type"]
    assert "Retry-After" in responses[-1].headers
    assert client.get("/api/auth/me").status_code == 401  # counted by another limit
    shipped = app_factory.create_app().test_client().get("/login")
    assert shipped.headers["X-RateLimit-Limit"] == "600"


def test_parts_of_an_upload_are_no_calls_of_the_api(make_user, make_api_client):
    """They neither are refused for their number nor use up the limit for other calls."""
    client = make_api_client(make_user())
    headers = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    for _ in range(5):
        response = client.patch("/api/media/1", headers={**headers, "Upload-Offset": "0"})
        assert response.status_code == 404
        assert "X-RateLimit-Limit" not in response.headers
    assert client.get("/api/auth/me").headers["X-RateLimit-Remaining"] == "2"


def test_parts_of_an_upload_without_a_sign_in_are_counted(client):
    statuses = [client.patch("/api/media/1").status_code for _ in range(3)]
    assert statuses == [401, 401, 429]


def test_the_words_of_a_refusal_have_the_figures_of_the_limit(client):
    error = [client.get("/api/auth/me") for _ in range(3)][-1].json["error"]
    assert f"in {error['retryAfter']} seconds" in error["message"]
    assert "limit of 2 requests" in error["message"]
