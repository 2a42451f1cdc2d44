"""`/api/instagram/publish` and `POST /api/posts` for Instagram: forms, waiting, errors, files."""

import threading
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from app.http.context import CONTAINER_KEY
from core.post_state.settle import PostState
from db.media.files import Media
from db.records.instagram_tables import InstagramAccount
from tests.app.publishing.instagram_fixtures import (
    app,
    grant_scopes,
    instagram,
    instagram_app,
    instagram_client,
    instagram_sandbox,
)
from tests.platforms.instagram_publishing_client import FAKE_MP4

__all__ = ["app", "instagram", "instagram_app", "instagram_client", "instagram_sandbox"]  # fixtures

PUBLISH, POSTS = "/api/instagram/publish", "/api/posts"
ASYNC = {"Prefer": "respond-async"}
IMAGE_URL, VIDEO_URL = "https://cdn.example.com/1.jpg", "https://cdn.example.com/2.mp4"
REEL = {"mediaType": "REELS", "mediaUrl": VIDEO_URL, "caption": "A reel #bread"}
CAROUSEL = {
    "mediaType": "CAROUSEL",
    "caption": "Two",
    "children": [
        {"mediaType": "IMAGE", "mediaUrl": IMAGE_URL, "altText": "A loaf"},
        {"mediaType": "VIDEO", "mediaUrl": VIDEO_URL},
    ],
}
VIDEO_PROBE = {
    "kind": "video",
    "container": "mp4",
    "width": 1080,
    "height": 1920,
    "duration_ms": 5000,
    "fps": 30.0,
    "codec": "h264",
    "audio_codec": "aac",
}


def bad_fields(response):
    assert response.status_code == 400, response.json
    assert response.json["error"]["code"] == "VALIDATION_ERROR"
    return response.json["error"]["details"]["fields"]


def error_code(response):
    return response.status_code, response.json["error"]["code"]


def finish(instagram, post_id):
    for _ in range(20):
        instagram.run_until_idle(post_id)
        if instagram.post(post_id).due_at is None:
            return instagram.post(post_id)
    raise AssertionError(instagram.post(post_id).last_error)


def test_a_queued_post_is_answered_with_its_status_url(instagram_client, instagram):
    response = instagram_client.post(PUBLISH, json=REEL, headers=ASYNC)

    data = response.json["data"]
    assert (response.status_code, data["status"], data["type"]) == (202, "queued", "REELS")
    assert data["platform"] == "instagram"
    assert data["statusUrl"] == f"{PUBLISH}/{data['id']}"
    assert response.headers["Location"] == f"/api/posts/{data['id']}"
    assert response.json["meta"]["requestId"] == response.headers["X-Correlation-Id"]
    assert response.headers["X-Duration-Ms"].isdecimal()
    assert instagram.post(data["id"]).payload_json == {"options": {}}


def test_a_published_post_is_described_with_its_steps_and_address(instagram_client, instagram):
    post_id = instagram_client.post(PUBLISH, json=CAROUSEL, headers=ASYNC).json["data"]["id"]
    finish(instagram, post_id)

    response = instagram_client.get(f"{PUBLISH}/{post_id}")

    (published,) = instagram.published
    data = response.json["data"]
    assert (data["status"], data["type"], data["postId"]) == (
        "published",
        "CAROUSEL",
        published["id"],
    )
    assert data["url"] == data["permalink"] == published["media"]["permalink"]
    assert (data["caption"], data["timestamp"][-1]) == ("Two", "Z")
    assert data["metadata"] == {
        "userId": instagram.account.user_id,
        "accountId": instagram.destination_id,
        "igBusinessId": instagram.client.account.id,
    }
    assert {step["name"] for step in data["steps"]} >= {"create", "check", "publish"}
    assert {step["state"] for step in data["steps"]} == {"done"}


def test_a_request_waits_for_the_workers(instagram_client, instagram):
    """The workers run in a thread while the request waits, as they do in another process."""
    is_answered = threading.Event()

    def work():
        while not is_answered.is_set():
            instagram.run_workers(1)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        response = instagram_client.post(PUBLISH, json=REEL)
    finally:
        is_answered.set()
        worker.join()

    assert response.status_code == 200
    assert response.json["data"]["status"] == "published"
    assert response.json["data"]["postId"] == instagram.published[0]["id"]


