"""Logging in and out, and how long a session lasts."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.identity.login_sessions import LoginSession
from db.identity.users import Users


def find_set_cookie(response, name="signalpost_session"):
    return next(
        cookie for cookie in response.headers.getlist("Set-Cookie") if cookie.startswith(name)
    )


def audit_actions(container):
    with container.database.transaction() as session:
        return session.scalars(text("SELECT action FROM audit_log ORDER BY id")).all()


def disable_user(container, user):
    with container.database.transaction() as session:
        Users(session).get(user.id).disabled_at = datetime.now(UTC)


def test_an_anonymous_request_is_refused(client):
    response = client.get("/api/auth/me")
    assert response.status_code == 401
    assert response.json["error"]["code"] == "UNAUTHORIZED"


def test_a_login_returns_the_user_and_sets_a_protected_cookie(client, make_user):
    alice = make_user()
    response = client.post(
        "/api/auth/login", json={"email": "ALICE@example.org", "password": alice.password}
    )
    assert response.json["data"] == {
        "id": alice.id,
        "email": "alice@example.org",
        "isAdmin": False,
        "locale": "en",
    }
    assert "HttpOnly" in find_set_cookie(response)
    assert "SameSite=Lax" in find_set_cookie(response)
    assert client.get("/api/auth/me").json["data"]["auth"] == "session"


def test_all_failed_logins_get_the_same_answer(client, make_user, container):
    alice, bob = make_user(), make_user("bob@example.org")
    carol = make_user("carol@example.org", password=None)
    disable_user(container, bob)
    answers = [
        client.post("/api/auth/login", json={"email": email, "password": password})
        for email, password in (
            (alice.email, "wrong"),
            ("unknown@example.org", alice.password),
            (bob.email, bob.password),
            (carol.email, ""),
        )
    ]
    assert {response.status_code for response in answers} == {401}
    errors = [{**response.json["error"], "requestId": ""} for response in answers]
    assert errors.count(errors[0]) == len(errors)
    assert errors[0]["code"] == "invalid_login"


def test_the_database_holds_no_cookie_and_no_password(client, make_user, container):
    alice = make_user()
    response = client.post(
        "/api/auth/login", json={"email": alice.email, "password": alice.password}
    )
    value = find_set_cookie(response).partition("=")[2].partition(";")[0]
    with container.database.transaction() as session:
        rows = str(session.execute(text("SELECT * FROM sessions, users, audit_log")).all())
    assert value not in rows
    assert alice.password not in rows


def test_signing_out_ends_the_session_also_for_a_copied_cookie(signed_in_client, app, container):
    thief = app.test_client()
    value = signed_in_client.get_cookie("signalpost_session").value
    thief.set_cookie("signalpost_session", value)
    assert thief.get("/api/auth/me").status_code == 200
    response = signed_in_client.post("/api/auth/logout")
    assert response.json == {"success": True}
    assert signed_in_client.get_cookie("signalpost_session") is None
    assert thief.get("/api/auth/me").status_code == 401
    assert audit_actions(container) == ["user.added", "login", "logout"]


@pytest.mark.parametrize("path", ["/api/auth/logout", "/logout"])
def test_signing_out_clears_what_the_browser_has_stored(signed_in_client, path):
    token = signed_in_client.get("/api/auth/me").json["csrfToken"]
    response = signed_in_client.post(path, headers={"X-CSRF-Token": token})
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'


def shift_login_times(container, **moments):
    with container.database.transaction() as session:
        login = session.query(LoginSession).one()
        for name, delta in moments.items():
            setattr(login, name, datetime.now(UTC) + delta)


def test_a_session_in_use_is_extended(signed_in_client, container):
    shift_login_times(container, seen_at=-timedelta(hours=1), expires_at=timedelta(hours=1))
    assert signed_in_client.get("/api/auth/me").status_code == 200
    with container.database.transaction() as session:
        left = session.query(LoginSession).one().expires_at - datetime.now(UTC)
    assert timedelta(days=13) < left <= timedelta(days=14)


def test_an_expired_session_is_refused(signed_in_client, container):
    shift_login_times(container, expires_at=-timedelta(seconds=1))
    assert signed_in_client.get("/api/auth/me").status_code == 401


def test_a_disabled_user_is_refused_at_once(sign_in, make_user, make_api_client, container):
    alice = make_user()
    browser, api_client = sign_in(alice), make_api_client(alice)
    disable_user(container, alice)
    assert browser.get("/api/auth/me").status_code == 401
    assert api_client.get("/api/auth/me").status_code == 401


def test_an_administrator_has_the_admin_scope(sign_in, make_user):
    admin = make_user("admin@example.org", is_admin=True)
    data = sign_in(admin).get("/api/auth/me").json["data"]
    assert data["isAdmin"] is True
    assert "admin" in data["scopes"]
    assert "workers:run" not in data["scopes"]


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer x.y.z", "Basic YTpi", "sp_a_b"])
def test_a_malformed_authorization_header_is_refused(client, header):
    response = client.get("/api/auth/me", headers={"Authorization": header})
    assert response.status_code == 401
