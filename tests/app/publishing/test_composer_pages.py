"""The composer without a script: forms that check, keep and send what was written."""

import re
from uuid import uuid4

import pytest
from sqlalchemy import select

from db.posts.posts import Post
from tests.app.publishing.test_post_requests import VIDEO_URL


@pytest.fixture
def browser(sign_in, alice):
    return sign_in(alice)


@pytest.fixture
def form(account):
    """The form of a video by its address, for Alice's account."""
    key = f"tiktok-a{account.id}"
    return {
        "composition": str(uuid4()),
        "account": key,
        "addresses": VIDEO_URL,
        "text": "A video",
        f"set.{key}.mode": "INBOX",
        "when": "now",
    }


def list_post_ids(publisher):
    return publisher.all(select(Post.id).order_by(Post.id))


def send(browser, form, action="send", **changes):
    return browser.post("/compose", data={**form, **changes, "action": action})


def test_a_form_without_files_of_this_device_is_sent_without_a_script(browser, form, publisher):
    response = send(browser, form)
    assert response.status_code == 303
    (post_id,) = list_post_ids(publisher)
    assert response.headers["Location"].endswith(f"/posts/{post_id}")
    post = publisher.post(post_id)
    assert (post.title, post.kind, post.group_id) == ("A video", "INBOX_VIDEO", None)


def test_the_same_form_sent_twice_makes_one_post(browser, form, publisher):
    first, second = send(browser, form), send(browser, form)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(list_post_ids(publisher)) == 1


def test_a_fault_is_named_and_nothing_is_sent(browser, form, publisher):
    response = send(browser, form, text=" ")
    assert response.status_code == 422
    assert "Write a caption." in response.text
    assert "Error:" in response.text
    assert VIDEO_URL in response.text  # what was written is still there
    assert list_post_ids(publisher) == []


def test_without_an_account_the_form_says_so(browser, form, publisher):
    response = send(browser, form, account="tiktok-a999")
    assert "Choose an account to publish to." in response.text
    assert list_post_ids(publisher) == []


def test_a_kept_draft_is_listed_opened_and_deleted(browser, form):
    draft_id = form["composition"]
    assert send(browser, form, action="save").status_code == 303
    assert "A video" in browser.get("/compose").text
    page = browser.get(f"/compose/{draft_id}")
    assert VIDEO_URL in page.text
    assert browser.post(f"/compose/{draft_id}/delete").status_code == 302
    assert browser.get(f"/compose/{draft_id}").status_code == 404


def test_a_sent_draft_is_gone(browser, form):
    send(browser, form, action="save")
    send(browser, form)
    assert browser.get(f"/compose/{form['composition']}").status_code == 404


def test_drafts_and_posts_of_others_are_not_found(browser, form, sign_in, make_user, publisher):
    send(browser, form, action="save")
    send(browser, {**form, "composition": str(uuid4())})
    mallory = sign_in(make_user("mallory@example.org"))
    assert mallory.get(f"/compose/{form['composition']}").status_code == 404
    assert mallory.post(f"/compose/{form['composition']}/delete").status_code == 404
    assert mallory.get(f"/compose?from={list_post_ids(publisher)[0]}").status_code == 404
    assert mallory.post(f"/compose/blocks/{form['account']}").status_code == 404
    assert mallory.get(f"/compose/sent/{uuid4()}").status_code == 404


def test_a_post_is_written_again_with_its_content_and_without_its_audience(
    browser, form, publisher
):
    send(browser, form)
    copied = browser.get(f"/compose?from={list_post_ids(publisher)[0]}").text
    assert VIDEO_URL in copied
    assert ">A video</textarea>" in copied


@pytest.mark.parametrize(
    ("day", "clock", "sentence"),
    [
        ("", "", "Choose a date and a time."),
        ("2020-01-01", "10:00", "Choose a time in the future."),
        ("0001-01-01", "00:00", "Choose a time in the future."),
        ("9999-12-31", "23:59", "Choose a time within the next 90 days."),
        ("tomorrow", "noon", "Choose a date and a time."),
    ],
)
def test_a_time_that_cannot_be_taken_is_refused(browser, form, publisher, day, clock, sentence):
    response = send(browser, form, when="later", day=day, clock=clock)
    assert (response.status_code, sentence in response.text) == (422, True)
    assert list_post_ids(publisher) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"media_key": "a", "media_id.a": "9" * 30},
        {"media_key": "a", "media_id.a": "1"},
        {"composition": "x"},
        {"text": "\x00"},
        {"text": "x" * 30_000},
        {"addresses": "http://localhost/\nx"},
        {"when": "later", "day": "2027-02-30", "clock": "25:00"},
    ],
)
def test_whatever_is_in_the_form_is_no_internal_error(browser, form, changes):
    for action in ("send", "check", "save"):
        assert send(browser, form, action=action, **changes).status_code < 500
    assert browser.post("/compose/checks", data={**form, **changes}).status_code < 500


def test_what_a_program_keeps_as_a_draft_may_have_any_form(make_api_client, alice, browser):
    api_client = make_api_client(alice)
    for payload in ({}, {"fields": 3}, {"fields": [["a"], "b", [1, 2], ["account", "x"]]}):
        draft_id = uuid4()
        api_client.put(f"/api/drafts/{draft_id}", json={"payload": payload})
        assert browser.get(f"/compose/{draft_id}").status_code == 200


def test_a_recent_file_is_chosen_again_without_a_script(browser, alice, form, publisher):
    media_id = publisher.create_media(alice.id)
    publisher.create_media(alice.id, complete=False)
    page = browser.get("/compose").text
    assert re.findall(r'name="recent" value="(\d+)"', page) == [str(media_id)]
    assert "film.mp4" in page
    checked = send(browser, form, action="check", addresses="", recent=media_id).text
    assert f'name="media_id.recent{media_id}" value="{media_id}"' in checked
    assert 'name="recent"' not in checked
    send(browser, form, addresses="", recent=media_id)
    [post_id] = list_post_ids(publisher)
    assert publisher.one(select(Post.media_id).where(Post.id == post_id)) == media_id


def test_files_of_others_are_not_listed_and_not_taken(browser, make_user, form, publisher):
    media_id = publisher.create_media(make_user("mallory@example.org").id)
    assert 'name="recent"' not in browser.get("/compose").text
    assert send(browser, form, addresses="", recent=media_id).status_code == 422
    assert list_post_ids(publisher) == []
