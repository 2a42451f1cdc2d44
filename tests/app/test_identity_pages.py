"""The pages to sign in and out."""

import re


def csrf_token_of(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


def test_an_anonymous_visitor_is_sent_to_the_login_and_back(client, make_user):
    alice = make_user()
    redirect = client.get("/posts?state=FAILED")
    assert (redirect.status_code, redirect.location) == (302, "/login?next=/posts?state%3DFAILED")
    form = client.get(redirect.location)
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


def test_a_login_form_without_its_csrf_token_is_refused(client, make_user):
    alice = make_user()
    response = client.post("/login", data={"email": alice.email, "password": alice.password})
    assert response.status_code == 403
    assert client.get("/api/auth/me").status_code == 401


def test_signing_out_shows_a_confirmation(client, make_user):
    alice = make_user()
    form = client.get("/login")
    credentials = {
        "email": alice.email,
        "password": alice.password,
        "csrf_token": csrf_token_of(form),
    }
    client.post("/login", data=credentials)
    page = client.get("/")
    signed_out_page = client.post(
        "/logout", data={"csrf_token": csrf_token_of(page)}, follow_redirects=True
    )
    assert "You are signed out." in signed_out_page.text
    assert client.get("/api/auth/me").status_code == 401


def test_an_unknown_page_is_answered_with_a_page(client):
    response = client.get("/nothing", headers={"Accept-Language": "fr"})
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert "Rien n&#39;a été trouvé" in response.text


def test_a_page_in_use_renews_its_cookie(client, make_user):
    alice = make_user()
    credentials = {"email": alice.email, "password": alice.password}
    client.post("/api/auth/login", json=credentials)
    cookies = client.get("/").headers.getlist("Set-Cookie")
    assert any(
        cookie.startswith("signalpost_session=") and "Max-Age=1209600" in cookie
        for cookie in cookies
    )