def test_a_request_that_takes_too_long_is_answered_before_its_end(instagram_client, instagram, app):
    container = app.extensions[CONTAINER_KEY]
    limits = container.settings.limits.model_copy(update={"inline_time_budget": timedelta(0)})
    settings = container.settings.model_copy(update={"limits": limits})
    services = replace(container.services, settings=settings)
    app.extensions[CONTAINER_KEY] = replace(container, services=services)

    response = instagram_client.post(PUBLISH, json=REEL)

    assert (response.status_code, response.json["data"]["status"]) == (202, "queued")


def test_a_repeated_request_gets_the_same_post(instagram_client, instagram):
    headers = {**ASYNC, "Idempotency-Key": "k"}
    first = instagram_client.post(PUBLISH, json=REEL, headers=headers)
    repeated = instagram_client.post(PUBLISH, json=REEL, headers=headers)
    other = instagram_client.post(PUBLISH, json={**REEL, "caption": "B"}, headers=headers)

    assert repeated.json["data"] == first.json["data"]
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert error_code(other) == (422, "IDEMPOTENCY_MISMATCH")


def test_a_failed_carousel_names_its_item(instagram_client, instagram):
    post_id = instagram_client.post(PUBLISH, json=CAROUSEL, headers=ASYNC).json["data"]["id"]
    instagram.update_post(
        post_id,
        state=PostState.FAILED,
        error_code="image_ratio_unsupported",
        error_message="ratio",
        step_state={"failed_part": 1},
        due_at=None,
    )

    data = instagram_client.get(f"{PUBLISH}/{post_id}").json["data"]

    assert (data["status"], data["item"]) == ("failed", 1)
    assert data["error"]["code"] == "image_ratio_unsupported"


def test_an_unconfirmed_post_says_what_is_checked(instagram_client, instagram):
    post_id = instagram_client.post(PUBLISH, json=REEL, headers=ASYNC).json["data"]["id"]
    instagram.update_post(post_id, state=PostState.UNCONFIRMED)

    data = instagram_client.get(f"{PUBLISH}/{post_id}").json["data"]

    assert data["status"] == "unconfirmed"
    assert "checked" in data["checking"]


def test_posts_of_others_are_unknown(instagram_client, instagram, make_api_client, make_user):
    post_id = instagram_client.post(PUBLISH, json=REEL, headers=ASYNC).json["data"]["id"]
    other_client = make_api_client(make_user("mallory@example.org"))

    assert error_code(other_client.get(f"{PUBLISH}/{post_id}")) == (404, "NOT_FOUND")
    assert error_code(other_client.post(PUBLISH, json=REEL)) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"mediaType": "FILM"}, "mediaType"),
        ({"mediaUrl": "http://cdn.example.com/1.mp4"}, "mediaUrl"),
        ({"mediaUrl": "https://127.0.0.1/1.mp4"}, "mediaUrl"),
        ({"caption": "x" * 2201}, "caption"),
        ({"caption": " ".join(f"#a{number}" for number in range(31))}, "caption"),
        ({"caption": " ".join(f"@a{number}" for number in range(21))}, "caption"),
        ({"collaborators": ["a", "b", "c", "d"]}, "collaborators"),
        ({"locationId": "here"}, "locationId"),
        ({"thumbOffset": -1}, "thumbOffset"),
        ({"altText": "A video"}, "altText"),
        ({"publishAt": "2001-01-01T00:00:00Z"}, "publishAt"),
        ({"publishAt": "soon"}, "publishAt"),
        ({"userTags": [{"username": "no spaces"}]}, "userTags.0.username"),
        ({"coverUrl": "ftp://cdn.example.com/1.jpg"}, "coverUrl"),
        ({"unheard": 1}, "unheard"),
        ({"mediaType": "STORIES", "shareToFeed": True}, "shareToFeed"),
        ({"mediaType": "STORIES"}, "caption"),
        ({"mediaType": "STORIES", "caption": "", "mediaUrl": "https://a.example.com/x"}, "media"),
    ],
)
def test_a_bad_field_is_named(instagram_client, instagram, changes, field):
    fields = bad_fields(instagram_client.post(PUBLISH, json={**REEL, **changes}, headers=ASYNC))
    assert any(name.startswith(field) for name in fields), fields


