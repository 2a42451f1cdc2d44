"""Pausing and resuming by the API and on the page of operators."""

import pytest

from app.http.context import CONTAINER_KEY
from db.pauses import Pauses

PATH = "/api/admin/pauses"


@pytest.fixture
def operator(sign_in, make_user):
    return sign_in(make_user("root@example.org", is_admin=True))


@pytest.fixture
def paused_targets(app):
    def list_targets():
        with app.extensions[CONTAINER_KEY].database.transaction() as session:
            return [pause.target for pause in Pauses(session).list_all()]

    return list_targets


def test_a_platform_is_paused_and_resumed_with_a_reason(admin_client, client):
    answer = admin_client.post(f"{PATH}/tiktok", json={"reason": "their API answers 500"})
    assert answer.status_code == 200
    assert answer.json["pause"]["kind"] == "platform"
    (listed,) = admin_client.get(PATH).json["pauses"]
    assert (listed["target"], listed["reason"]) == ("tiktok", "their API answers 500")
    (paused,) = client.get("/statusz").json["paused"]
    assert paused["target"] == "tiktok"
    assert admin_client.post(f"{PATH}/tiktok", json={"reason": "x"}).status_code == 409
    assert admin_client.delete(f"{PATH}/tiktok").status_code == 200
    assert admin_client.get(PATH).json["pauses"] == []
    assert admin_client.delete(f"{PATH}/tiktok").status_code == 404


@pytest.mark.parametrize(
    ("target", "body"),
    [("nothing", {"reason": "x"}), ("posts", {"reason": ""}), ("posts", {"reason": "a\x00b"})],
)
def test_what_cannot_be_paused_is_refused(admin_client, paused_targets, target, body):
    assert admin_client.post(f"{PATH}/{target}", json=body).status_code in (400, 404)
    assert paused_targets() == []


def test_only_operators_pause(sign_in, paused_targets):
    other = sign_in()
    assert other.post(f"{PATH}/posts", json={"reason": "x"}).status_code == 403
    other.post("/admin/pauses", data={"target": "posts", "reason": "x", "confirmed": "yes"})
    assert paused_targets() == []


def test_the_page_pauses_with_a_reason_and_a_tick_and_resumes(operator, paused_targets):
    form = {"target": "outbox", "reason": "the host application moves"}
    page = operator.post("/admin/pauses", data=form, follow_redirects=True).text
    assert paused_targets() == []
    assert "confirm that the work stops" in page
    form["confirmed"] = "yes"
    page = operator.post("/admin/pauses", data=form, follow_redirects=True).text
    assert paused_targets() == ["outbox"]
    assert "outbox is paused." in page
    assert "the host application moves" in page
    page = operator.post("/admin/pauses/outbox/resume", follow_redirects=True).text
    assert paused_targets() == []
    assert "outbox goes on." in page


def test_a_reason_that_cannot_be_stored_pauses_nothing(operator, paused_targets):
    form = {"target": "outbox", "reason": "a\x00b", "confirmed": "yes"}
    assert operator.post("/admin/pauses", data=form).status_code in (302, 400)
    assert paused_targets() == []
