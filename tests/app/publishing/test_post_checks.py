"""`POST /api/posts/check`: every fault of a post at once, and when it would go out."""

from datetime import timedelta

from sqlalchemy import func, select

from db.media.files import Media
from db.posts.posts import Post
from tests.support.publishing_harness import VIDEO_PROBE

CHECK = "/api/posts/check"
URL_MEDIA = [{"url": "https://example.com/film.mp4"}]
DRAFT_LIMIT = 5
PAST = "2020-01-01T00:00:00Z"


def check(client, **body):
    response = client.post(CHECK, json={"text": "A video", "media": URL_MEDIA, **body})
    assert response.status_code == 200, response.json
    return response.json


def faults(answer):
    return {each["field"]: each for each in answer["checks"] if each["level"] == "must_fix"}


def test_a_post_without_faults_passes_and_is_not_stored(api_client, account, publisher):
    answer = check(api_client)

    assert faults(answer) == {}
    assert {each["account_id"] for each in answer["checks"]} == {account.id}
    assert ("media.0", "note") in {(each["field"], each["level"]) for each in answer["checks"]}
    assert publisher.count() == 0
    assert publisher.server.requests == []


def test_all_faults_are_named_at_once(api_client, account, publisher, alice):
    probe = {**VIDEO_PROBE, "duration_ms": 700_000}
    media_id = publisher.create_media(alice.id, probe=probe)

    answer = check(api_client, text=" ", media=[{"media_id": media_id}], publish_at=PAST)

    found = faults(answer)
    assert set(found) == {"text", "publish_at", "media.0"}
    assert found["media.0"]["details"]["reason"] == "duration_check_failed"
    assert found["media.0"]["userMessage"]


def test_a_missing_permission_and_a_foreign_file_are_faults(
    api_client, account, publisher, make_user
):
    publisher.factory.update_account(account.id, scope="user.info.basic")
    foreign = publisher.create_media(make_user("mallory@example.org").id)

    found = faults(check(api_client, media=[{"media_id": foreign}]))

    assert found["account_id"]["code"] == "scope_not_authorized"
    assert found["media.0"]["code"] == "NOT_FOUND"


def test_an_account_of_another_user_is_a_fault_without_its_data(
    api_client, account, mallory_client
):
    answer = check(mallory_client, account_id=account.id)

    assert faults(answer)["account_id"]["code"] == "NOT_FOUND"
    assert answer["forecast"] == []
    assert str(account.id) not in {str(each["account_id"]) for each in answer["checks"]}


def test_a_user_without_accounts_learns_it(api_client):
    assert faults(check(api_client))["account_id"]["code"] == "not_connected"


def test_the_forecast_of_a_full_quota_names_the_time_of_the_next_slot(
    api_client, account, publisher
):
    for _ in range(DRAFT_LIMIT):
        publisher.request_upload(account.user_id)
    oldest = publisher.one(select(func.min(Post.created_at)))

    (forecast,) = check(api_client)["forecast"]

    assert (forecast["quota"], forecast["used"], forecast["limit"]) == ("drafts", 5, 5)
    assert forecast["goes_at"] == forecast["frees_at"]
    assert forecast["frees_at"] > (oldest + timedelta(hours=23)).isoformat()


def test_the_forecast_counts_posts_that_are_scheduled_earlier(api_client, account, publisher):
    now = publisher.one(select(func.now()))
    for number in range(DRAFT_LIMIT):
        publish_at = (now + timedelta(hours=1 + number)).isoformat()
        body = {"text": "A video", "media": URL_MEDIA, "publish_at": publish_at}
        assert api_client.post("/api/posts", json=body).status_code == 202

    wanted = now + timedelta(hours=7)
    (forecast,) = check(api_client, publish_at=wanted.isoformat())["forecast"]

    freed = now + timedelta(hours=25)
    assert forecast["used"] == DRAFT_LIMIT
    assert forecast["goes_at"] == freed.isoformat().replace("+00:00", "Z")


def test_a_body_of_another_shape_is_refused(api_client):
    assert api_client.post(CHECK, json={"texts": "A"}).status_code == 400
    assert api_client.post(CHECK, json=[]).status_code == 400


def test_a_check_needs_the_scope_to_post(make_api_client, alice):
    reader = make_api_client(alice, "posts:read")
    assert reader.post(CHECK, json={}).status_code == 403


def test_a_picture_that_would_be_converted_is_not_stored_a_second_time(
    api_client, account, publisher, alice
):
    media_id = publisher.create_media(alice.id)

    check(api_client, media=[{"media_id": media_id, "convert": True}])

    assert publisher.one(select(func.count(Media.id))) == 1
