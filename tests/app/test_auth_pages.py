import re


def token_of(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


def test_a_stranger_is_sent_to_the_login_and_back(client, a_user):
    alice = a_user()
    sent = client.get("/posts?state=FAILED")
    assert (sent.status_code, sent.location) == (302, "/login?next=/posts?state%3DFAILED")
    form = client.get(sent.location)
    answer = client.post(
        "/login",
        data={
            "csrf_token": token_of(form),
            "email": alice.email,
            "password": alice.password,
            "next": "/posts?state=FAILED",
        },
    )
    assert (answer.status_code, answer.location) == (302, "/posts?state=FAILED")
    assert client.get("/posts").status_code == 200


def test_a_form_without_its_token_signs_nobody_in(client, a_user):
    alice = a_user()
    answer = client.post("/login", data={"email": alice.email, "password": alice.password})
    assert answer.status_code == 403
    assert client.get("/api/auth/me").status_code == 401


def test_signing_out_has_a_last_word(client, a_user):
    alice = a_user()
    form = client.get("/login")
    said = {"email": alice.email, "password": alice.password, "csrf_token": token_of(form)}
    client.post("/login", data=said)
    page = client.get("/")
    left = client.post("/logout", data={"csrf_token": token_of(page)}, follow_redirects=True)
    assert "You are signed out." in left.text
    assert client.get("/api/auth/me").status_code == 401


def test_an_unknown_page_says_so_as_a_page(client):
    answer = client.get("/nothing", headers={"Accept-Language": "fr"})
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "rien sous ce nom" in answer.text


def test_a_page_in_use_renews_its_cookie(client, a_user):
    alice = a_user()
    said = {"email": alice.email, "password": alice.password}
    client.post("/api/auth/login", json=said)
    cookies = client.get("/").headers.getlist("Set-Cookie")
    assert any(
        one.startswith("signalpost_session=") and "Max-Age=1209600" in one for one in cookies
    )
