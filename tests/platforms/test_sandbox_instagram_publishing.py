"""Publishing in the Instagram sandbox: a container becomes a post at most once."""

import json
import threading

import pytest

IMAGE = {"image_url": "https://cdn.example/a.jpg"}
VIDEO_URL = "https://cdn.example/a.mp4"
REEL = {"media_type": "REELS", "video_url": VIDEO_URL}
STORY = {"media_type": "STORIES", "image_url": "https://cdn.example/a.jpg"}
NOT_READY, UNKNOWN_CONTAINER = (400, 9007, 2207027), (400, 24, 2207008)
QUOTA_REACHED, SPAM_BLOCK = (400, 9, 2207042), (403, 4, 2207051)


def count_posts(client, caption):
    ledger = client.raw.control("instagram/ledger")["ledger"]
    return sum(
        each["count"]
        for each in ledger
        if (each["account_id"], each["caption"]) == (client.account.id, caption)
    )


def read_limit(client, **params):
    path = f"/{client.account.id}/content_publishing_limit"
    answer = client.call("GET", path, **params)
    assert answer.status == 200, answer.json
    return answer.json["data"]


def test_a_container_that_is_not_ready_is_not_published(publishing_client):
    publishing_client.change_settings(image_seconds=60.0)
    container_id = publishing_client.create(**IMAGE, caption="early").id
    answer = publishing_client.publish(container_id)
    assert answer.error == NOT_READY
    assert answer.message == "Media ID is not available"
    assert answer.json["error"]["error_user_title"] == "Cannot Publish"
    assert count_posts(publishing_client, "early") == 0
    publishing_client.advance_clock(60)
    assert publishing_client.publish(container_id).status == 200
    assert count_posts(publishing_client, "early") == 1


def test_a_container_with_an_error_is_not_published(publishing_client):
    container_id = publishing_client.create_finished(**IMAGE)
    publishing_client.raw.control(
        "instagram/container-outcome", container_id=container_id, outcome="error"
    )
    assert publishing_client.publish(container_id).error == NOT_READY


def test_readiness_may_be_late_although_the_status_is_finished(publishing_client):
    publishing_client.change_settings(late_ready_publishes=2)
    container_id = publishing_client.create_finished(**IMAGE)
    errors = [publishing_client.publish(container_id).error for _ in range(2)]
    assert errors == [NOT_READY, NOT_READY]
    assert publishing_client.read_status(container_id)["status_code"] == "FINISHED"
    assert publishing_client.publish(container_id).status == 200


@pytest.mark.parametrize("creation_id", ["17880000000000001", "x", "0"])
def test_an_unknown_container_is_not_published(publishing_client, creation_id):
    assert publishing_client.publish(creation_id).error == UNKNOWN_CONTAINER


def test_the_container_has_to_be_named(publishing_client):
    answer = publishing_client.call("POST", f"/{publishing_client.account.id}/media_publish")
    assert answer.error == (400, 100, None)


def test_an_item_of_a_carousel_is_not_published_alone(publishing_client):
    container_id = publishing_client.create_finished(**IMAGE, is_carousel_item="true")
    assert publishing_client.publish(container_id).error == (400, 100, None)


@pytest.mark.parametrize("answer_kind", ["refuse", "same_id"])
def test_a_second_publish_makes_no_second_post(publishing_client, answer_kind):
    publishing_client.change_settings(second_publish=answer_kind)
    container_id = publishing_client.create_finished(**IMAGE, caption="twice")
    media_id = publishing_client.publish(container_id).id
    answer = publishing_client.publish(container_id)
    if answer_kind == "same_id":
        assert answer.id == media_id
    else:
        assert answer.error == UNKNOWN_CONTAINER
    assert publishing_client.read_status(container_id)["status_code"] == "PUBLISHED"
    assert count_posts(publishing_client, "twice") == 1


