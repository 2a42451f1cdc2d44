"""The views for operators: what they contain, and what they never contain."""

import pytest
from sqlalchemy import text

from core.errors import ServiceUnavailable
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


@pytest.mark.parametrize("path", ["config", "circuit-breakers", "accounts/1"])
def test_only_administrators_may_use_these_views(client, make_user, make_api_client, path):
    api_client = make_api_client(make_user(), "accounts:read", "posts:read")
    assert client.get(f"/api/admin/{path}").status_code == 401
    assert api_client.get(f"/api/admin/{path}").status_code == 403
