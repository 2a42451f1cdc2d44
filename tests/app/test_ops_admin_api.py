"""The views for operators: what they contain, and what they never contain."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from app.http.context import CONTAINER_KEY
from core.errors import ServiceUnavailable
from core.limits.rate_limits import RateLimits
from core.limits.redis_client import RedisClient
from platforms.errors import Unavailable


def test_settings_are_listed_by_name_and_never_by_value(admin_client):
    response = admin_client.get("/api/admin/config")
    assert response.json["data"]["TIKTOK_CLIENT_SECRET"] is True
    assert response.json["data"]["JWT_SECRET"] is False
    assert "client-secret" not in response.text
    assert set(map(type, response.json["data"].values())) == {bool}


def test_an_account_is_returned_without_its_tokens(admin_client, make_user, container):
    alice = make_user()
    with container.database.transaction() as session:
        insert_account = text(
            "INSERT INTO oauth_accounts (user_id, provider, open_id, scope, expires_at,"
            " access_token_encrypted) VALUES (:user, 'tiktok', 'open-1', 'video.upload',"
            " now() + interval '1 day', 'v1.canary') RETURNING id"
        )
        account = session.execute(insert_account, {"user": alice.id}).scalar_one()
    response = admin_client.get(f"/api/admin/accounts/{account}")
    assert response.json["data"]["openId"] == "open-1"
    assert response.json["data"]["hasAccessToken"] is True
    assert response.json["data"]["hasRefreshToken"] is False
    assert "canary" not in response.text
    assert admin_client.get("/api/admin/accounts/999999").status_code == 404


def test_circuit_breakers_are_listed_with_their_state(admin_client, container):
    def fail():
        raise Unavailable

    for _ in range(5):
        with pytest.raises(Unavailable):
            container.services.circuits.call("tiktok", "read", fail)
    with pytest.raises(ServiceUnavailable):
        container.services.circuits.call("tiktok", "read", fail)
    circuits_by_class = {
        circuit["class"]: circuit
        for circuit in admin_client.get("/api/admin/circuit-breakers").json["data"]
    }
    assert (circuits_by_class["read"]["state"], circuits_by_class["read"]["totalFailures"]) == (
        "OPEN",
        5,
    )
    assert circuits_by_class["read"]["lastFailure"].endswith("Z")
    assert circuits_by_class["oauth"]["state"] == "CLOSED"


def test_limits_of_calls_are_listed_with_the_account_nearest_to_them(admin_client, container):
    limits = container.services.rate_limits
    for account_id, uses in ((7, 2), (8, 1)):
        for _ in range(uses):
            limits.acquire(account_id, "init")
    rows = {row["class"]: row for row in admin_client.get("/api/admin/rate-limits").json["data"]}
    assert {key: rows["init"][key] for key in ("platform", "limit", "used", "accountId")} == {
        "platform": "tiktok",
        "limit": 6,
        "used": 2,
        "accountId": 7,
    }
    assert rows["init"]["complete"]
    assert rows["init"]["freesAt"].endswith("Z")
    assert rows["init"]["blockedUntil"] is None
    assert (rows["status"]["used"], rows["status"]["accountId"]) == (0, None)


def test_without_redis_the_use_of_limits_is_not_made_up(admin_client, container, monkeypatch):
    closed = RedisClient("redis://127.0.0.1:1/0")
    rates = container.services.rate_limits.rates
    services = replace(container.services, rate_limits=RateLimits(closed, rates))
    monkeypatch.setitem(
        admin_client.application.extensions, CONTAINER_KEY, replace(container, services=services)
    )
    response = admin_client.get("/api/admin/rate-limits")
    assert (response.status_code, response.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")


@pytest.mark.parametrize("path", ["config", "circuit-breakers", "rate-limits", "accounts/1"])
def test_only_administrators_may_use_these_views(client, make_user, make_api_client, path):
    api_client = make_api_client(make_user(), "accounts:read", "posts:read")
    assert client.get(f"/api/admin/{path}").status_code == 401
    assert api_client.get(f"/api/admin/{path}").status_code == 403
