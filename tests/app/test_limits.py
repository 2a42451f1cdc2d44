import time

import pytest

LOGIN = {"email": "nobody@example.org", "password": "x"}


@pytest.fixture
def narrow(stage):
    """A house with small budgets."""
    return stage.house(
        RATE_LIMIT_LOGIN="2/15m",
        RATE_LIMIT_OAUTH="2/15m",
        RATE_LIMIT_USER="3/1m",
        RATE_LIMIT_ANONYMOUS="2/1m",
    )


@pytest.fixture
def app(narrow):
    return narrow


@pytest.fixture
def without_redis(stage):
    return stage.house(REDIS_URL="redis://127.0.0.1:1/0").test_client()


def test_each_answer_says_what_is_left(client):
    answer = client.get("/api/auth/me")
    assert answer.headers["X-RateLimit-Limit"] == "2"
    assert answer.headers["X-RateLimit-Remaining"] == "1"
    assert 0 < int(answer.headers["X-RateLimit-Reset"]) - time.time() <= 61


def test_one_call_too_many_is_refused_and_told_how_long_to_wait(client):
    answers = [client.get("/api/auth/me") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
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


def test_an_ipv6_household_has_one_budget(client):
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


def test_a_trusted_proxy_says_who_called(stage):
    app = stage.house(TRUSTED_PROXY_COUNT="1", RATE_LIMIT_ANONYMOUS="2/1m")
    client = app.test_client()
    answers = [
        client.get("/api/auth/me", headers={"X-Forwarded-For": f"6.6.6.6, 10.0.0.{number}"})
        for number in range(3)
    ]
    assert {answer.status_code for answer in answers} == {401}


def test_users_have_a_budget_of_their_own_whatever_they_come_with(a_user, a_program, signed_in):
    alice, bob = a_user(), a_user("bob@example.org")
    program, browser = a_program(alice), signed_in(alice)
    answers = [client.get("/api/auth/me") for client in (program, browser, program, browser)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert a_program(bob).get("/api/auth/me").status_code == 200


def test_logins_are_counted_apart_and_tightly(client):
    answers = [client.post("/api/auth/login", json=LOGIN) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].json["error"]["retryAfter"] > 600


def test_without_redis_nobody_signs_in(without_redis):
    answer = without_redis.post("/api/auth/login", json=LOGIN)
    assert answer.status_code == 503
    assert answer.json["error"]["code"] == "SERVICE_UNAVAILABLE"


def test_without_redis_everything_else_passes_and_is_counted(without_redis):
    assert without_redis.get("/api/auth/me").status_code == 401
    counted = without_redis.get("/metrics").text
    assert 'signalpost_limiter_away_total{scope="general"}' in counted


def test_static_files_and_health_are_not_counted(client):
    for path in ("/static/style.css", "/healthz", "/readyz"):
        assert "X-RateLimit-Limit" not in client.get(path).headers
