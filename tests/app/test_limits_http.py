import time

import pytest

LOGIN = {"email": "nobody@example.org", "password": "x"}


@pytest.fixture
def small_limits_app(app_factory):
    """A house with small budgets."""
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


def test_each_answer_says_what_is_left(client):
    response = client.get("/api/auth/me")
    assert response.headers["X-RateLimit-Limit"] == "2"
    assert response.headers["X-RateLimit-Remaining"] == "1"
    assert 0 < int(response.headers["X-RateLimit-Reset"]) - time.time() <= 61


def test_one_call_too_many_is_refused_with_a_retry_time(client):
    answers = [client.get("/api/auth/me") for _ in range(3)]
    assert [response.status_code for response in answers] == [401, 401, 429]
    error = answers[-1].json["error"]
    assert error["code"] == "RATE_LIMIT_EXCEEDED"
    assert 0 < error["retryAfter"] <= 60
    assert answers[-1].headers["Retry-After"] == str(error["retryAfter"])
    assert answers[-1].headers["X-RateLimit-Remaining"] == "0"


def test_a_strangers_budget_goes_with_the_address(client):
    for _ in range(3):
        client.get("/api/auth/me")
    other = client.get("/api/auth/me", environ_base={"REMOTE_ADDR": "127.0.0.2"})
    assert other.status_code == 401


def test_an_ipv6_network_has_one_budget(client):
    answers = [
        client.get("/api/auth/me", environ_base={"REMOTE_ADDR": f"2001:db8::{number}"})
        for number in range(3)
    ]
    assert answers[-1].status_code == 429


def test_an_invented_proxy_header_wins_no_budget(client):
    answers = [
        client.get("/api/auth/me", headers={"X-Forwarded-For": f"10.0.0.{number}"})
        for number in range(3)
    ]
    assert answers[-1].status_code == 429


def test_a_trusted_proxy_says_who_called(app_factory):
    app = app_factory.create_app(TRUSTED_PROXY_COUNT="1", RATE_LIMIT_ANONYMOUS="2/1m")
    client = app.test_client()
    answers = [
        client.get("/api/auth/me", headers={"X-Forwarded-For": f"6.6.6.6, 10.0.0.{number}"})
        for number in range(3)
    ]
    assert {response.status_code for response in answers} == {401}


def test_users_have_a_budget_of_their_own_whatever_they_come_with(
    make_user, make_api_client, sign_in
):
    alice, bob = make_user(), make_user("bob@example.org")
    api_client, browser = make_api_client(alice), sign_in(alice)
    answers = [client.get("/api/auth/me") for client in (api_client, browser, api_client, browser)]
    assert [response.status_code for response in answers] == [200, 200, 200, 429]
    assert make_api_client(bob).get("/api/auth/me").status_code == 200


def test_logins_are_counted_apart_and_tightly(client):
    answers = [client.post("/api/auth/login", json=LOGIN) for _ in range(3)]
    assert [response.status_code for response in answers] == [401, 401, 429]
    assert answers[-1].json["error"]["retryAfter"] > 600


def test_without_redis_nobody_signs_in(no_redis_client):
    response = no_redis_client.post("/api/auth/login", json=LOGIN)
    assert response.status_code == 503
    assert response.json["error"]["code"] == "SERVICE_UNAVAILABLE"


def test_without_redis_everything_else_passes_and_is_counted(no_redis_client):
    assert no_redis_client.get("/api/auth/me").status_code == 401
    counted = no_redis_client.get("/metrics").text
    assert 'signalpost_limiter_away_total{scope="general"}' in counted


def test_static_files_and_health_are_not_counted(client):
    for path in ("/static/style.css", "/healthz", "/readyz"):
        assert "X-RateLimit-Limit" not in client.get(path).headers
