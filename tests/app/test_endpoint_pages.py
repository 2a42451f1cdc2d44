"""The pages of endpoints, as a browser without scripts gets them."""

import re

import pytest

from core import outbox
from core.engine.work import run
from tests.platforms.hostile import answer, hostile_server, plays

LIST = "/settings/endpoints"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def app(stage):
    return stage.house(ENDPOINT_PRIVATE_HOSTS="on")


@pytest.fixture
def page(signed_in, a_user):
    return signed_in(a_user())


@pytest.fixture
def receiver():
    with hostile_server() as server:
        yield server


def added(page, url, **more):
    """The address of its page."""
    told = page.post(LIST, data={"url": url, **more})
    assert told.status_code == 200, told.text
    assert SECRET.search(told.text)
    return re.search(rf'href="({LIST}/\d+)">{re.escape(url)}', told.text)[1]


def works(house):
    while run(outbox.WORK, house.database, house.world).claimed:
        pass


def test_an_endpoint_is_added_and_its_secret_shown_once(page):
    where = added(page, "https://host.example.com/hook", event=["post.failed", "post.published"])
    for path in (LIST, where):
        told = page.get(path)
        assert not SECRET.search(told.text)
        assert "post.failed" in told.text
        assert "account.revoked" not in re.sub(r"<form.*?</form>", "", told.text, flags=re.DOTALL)


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
def test_what_cannot_be_used_is_said_on_the_page(page, wish):
    told = page.post(LIST, data=wish)
    assert told.status_code == 400
    assert 'role="alert"' in told.text
    assert "No endpoints yet." in told.text


def test_a_message_is_tried_seen_and_delivered_again(page, house, receiver):
    plays(receiver, answer(500, b"<script>alert(1)</script>"), answer(200, b"thanks"))
    where = added(page, receiver.url + "/hook")
    assert page.post(where + "/test").status_code == 302
    works(house)
    told = page.get(where).text
    assert "On its way" in told
    assert "500" in told
    assert "<script>alert" not in told
    again = re.search(rf'action="({where}/deliveries/\d+)"', told)[1]
    assert page.post(again).status_code == 302
    works(house)
    told = page.get(where).text
    assert "Delivered" in told
    assert "thanks" in told
    assert len({head["webhook-id"] for head in receiver.heads}) == 1


def test_it_is_disabled_enabled_given_a_secret_and_removed(page):
    where = added(page, "https://host.example.com/hook")
    assert "disabled" in page.post(where + "/disable", follow_redirects=True).text
    refused = page.post(where + "/test", follow_redirects=True).text
    assert "It is disabled. Enable it first." in refused
    assert "enabled" in page.post(where + "/enable", follow_redirects=True).text
    assert SECRET.search(page.post(where + "/rotate").text)
    for _ in range(3):
        page.post(where + "/rotate")
    assert "more than is possible" in page.post(where + "/rotate", follow_redirects=True).text
    assert "removed" in page.post(where + "/remove", follow_redirects=True).text
    assert page.get(where).status_code == 404


def test_older_messages_are_a_page_away(page):
    where = added(page, "https://host.example.com/hook")
    for _ in range(21):
        page.post(where + "/test")
    first = page.get(where).text
    older = re.search(rf'href="({where}\?cursor=\d+)"', first)[1]
    assert first.count("<article") == 20
    assert page.get(older).text.count("<article") == 1
    assert page.get(where + "?cursor=x").text.count("<article") == 20


def test_strangers_find_nothing(page, signed_in, a_user):
    where = added(page, "https://host.example.com/hook")
    bob = signed_in(a_user("bob@example.org"))
    assert "host.example.com" not in bob.get(LIST).text
    assert bob.get(where).status_code == 404
    for act in ("test", "rotate", "enable", "disable", "remove", "deliveries/1"):
        assert bob.post(f"{where}/{act}").status_code == 404


def test_a_form_without_its_token_changes_nothing(page):
    where = added(page, "https://host.example.com/hook")
    assert page.without_token().post(where + "/remove").status_code == 403


def test_the_pages_speak_french(page):
    where = added(page, "https://host.example.com/hook")
    page.post(where + "/test")
    for path in (LIST, where):
        told = page.get(path, headers={"Accept-Language": "fr"})
        assert 'lang="fr"' in told.text
        assert "oints de réception" in told.text