def test_a_bad_child_is_named(instagram_client, instagram):
    children = [{**CAROUSEL["children"][0], "mediaUrl": "http://a.example.com/1.jpg"}] * 2
    body = {**CAROUSEL, "children": children}
    fields = bad_fields(instagram_client.post(PUBLISH, json=body, headers=ASYNC))
    assert set(fields) == {"children.0.mediaUrl", "children.1.mediaUrl"}


def test_a_missing_permission_is_forbidden(instagram_client, instagram):
    grant_scopes(instagram, "instagram_basic")
    response = instagram_client.post(PUBLISH, json=REEL, headers=ASYNC)
    assert error_code(response) == (403, "FORBIDDEN")
    assert "instagram_content_publish" in response.json["error"]["details"]["scopes"]


def test_one_of_several_chosen_accounts_has_to_be_named(instagram_client, instagram):
    other = add_destination(instagram)

    unnamed = instagram_client.post(PUBLISH, json=REEL, headers=ASYNC)
    named = instagram_client.post(PUBLISH, json={**REEL, "accountId": other}, headers=ASYNC)

    assert error_code(unnamed) == (400, "account_required")
    assert set(unnamed.json["error"]["details"]["fields"]) == {"accountId"}
    assert instagram.post(named.json["data"]["id"]).destination_id == other


def add_destination(instagram, **columns):
    with instagram.database.transaction() as session:
        destination = InstagramAccount(
            **{
                "user_id": instagram.account.user_id,
                "oauth_account_id": instagram.account.id,
                "ig_business_id": "17841999",
                "username": "other",
                "access_level": "FULL",
                "login_flavour": "facebook",
                "selected": True,
                **columns,
            }
        )
        session.add(destination)
        session.flush()
        return destination.id


def test_an_account_that_is_not_chosen_is_not_posted_to(instagram_client, instagram):
    other = add_destination(instagram, selected=False)
    body = {**REEL, "accountId": other}
    assert error_code(instagram_client.post(PUBLISH, json=body, headers=ASYNC)) == (
        404,
        "NOT_FOUND",
    )


def test_the_general_route_finds_platform_kind_and_roles(instagram_client, instagram):
    body = {
        "text": "Mixed",
        "media": [
            {"url": IMAGE_URL, "alt_text": "A loaf", "user_tags": [tag("ada", 0.5, 0.5)]},
            {"url": VIDEO_URL},
        ],
        "options": {"collaborators": ["grace"]},
    }

    response = instagram_client.post(POSTS, json=body, headers=ASYNC)

    data = response.json["data"]
    assert response.status_code == 202
    assert (data["platform"], data["kind"], data["state"]) == ("instagram", "CAROUSEL", "QUEUED")
    assert data["destination_id"] == instagram.destination_id
    assert [(item["position"], item["role"]) for item in data["items"]] == [
        (1, "item"),
        (2, "item"),
    ]
    assert (data["quota"]["posts"]["limit"], data["quota"]["containers"]["limit"]) == (50, 400)
    assert instagram.post(data["id"]).payload_json == {"options": {"collaborators": ["grace"]}}
    first = next(part for part in instagram.parts(data["id"]) if part.position == 1)
    assert first.options == {"user_tags": [{"username": "ada", "x": 0.5, "y": 0.5}]}
    assert finish(instagram, data["id"]).state == PostState.PUBLISHED


