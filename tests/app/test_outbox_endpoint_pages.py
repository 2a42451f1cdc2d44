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


def add_endpoint(browser, url, **fields):
    """Add an endpoint and return the path of its page."""
    response = browser.post(ENDPOINTS_PAGE, data={"url": url, **fields})
    assert response.status_code == 200, response.text
    assert SECRET_PATTERN.search(response.text)
    assert url in response.text
    return re.search(rf'href="({ENDPOINTS_PAGE}/\d+)"', response.text)[1]


def deliver_all(container):
    while run_jobs(outbox.DELIVERY_JOB_TYPE, container.database, container.services).claimed:
        pass


def test_a_new_endpoint_displays_its_secret_once(alice_browser):
    page_path = add_endpoint(
        alice_browser, "https://host.example.com/hook", event=["post.failed", "post.published"]
    )
    for path in (ENDPOINTS_PAGE, page_path):
        response = alice_browser.get(path)
        assert not SECRET_PATTERN.search(response.text)
        assert "post.failed" in response.text
        assert "account.revoked" not in re.sub(
            r"<form.*?</form>", "", response.text, flags=re.DOTALL
        )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "This address cannot be used."),
        ({"url": "nonsense"}, "This address cannot be used."),
        ({"url": "https://a.example.com/", "event": "x"}, ""),
        ({"url": "https://a.example.com/", "description": "x" * 201}, "at most 200 characters"),
        ({"url": "https://a.example.com/", "description": "\x00"}, "at most 200 characters"),
        ({"url": "https://a.example.com/\x00"}, "This address cannot be used."),
    ],
)
def test_an_invalid_endpoint_is_refused_on_the_page(alice_browser, fields, text):
    response = alice_browser.post(ENDPOINTS_PAGE, data=fields)
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert text in response.text
    assert "Error: New endpoint" in response.text
    assert "No endpoints yet." in alice_browser.get(ENDPOINTS_PAGE).text


def test_a_test_event_is_attempted_listed_and_delivered_again(alice_browser, container, receiver):
    set_responses(
        receiver, http_response(500, b"<script>alert(1)</script>"), http_response(200, b"thanks")
    )
    page_path = add_endpoint(alice_browser, receiver.url + "/hook")
    assert alice_browser.post(page_path + "/test").status_code == 302
    deliver_all(container)
    page_text = alice_browser.get(page_path).text
    assert "Waiting" in page_text
    assert "500" in page_text
    assert "<script>alert" not in page_text
    redeliver_path = re.search(rf'action="({page_path}/deliveries/\d+)"', page_text)[1]
    assert alice_browser.post(redeliver_path).status_code == 302
    deliver_all(container)
    page_text = alice_browser.get(page_path).text
    assert "Delivered" in page_text
    assert "thanks" in page_text
    assert len({headers["webhook-id"] for headers in receiver.request_headers}) == 1


def test_an_endpoint_is_disabled_enabled_given_a_new_secret_and_removed(alice_browser):
    page_path = add_endpoint(alice_browser, "https://host.example.com/hook")
    assert "disabled" in alice_browser.post(page_path + "/disable", follow_redirects=True).text
    refused = alice_browser.post(page_path + "/test", follow_redirects=True).text
    assert "The endpoint is disabled. Enable it first." in refused
    assert "enabled" in alice_browser.post(page_path + "/enable", follow_redirects=True).text
    assert SECRET_PATTERN.search(alice_browser.post(page_path + "/rotate").text)
    for _ in range(3):
        alice_browser.post(page_path + "/rotate")
    refused = alice_browser.post(page_path + "/rotate", follow_redirects=True).text
    assert "The maximum number of secrets is valid already." in refused
    assert "removed" in alice_browser.post(page_path + "/remove", follow_redirects=True).text
    assert alice_browser.get(page_path).status_code == 404


def test_older_deliveries_are_on_the_next_page(alice_browser):
    page_path = add_endpoint(alice_browser, "https://host.example.com/hook")
    for _ in range(21):
        alice_browser.post(page_path + "/test")
    first_page = alice_browser.get(page_path).text
    older_path = re.search(rf'href="({page_path}\?cursor=\d+)"', first_page)[1]
    assert first_page.count("<article") == 20
    assert alice_browser.get(older_path).text.count("<article") == 1
    assert alice_browser.get(page_path + "?cursor=x").text.count("<article") == 20


def test_other_users_find_nothing(alice_browser, sign_in, make_user):
    page_path = add_endpoint(alice_browser, "https://host.example.com/hook")
    bob = sign_in(make_user("bob@example.org"))
    assert "host.example.com" not in bob.get(ENDPOINTS_PAGE).text
    assert bob.get(page_path).status_code == 404
    for action in ("test", "rotate", "enable", "disable", "remove", "deliveries/1"):
        assert bob.post(f"{page_path}/{action}").status_code == 404


def test_a_form_without_its_csrf_token_changes_nothing(alice_browser):
    page_path = add_endpoint(alice_browser, "https://host.example.com/hook")
    assert alice_browser.without_csrf_token().post(page_path + "/remove").status_code == 403


def test_the_pages_speak_french(alice_browser):
    page_path = add_endpoint(alice_browser, "https://host.example.com/hook")
    alice_browser.post(page_path + "/test")
    for path in (ENDPOINTS_PAGE, page_path):
        response = alice_browser.get(path, headers={"Accept-Language": "fr"})
        assert 'lang="fr"' in response.text
        assert "oints de réception" in response.text
