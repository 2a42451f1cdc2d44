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
    cookie = next(one for one in answer.headers.getlist("Set-Cookie") if "signalpost_session" in one)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert client.get("/api/auth/me").json["data"]["auth"] == "session"