def tag(username, x, y):
    return {"username": username, "x": x, "y": y}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"platform": "fax"}, "platform"),
        ({"kind": "DIRECT_VIDEO"}, "kind"),
        ({"media": []}, "kind"),
        ({"kind": "IMAGE", "media": []}, "media"),
        ({"media": [{"url": "https://a.example.com/x"}]}, "kind"),
        ({"kind": "REELS", "media": [{"url": VIDEO_URL}, {"url": VIDEO_URL}]}, "media"),
        ({"media": [{"url": IMAGE_URL, "media_id": 1}]}, "media.0"),
        ({"media": [{"size": 7}]}, "media.0.size"),
        ({"media": [{"url": IMAGE_URL, "filter": "sepia"}]}, "media.0.filter"),
        ({"kind": "IMAGE", "media": [{"url": IMAGE_URL, "role": "poster"}]}, "media.0.role"),
        ({"options": {"privacy_level": "SELF_ONLY"}}, "options.privacy_level"),
        ({"options": {"share_to_feed": True}}, "options.share_to_feed"),
        ({"options": {"audio_name": "a\x00"}}, "options"),
        ({"text": "x" * 2201}, "text"),
        ({"account_id": "1"}, "account_id"),
        ({"more": 1}, "more"),
    ],
)
def test_a_bad_field_of_the_general_route_is_named(instagram_client, instagram, changes, field):
    body = {"text": "Hi", "media": [{"url": IMAGE_URL}], **changes}
    assert field in bad_fields(instagram_client.post(POSTS, json=body, headers=ASYNC))


def test_an_account_of_another_user_is_unknown(instagram_client, instagram):
    body = {"media": [{"url": IMAGE_URL}]}
    for named in ({"destination_id": 999}, {"account_id": 999}):
        response = instagram_client.post(POSTS, json={**body, **named}, headers=ASYNC)
        assert error_code(response) in {(404, "NOT_FOUND"), (403, "not_connected")}


def test_a_file_that_breaks_a_rule_is_refused(instagram_client, instagram):
    user_id = instagram.account.user_id
    short = instagram.create_media(user_id, FAKE_MP4, probe={**VIDEO_PROBE, "duration_ms": 900})

    general = instagram_client.post(
        POSTS, json={"kind": "REELS", "media": [{"media_id": short}]}, headers=ASYNC
    )
    older = instagram_client.post(
        PUBLISH, json={"mediaType": "REELS", "mediaId": short}, headers=ASYNC
    )

    assert error_code(general) == (400, "invalid_file_upload")
    assert general.json["error"]["details"]["reason"] == "video_duration_unsupported"
    assert error_code(older) == (400, "VALIDATION_ERROR")


def png_bytes():
    output = BytesIO()
    Image.new("RGBA", (400, 400), (200, 20, 20, 128)).save(output, "PNG")
    return output.getvalue()


def test_a_picture_is_converted_if_the_request_says_so(instagram_client, instagram):
    data = png_bytes()
    probe = {"kind": "image", "container": "png", "width": 400, "height": 400}
    media_id = instagram.create_media(instagram.account.user_id, data, probe=probe)
    with instagram.database.transaction() as session:
        session.get_one(Media, media_id).content_type = "image/png"

    plain = instagram_client.post(POSTS, json={"media": [{"media_id": media_id}]}, headers=ASYNC)
    converted = instagram_client.post(
        POSTS, json={"media": [{"media_id": media_id, "convert": True}]}, headers=ASYNC
    )

    assert error_code(plain) == (400, "invalid_file_upload")
    (item,) = converted.json["data"]["items"]
    assert item["media_id"] != media_id
    assert instagram.media(item["media_id"]).content_type == "image/jpeg"


def test_posts_are_listed_by_platform_with_their_items(instagram_client, instagram):
    instagram_client.post(PUBLISH, json=CAROUSEL, headers=ASYNC)

    (listed,) = instagram_client.get(f"{POSTS}?platform=instagram").json["data"]
    other = instagram_client.get(f"{POSTS}?platform=tiktok").json["data"]

    assert (len(listed["items"]), listed["permalink"], other) == (2, None, [])


def test_a_failed_post_is_retried_with_its_items(instagram_client, instagram):
    post_id = instagram_client.post(PUBLISH, json=CAROUSEL, headers=ASYNC).json["data"]["id"]
    instagram_client.post(f"{POSTS}/{post_id}/cancel")

    response = instagram_client.post(f"{POSTS}/{post_id}/retry")

    data = response.json["data"]
    assert (response.status_code, data["retry_of"], len(data["items"])) == (202, post_id, 2)
    assert finish(instagram, data["id"]).state == PostState.PUBLISHED
