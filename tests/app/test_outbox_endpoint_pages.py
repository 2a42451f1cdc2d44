"""The pages of endpoints, as a browser without scripts gets them."""

import re

import pytest

from core import outbox
from core.jobs.runner import run_jobs
from tests.platforms.hostile_server import hostile_server, http_response, set_responses

ENDPOINTS_PAGE = "/settings/endpoints"
SECRET_PATTERN = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def app(app_factory):
    return app_factory.create_app(ENDPOINT_PRIVATE_HOSTS="on")


@pytest.fixture
def alice_browser(sign_in, make_user):
    return sign_in(make_user())


@pytest.fixture
def receiver():
    with hostile_server() as server:
        yield server


def add_endpoint(browser, url, **more):
    """The address of its page."""
    response = browser.post(ENDPOINTS_PAGE, data={"url": url, **more})
    assert response.status_code == 200, response.text
    assert SECRET_PATTERN.search(response.text)
    return re.search(rf'href="({ENDPOINTS_PAGE}/\d+)">{re.escape(url)}', response.text)[1]


def deliver_all(container):
    while run_jobs(outbox.DELIVERY_JOB, container.database, container.services).claimed:
        pass


def test_an_endpoint_is_added_and_its_secret_shown_once(alice_browser):
    where = add_endpoint(
        alice_browser, "https://host.example.com/hook", event=["post.failed", "post.published"]
    )
    for path in (ENDPOINTS_PAGE, where):
        response = alice_browser.get(path)
        assert not SECRET_PATTERN.search(response.text)
        assert "post.failed" in response.text
        assert "account.revoked" not in re.sub(
            r"<form.*?</form>", "", response.text, flags=re.DOTALL
        )


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"url": "nonsense"},
        {"url": "https://a.example.com/", "event": "x"},
        {"url": "https://a.example.com/", "description": "x" * 201},
        {"url": "https://a.example.com/\x00"},
    ],
)
def test_what_cannot_be_used_is_said_on_the_page(alice_browser, wish):
    response = alice_browser.post(ENDPOINTS_PAGE, data=wish)
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert "No endpoints yet." in response.text


def test_a_message_is_tried_seen_and_delivered_again(alice_browser, container, receiver):
    set_responses(
        receiver, http_response(500, b"<script>alert(1)</script>"), http_response(200, b"thanks")
    )
    where = add_endpoint(alice_browser, receiver.url + "/hook")
    assert alice_browser.post(where + "/test").status_code == 302
    deliver_all(container)
    told = alice_browser.get(where).text
    assert "On its way" in told
    assert "500" in told
    assert "<script>alert" not in told
    again = re.search(rf'action="({where}/deliveries/\d+)"', told)[1]
    assert alice_browser.post(again).status_code == 302
    deliver_all(container)
    told = alice_browser.get(where).text
    assert "Delivered" in told
    assert "thanks" in told
    assert len({head["webhook-id"] for head in receiver.request_headers}) == 1


def test_it_is_disabled_enabled_given_a_secret_and_removed(alice_browser):
    where = add_endpoint(alice_browser, "https://host.example.com/hook")
    assert "disabled" in alice_browser.post(where + "/disable", follow_redirects=True).text
    refused = alice_browser.post(where + "/test", follow_redirects=True).text
    assert "The endpoint is disabled. Enable it first." in refused
    assert "enabled" in alice_browser.post(where + "/enable", follow_redirects=True).text
    assert SECRET_PATTERN.search(alice_browser.post(where + "/rotate").text)
    for _ in range(3):
        alice_browser.post(where + "/rotate")
    refused = alice_browser.post(where + "/rotate", follow_redirects=True).text
    assert "The maximum number of secrets is valid already." in refused
    assert "removed" in alice_browser.post(where + "/remove", follow_redirects=True).text
    assert alice_browser.get(where).status_code == 404


def test_older_messages_are_a_page_away(alice_browser):
    where = add_endpoint(alice_browser, "https://host.example.com/hook")
    for _ in range(21):
        alice_browser.post(where + "/test")
    first = alice_browser.get(where).text
    older = re.search(rf'href="({where}\?cursor=\d+)"', first)[1]
    assert first.count("<article") == 20
    assert alice_browser.get(older).text.count("<article") == 1
    assert alice_browser.get(where + "?cursor=x").text.count("<article") == 20


def test_other_users_find_nothing(alice_browser, sign_in, make_user):
    where = add_endpoint(alice_browser, "https://host.example.com/hook")
    bob = sign_in(make_user("bob@example.org"))
    assert "host.example.com" not in bob.get(ENDPOINTS_PAGE).text
    assert bob.get(where).status_code == 404
    for act in ("test", "rotate", "enable", "disable", "remove", "deliveries/1"):
        assert bob.post(f"{where}/{act}").status_code == 404


def test_a_form_without_its_token_changes_nothing(alice_browser):
    where = add_endpoint(alice_browser, "https://host.example.com/hook")
    assert alice_browser.without_csrf_token().post(where + "/remove").status_code == 403


def test_the_pages_speak_french(alice_browser):
    where = add_endpoint(alice_browser, "https://host.example.com/hook")
    alice_browser.post(where + "/test")
    for path in (ENDPOINTS_PAGE, where):
        response = alice_browser.get(path, headers={"Accept-Language": "fr"})
        assert 'lang="fr"' in response.text
        assert "oints de réception" in response.text
