import re


def csrf_token_of(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


def test_a_stranger_is_sent_to_the_login_and_back(client, make_user):
    alice = make_user()
    sent = client.get("/posts?state=FAILED")
    assert (sent.status_code, sent.location) == (302, "/login?next=/posts?state%3DFAILED")
    form = client.get(sent.location)
    response = client.post(
        "/login",
        data={
            "csrf_token": csrf_token_of(form),
            "email": alice.email,
            "password": alice.password,
            "next": "/posts?state=FAILED",
        },
    )
    assert (response.status_code, response.location) == (302, "/posts?state=FAILED")
    assert client.get("/posts").status_code == 200


def test_a_form_without_its_token_signs_nobody_in(client, make_user):
    alice = make_user()
    response = client.post("/login", data={"email": alice.email, "password": alice.password})
    assert response.status_code == 403
    assert client.get("/api/auth/me").status_code == 401


def test_signing_out_shows_a_confirmation(client, make_user):
    alice = make_user()
    form = client.get("/login")
    said = {"email": alice.email, "password": alice.password, "csrf_token": csrf_token_of(form)}
    client.post("/login", data=said)
    page = client.get("/")
    left = client.post("/logout", data={"csrf_token": csrf_token_of(page)}, follow_redirects=True)
    assert "You are signed out." in left.text
    assert client.get("/api/auth/me").status_code == 401


def test_an_unknown_page_says_so_as_a_page(client):
    response = client.get("/nothing", headers={"Accept-Language": "fr"})
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "rien sous ce nom" in response.text


def test_a_page_in_use_renews_its_cookie(client, make_user):
    alice = make_user()
    said = {"email": alice.email, "password": alice.password}
    client.post("/api/auth/login", json=said)
    cookies = client.get("/").headers.getlist("Set-Cookie")
    assert any(
        one.startswith("signalpost_session=") and "Max-Age=1209600" in one for one in cookies
    )
