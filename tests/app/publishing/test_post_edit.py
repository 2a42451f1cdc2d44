"""`PATCH /api/posts/<id>`: change a post that has not begun."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.support.publishing_harness import URL_REQUEST


@pytest.fixture
def post_url(publisher, account):
    post_id = publisher.request_upload(account.user_id, URL_REQUEST, may_queue=True).post.id
    return f"/api/posts/{post_id}"


def test_the_changed_post_is_the_answer(api_client, publisher, post_url):
    publish_at = publisher.one(select(func.now())) + timedelta(days=2)

    response = api_client.patch(
        post_url, json={"publish_at": publish_at.isoformat(), "title": "Another"}
    )

    data = response.json["data"]
    assert response.status_code == 200
    assert data["publish_at"] == data["due_at"] == publish_at.isoformat().replace("+00:00", "Z")
    assert data["title"] == "Another"
    assert "moved" in {event["kind"] for event in data["events"]}


def test_a_post_that_is_being_sent_is_a_conflict(api_client, publisher, post_url):
    publisher.update_post(int(post_url.rpartition("/")[2]), state="SENDING")

    response = api_client.patch(post_url, json={"title": "Another"})

    assert (response.status_code, response.json["error"]["code"]) == (409, "not_editable")
    assert response.json["error"]["userMessage"].startswith("It is already being sent")


def test_a_post_of_another_user_is_not_found(mallory_client, post_url):
    assert mallory_client.patch(post_url, json={"title": "Another"}).status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"publish_at": "tomorrow"}, {"title": None}, {"settings": []}, {"kind": "A"}]
)
def test_a_body_of_another_shape_is_refused(api_client, post_url, body):
    assert api_client.patch(post_url, json=body).status_code == 400


def test_a_key_that_only_reads_cannot_change(make_api_client, alice, post_url):
    reader = make_api_client(alice, "posts:read")
    assert reader.patch(post_url, json={"title": "Another"}).status_code == 403
