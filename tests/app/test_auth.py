from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.logins import Login
from db.users import Users


def set_cookie(answer, name="signalpost_session"):
    return next(one for one in answer.headers.getlist("Set-Cookie") if one.startswith(name))


def actions(house):
    with house.database.transaction() as session:
        return session.scalars(text("SELECT action FROM audit_log ORDER BY id")).all()


def shut_out(house, person):
    with house.database.transaction() as session:
        Users(session).get(person.id).disabled_at = datetime.now(UTC)


def test_a_stranger_is_told_to_sign_in(client):
    answer = client.get("/api/auth/me")
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "UNAUTHORIZED"


def test_a_login_answers_who_i_am_and_sets_one_careful_cookie(client, a_user):
    alice = a_user()
    answer = client.post(
        "/api/auth/login", json={"email": "ALICE@example.org", "password": alice.password}
    )
    assert answer.json["data"] == {
        "id": alice.id,
        "email": "alice@example.org",
        "isAdmin": False,
        "locale": "en",
    }
    assert "HttpOnly" in set_cookie(answer)
    assert "SameSite=Lax" in set_cookie(answer)
    assert client.get("/api/auth/me").json["data"]["auth"] == "session"


def test_wrong_password_unknown_mail_and_shut_out_users_read_the_same(client, a_user, house):
    alice, bob = a_user(), a_user("bob@example.org")
    nobodys = a_user("carol@example.org", password=None)
    shut_out(house, bob)
    answers = [
        client.post("/api/auth/login", json={"email": email, "password": password})
        for email, password in (
            (alice.email, "wrong"),
            ("unknown@example.org", alice.password),
            (bob.email, bob.password),
            (nobodys.email, ""),
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    said = [{**answer.json["error"], "requestId": ""} for answer in answers]
    assert said.count(said[0]) == len(said)
    assert said[0]["code"] == "invalid_login"


def test_the_database_holds_no_cookie_and_no_password(client, a_user, house):
    alice = a_user()
    answer = client.post("/api/auth/login", json={"email": alice.email, "password": alice.password})
    value = set_cookie(answer).partition("=")[2].partition(";")[0]
    with house.database.transaction() as session:
        rows = str(session.execute(text("SELECT * FROM sessions, users, audit_log")).all())
    assert value not in rows
    assert alice.password not in rows


def test_signing_out_ends_the_session_also_for_a_copied_cookie(signed_in_client, app, house):
    thief = app.test_client()
    value = signed_in_client.get_cookie("signalpost_session").value
    thief.set_cookie("signalpost_session", value)
    assert thief.get("/api/auth/me").status_code == 200
    answer = signed_in_client.post("/api/auth/logout")
    assert answer.json == {"success": True}
    assert signed_in_client.get_cookie("signalpost_session") is None
    assert thief.get("/api/auth/me").status_code == 401
    assert actions(house) == ["user.added", "login", "logout"]


def age(house, **moments):
    with house.database.transaction() as session:
        login = session.query(Login).one()
        for name, delta in moments.items():
            setattr(login, name, datetime.now(UTC) + delta)


def test_a_session_in_use_lasts_on(signed_in_client, house):
    age(house, seen_at=-timedelta(hours=1), expires_at=timedelta(hours=1))
    assert signed_in_client.get("/api/auth/me").status_code == 200
    with house.database.transaction() as session:
        left = session.query(Login).one().expires_at - datetime.now(UTC)
    assert timedelta(days=13) < left <= timedelta(days=14)


def test_a_session_without_use_ends(signed_in_client, house):
    age(house, expires_at=-timedelta(seconds=1))
    assert signed_in_client.get("/api/auth/me").status_code == 401


def test_whoever_is_shut_out_is_out_at_once(signed_in, a_user, a_program, house):
    alice = a_user()
    browser, program = signed_in(alice), a_program(alice)
    shut_out(house, alice)
    assert browser.get("/api/auth/me").status_code == 401
    assert program.get("/api/auth/me").status_code == 401


def test_an_administrator_may_administrate(signed_in, a_user):
    boss = a_user("boss@example.org", is_admin=True)
    data = signed_in(boss).get("/api/auth/me").json["data"]
    assert data["isAdmin"] is True
    assert "admin" in data["scopes"]
    assert "workers:run" not in data["scopes"]


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer x.y.z", "Basic YTpi", "sp_a_b"])
def test_what_is_no_token_is_nobody(client, header):
    answer = client.get("/api/auth/me", headers={"Authorization": header})
    assert answer.status_code == 401
