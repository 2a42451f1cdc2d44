"""API keys: creation, scopes, expiry and revocation."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.identity.users import Users

READER_KEY = {"name": "reader", "scopes": ["posts:read"]}


def bearer_header(key):
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_returned_once_and_grants_its_scopes(signed_in_client, client):
    created = signed_in_client.post("/api/keys", json=READER_KEY)
    assert created.status_code == 201
    key = created.json["data"]["key"]
    assert key.startswith(created.json["data"]["prefix"] + "_")
    me = client.get("/api/auth/me", headers=bearer_header(key)).json["data"]
    assert (me["auth"], me["scopes"]) == ("key", ["posts:read"])
    listed = signed_in_client.get("/api/keys")
    assert listed.json["data"][0]["lastUsedAt"] is not None
    assert key not in listed.text


def test_the_database_holds_no_key(make_api_key, make_user, container):
    key = make_api_key(make_user())
    with container.database.transaction() as session:
        rows = str(session.execute(text("SELECT * FROM api_keys, audit_log")).all())
    assert key not in rows
    assert key.split("_", 2)[2] not in rows


def test_a_key_cannot_have_a_scope_that_its_owner_lacks(signed_in_client):
    response = signed_in_client.post("/api/keys", json={"name": "x", "scopes": ["admin"]})
    assert response.status_code == 400
    assert "scopes" in response.json["error"]["details"]["fields"]


def test_an_administrator_may_let_a_program_run_workers(sign_in, make_user):
    admin = sign_in(make_user("admin@example.org", is_admin=True))
    fields = {"name": "cron", "scopes": ["workers:run", "admin"]}
    assert admin.post("/api/keys", json=fields).status_code == 201


def test_a_key_loses_admin_with_its_owner(make_user, make_api_client, container):
    admin = make_user("admin@example.org", is_admin=True)
    api_client = make_api_client(admin, "admin", "posts:read")
    assert api_client.get("/api/auth/me").json["data"]["isAdmin"] is True
    with container.database.transaction() as session:
        Users(session).get(admin.id).is_admin = False
    assert api_client.get("/api/auth/me").json["data"]["scopes"] == ["posts:read"]


def test_a_key_cannot_manage_keys(make_user, make_api_client):
    response = make_api_client(make_user()).get("/api/keys")
    assert response.status_code == 403
    assert response.json["error"]["code"] == "FORBIDDEN"


def test_a_revoked_key_is_refused_at_once(signed_in_client, client):
    created = signed_in_client.post("/api/keys", json=READER_KEY).json["data"]
    assert signed_in_client.delete(f"/api/keys/{created['id']}").json == {"success": True}
    assert client.get("/api/auth/me", headers=bearer_header(created["key"])).status_code == 401
    assert signed_in_client.delete(f"/api/keys/{created['id']}").status_code == 404


def test_the_keys_of_other_users_are_not_found(sign_in, make_user):
    alice, bob = sign_in(make_user()), sign_in(make_user("bob@example.org"))
    created = alice.post("/api/keys", json=READER_KEY).json["data"]
    assert bob.delete(f"/api/keys/{created['id']}").status_code == 404
    assert bob.get("/api/keys").json["data"] == []


def test_an_expired_key_is_refused(make_user, make_api_client):
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert make_api_client(make_user(), expires_at=past).get("/api/auth/me").status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["no:such"]},
        {"name": ""},
        {"name": " \u200b\u0301"},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"expiresAt": "2999-01-01T00:00:00"},
        {"owner": 1},
    ],
)
def test_an_invalid_key_request_is_refused(signed_in_client, wrong):
    response = signed_in_client.post("/api/keys", json=READER_KEY | wrong)
    assert response.status_code == 400
    error = response.json["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert "Value error" not in str(error)