def test_publishes_at_the_same_time_make_one_post(publishing_client):
    container_id = publishing_client.create_finished(**IMAGE, caption="at once")
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(publishing_client.publish(container_id)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7
    assert count_posts(publishing_client, "at once") == 1


def test_two_containers_make_two_posts(publishing_client):
    """The negative control of the tests that count one post."""
    for _ in range(2):
        publishing_client.publish_new(**IMAGE, caption="same")
    assert count_posts(publishing_client, "same") == 2


@pytest.mark.parametrize(
    ("takes_effect", "posts", "status_code"), [(True, 1, "PUBLISHED"), (False, 0, "FINISHED")]
)
def test_a_spam_block_may_have_published(publishing_client, takes_effect, posts, status_code):
    container_id = publishing_client.create_finished(**IMAGE, caption="blocked")
    fields = {"code": 4, "subcode": 2207051}
    publishing_client.inject_fault("media_publish", "graph_error", fields=fields, work=takes_effect)
    answer = publishing_client.publish(container_id)
    assert answer.error == SPAM_BLOCK
    assert answer.json["error"]["is_transient"] is False
    assert count_posts(publishing_client, "blocked") == posts
    assert publishing_client.read_status(container_id)["status_code"] == status_code


@pytest.mark.parametrize(("kind", "posts"), [("drop_after", 1), ("drop_before", 0), ("reset", 1)])
def test_a_lost_answer_may_have_published(publishing_client, kind, posts):
    container_id = publishing_client.create_finished(**IMAGE, caption="lost")
    publishing_client.inject_fault("media_publish", kind)
    with pytest.raises((ConnectionError, OSError, ValueError)):
        publishing_client.publish(container_id).json  # noqa: B018 - half an answer is no JSON
    assert count_posts(publishing_client, "lost") == posts


def test_the_log_names_what_was_published(publishing_client):
    container_id = publishing_client.create_finished(**IMAGE)
    media_id = publishing_client.publish(container_id).id
    entry = publishing_client.raw.log("media_publish")[-1]
    assert (entry["creation_id"], entry["media_id"], entry["work"]) == (
        container_id,
        media_id,
        True,
    )


def test_the_quota_is_enforced_when_publishing(publishing_client):
    publishing_client.change_settings(publishing_quota=2)
    containers = [publishing_client.create_finished(**IMAGE) for _ in range(3)]
    assert [publishing_client.publish(each).status for each in containers[:2]] == [200, 200]
    assert publishing_client.publish(containers[2]).error == QUOTA_REACHED
    assert publishing_client.create(**IMAGE).status == 200  # containers are not posts
    publishing_client.change_settings(container_seconds=172_800.0)
    later = publishing_client.create_finished(**IMAGE)
    publishing_client.advance_clock(86_401)
    assert publishing_client.publish(later).status == 200


def test_a_carousel_is_one_post_of_the_quota(publishing_client):
    items = [
        publishing_client.create_finished(**IMAGE, is_carousel_item="true"),
        publishing_client.create_finished(
            media_type="VIDEO", video_url=VIDEO_URL, is_carousel_item="true"
        ),
    ]
    carousel = {"media_type": "CAROUSEL", "children": items, "caption": "both"}
    publishing_client.publish_new(**carousel)
    assert read_limit(publishing_client) == [{"quota_usage": 1}]
    status = publishing_client.read_status(items[0])
    assert status["status_code"] == "PUBLISHED"


@pytest.mark.parametrize(("is_counted", "usage"), [(True, 1), (False, 0)])
def test_stories_count_by_a_setting(publishing_client, is_counted, usage):
    publishing_client.change_settings(has_stories_in_quota=is_counted)
    publishing_client.publish_new(**STORY)
    assert read_limit(publishing_client) == [{"quota_usage": usage}]


def test_the_limit_is_read_at_run_time(publishing_client):
    publishing_client.change_settings(publishing_quota=50)
    limit = read_limit(publishing_client, fields="config,quota_usage")
    assert limit == [{"config": {"quota_total": 50, "quota_duration": 86_400}, "quota_usage": 0}]


def test_the_usage_lags(publishing_client):
    publishing_client.change_settings(quota_lag_seconds=120.0)
    publishing_client.publish_new(**IMAGE)
    assert read_limit(publishing_client) == [{"quota_usage": 0}]
    publishing_client.advance_clock(121)
    assert read_limit(publishing_client) == [{"quota_usage": 1}]


def test_a_deleted_post_stays_counted(publishing_client):
    media_id = publishing_client.publish_new(**IMAGE)
    assert publishing_client.call("DELETE", f"/{media_id}").status == 200
    assert read_limit(publishing_client) == [{"quota_usage": 1}]


def test_the_usage_can_be_limited_to_a_later_time(publishing_client):
    publishing_client.publish_new(**IMAGE)
    now = int(publishing_client.state.now)
    assert read_limit(publishing_client, since=now + 10) == [{"quota_usage": 0}]
    assert read_limit(publishing_client, since=now - 3_600) == [{"quota_usage": 1}]
    path = f"/{publishing_client.account.id}/content_publishing_limit"
    for since in (now - 90_000, "yesterday"):
        assert publishing_client.call("GET", path, since=since).error == (400, 100, None)


def test_the_limit_has_its_own_fields(publishing_client):
    path = f"/{publishing_client.account.id}/content_publishing_limit"
    answer = publishing_client.call("GET", path, fields="quota_total")
    assert answer.error == (400, 100, None)


def test_an_outcome_with_a_typo_is_refused(publishing_client):
    for params in (
        {"container_id": "1", "outcome": "eror"},
        {"container_id": "1", "outcome": "error", "subcod": 1},
        {"container_id": "1", "outcome": "error", "subcode": "2207026"},
    ):
        answer = publishing_client.raw.send(
            "POST", "/_sandbox/instagram/container-outcome", json.dumps(params)
        )
        assert answer.status == 400
