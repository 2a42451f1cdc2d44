"""Creating containers in the Instagram sandbox: which parameters are refused, with which code."""

import pytest

from tests.platforms.instagram_media_host import make_jpeg
from tests.platforms.instagram_publishing_client import FAKE_MP4, add_account

IMAGE_URL, VIDEO_URL = "https://cdn.example/a.jpg", "https://cdn.example/a.mp4"
REEL = {"media_type": "REELS", "video_url": VIDEO_URL}
IMAGE = {"image_url": IMAGE_URL}
IMAGE_ITEM = IMAGE | {"is_carousel_item": "true"}
VIDEO_ITEM = {"media_type": "VIDEO", "video_url": VIDEO_URL, "is_carousel_item": "true"}
STORY = {"media_type": "STORIES", "image_url": IMAGE_URL}
INVALID = (400, 100, None)
UNKNOWN_TYPE, BAD_COUNT, TOO_MANY_TAGS = (
    (400, 100, 2207023),
    (400, 100, 2207028),
    (400, 100, 2207040),
)
NOT_FOUND, NOT_READY = (400, 24, 2207006), (400, 9007, 2207027)


def tag(**fields):
    return [{"username": "friend", **fields}]


@pytest.mark.parametrize("login", ["page", "user", "instagram"])
@pytest.mark.parametrize(
    "params",
    [
        IMAGE,
        IMAGE | {"media_type": "IMAGE", "caption": "a" * 2200, "alt_text": "b" * 1000},
        IMAGE | {"user_tags": tag(x=0.0, y=1), "collaborators": ["a", "b", "c"]},
        IMAGE | {"location_id": "1055", "is_ai_generated": "true"},
        IMAGE_ITEM | {"user_tags": tag(x=0.5, y=0.5)},
        REEL | {"thumb_offset": 500, "share_to_feed": "false", "audio_name": "Mine"},
        REEL | {"trial_params": {"graduation_strategy": "MANUAL"}, "user_tags": tag()},
        REEL | {"cover_url": IMAGE_URL, "caption": "#one @two"},
        VIDEO_ITEM,
        STORY | {"user_tags": tag(), "caption": "ignored"},
        {"media_type": "STORIES", "video_url": VIDEO_URL, "user_tags": tag(x=0.1, y=0.2)},
    ],
)
def test_valid_parameters_make_a_container(publishing_client, params, login):
    container_id = publishing_client.create(login, **params).id
    status = publishing_client.wait_until_processed(container_id)
    assert status["status_code"] == "FINISHED"
    assert status["status"].startswith("Finished: ")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, INVALID),
        ({"media_type": "PHOTO", "image_url": IMAGE_URL}, UNKNOWN_TYPE),
        ({"media_type": "reels", "video_url": VIDEO_URL}, UNKNOWN_TYPE),
        ({"media_type": "VIDEO", "video_url": VIDEO_URL}, UNKNOWN_TYPE),  # a reel now
        ({"media_type": "REELS"}, INVALID),
        ({"media_type": "REELS", "image_url": IMAGE_URL}, INVALID),
        ({"media_type": "STORIES"}, INVALID),
        ({"video_url": VIDEO_URL}, INVALID),
        (IMAGE | {"video_url": VIDEO_URL}, INVALID),
        (STORY | {"video_url": VIDEO_URL}, INVALID),
        (REEL | {"upload_type": "resumable"}, INVALID),
        ({"media_type": "REELS", "upload_type": "RESUMABLE"}, INVALID),
        (REEL | {"is_carousel_item": "true"}, INVALID),
        (STORY | {"is_carousel_item": "true"}, INVALID),
        (IMAGE | {"is_carousel_item": "maybe"}, INVALID),
        (IMAGE | {"capton": "typo"}, INVALID),
        (IMAGE | {"children": "1,2"}, INVALID),
    ],
)
def test_source_and_kind_have_to_fit(publishing_client, params, error):
    assert publishing_client.create(**params).error == error


@pytest.mark.parametrize(
    ("params", "error"),
    [
        (IMAGE | {"caption": "a" * 2201}, (400, 36004, 2207010)),
        (IMAGE | {"caption": " #a" * 31}, TOO_MANY_TAGS),
        (IMAGE | {"caption": " @a" * 21}, TOO_MANY_TAGS),
        (IMAGE_ITEM | {"caption": "on a child"}, INVALID),
        (IMAGE | {"alt_text": "a" * 1001}, INVALID),
        (REEL | {"alt_text": "a"}, INVALID),
        (STORY | {"alt_text": "a"}, INVALID),
        (IMAGE | {"user_tags": tag()}, INVALID),
        (IMAGE | {"user_tags": tag(x=0.5)}, INVALID),
        (IMAGE | {"user_tags": tag(x=1.5, y=0.5)}, INVALID),
        (IMAGE | {"user_tags": tag(x="0.5", y="0.5")}, INVALID),
        (IMAGE | {"user_tags": [{"x": 0.5, "y": 0.5}]}, INVALID),
        (IMAGE | {"user_tags": "friend"}, INVALID),
        (IMAGE | {"user_tags": tag(x=0.5, y=0.5) * 21}, TOO_MANY_TAGS),
        (REEL | {"user_tags": tag(x=0.5, y=0.5)}, INVALID),
        (STORY | {"user_tags": tag(x=0.5)}, INVALID),
        (IMAGE | {"collaborators": ["a", "b", "c", "d"]}, INVALID),
        (STORY | {"collaborators": ["a"]}, INVALID),
        (IMAGE_ITEM | {"collaborators": ["a"]}, INVALID),
        (IMAGE | {"location_id": "paris"}, INVALID),
        (IMAGE_ITEM | {"location_id": "1055"}, INVALID),
        (IMAGE | {"share_to_feed": "true"}, INVALID),
        (IMAGE | {"thumb_offset": 1}, INVALID),
        (REEL | {"thumb_offset": -1}, (400, 1, 2207057)),
        (REEL | {"thumb_offset": "soon"}, INVALID),
        (IMAGE | {"cover_url": IMAGE_URL}, INVALID),
        (IMAGE | {"audio_name": "a"}, INVALID),
        (IMAGE | {"trial_params": {"graduation_strategy": "MANUAL"}}, INVALID),
        (REEL | {"trial_params": {"graduation_strategy": "SOON"}}, INVALID),
        (REEL | {"trial_params": "{"}, INVALID),
        (IMAGE_ITEM | {"is_ai_generated": "true"}, INVALID),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(publishing_client, params, error):
    assert publishing_client.create(**params).error == error


def test_an_invalid_location_is_named_by_its_exception(publishing_client):
    answer = publishing_client.create(**IMAGE, location_id="paris")
    assert "INSTAGRAM_PLATFORM_API__INVALID_LOCATION_ID" in answer.message


def test_the_limits_of_hashtags_can_be_those_of_the_consumer_app(publishing_client):
    publishing_client.change_settings(max_hashtags=5)
    assert publishing_client.create(**IMAGE, caption="#a #b #c #d #e").status == 200
    answer = publishing_client.create(**IMAGE, caption="#a #b #c #d #e #f")
    assert answer.error == TOO_MANY_TAGS
    assert "hashtag" in answer.message


def test_a_json_body_is_read_like_a_form(publishing_client):
    answer = publishing_client.raw.send(
        "POST",
        f"/meta-graph/v26.0/{publishing_client.account.id}/media",
        '{"image_url": "https://cdn.example/a.jpg", "is_ai_generated": true}',
        {"Content-Type": "application/json"},
        publishing_client.tokens["page"],
    )
    assert (answer.status, list(answer.json)) == (200, ["id"])


@pytest.mark.parametrize("name", ["audio_configuration", "is_paid_partnership"])
def test_some_parameters_need_facebook_login(publishing_client, name):
    params = REEL | {name: "true"}
    assert publishing_client.create("page", **params).status == 200
    assert publishing_client.create("instagram", **params).error == INVALID


@pytest.mark.parametrize(
    ("login", "missing"),
    [
        ("user", "instagram_content_publish"),
        ("user", "pages_read_engagement"),
        ("instagram", "instagram_business_content_publish"),
    ],
)
def test_a_container_needs_each_permission(publishing_client, login, missing):
    grant_key = "instagram" if login == "instagram" else "facebook"
    grant = publishing_client.state.tokens.grants[f"{grant_key}:{publishing_client.account.id}"]
    publishing_client.grant_scopes(*(name for name in grant.scopes if name != missing), login=login)
    assert publishing_client.create(login, **IMAGE).error == (400, 10, None)


def test_an_account_of_somebody_else_does_not_exist(publishing_client, instagram_server):
    other = add_account(*instagram_server)
    answer = publishing_client.call("POST", f"/{other.account.id}/media", **IMAGE)
    assert answer.error == (400, 100, 33)
    assert answer.json["error"]["type"] == "GraphMethodException"
    container_id = other.create(**IMAGE).id
    assert publishing_client.read(container_id, "status").error == (400, 100, 33)
    assert publishing_client.publish(container_id).error == (400, 24, 2207008)


def test_a_restricted_account_cannot_publish(publishing_client):
    container_id = publishing_client.create_finished(**IMAGE)
    publishing_client.account.is_restricted = True
    assert publishing_client.create(**IMAGE).error == (400, 25, 2207050)
    assert publishing_client.publish(container_id).error == (400, 25, 2207050)


def test_a_page_without_its_publishing_authorization_cannot_publish(publishing_client):
    container_id = publishing_client.create_finished(**IMAGE)
    publishing_client.account.needs_page_authorization = True
    assert publishing_client.create(**IMAGE).error == (400, 10, None)
    assert publishing_client.publish(container_id).error == (400, 10, None)


def test_stories_of_creators_are_refused_only_on_demand(publishing_client):
    publishing_client.account.account_type = "MEDIA_CREATOR"
    assert publishing_client.create(**STORY).status == 200
    publishing_client.change_settings(stories_need_business=True)
    assert publishing_client.create(**STORY).error == (400, 10, None)
    assert publishing_client.create(**IMAGE).status == 200


def test_a_private_account_cannot_be_tagged(publishing_client, instagram_server):
    friend = add_account(*instagram_server, is_public=False).account
    tags = [{"username": friend.username, "x": 0.5, "y": 0.5}]
    assert publishing_client.create(**IMAGE, user_tags=tags).error == INVALID


def test_a_carousel_has_two_to_ten_finished_children_of_its_own(
    publishing_client, instagram_server
):
    def create_carousel(children):
        return publishing_client.create(media_type="CAROUSEL", children=children)

    items = [publishing_client.create_finished(**IMAGE_ITEM) for _ in range(10)]
    assert create_carousel(",".join(items)).status == 200
    assert create_carousel(items[:2]).status == 200
    assert create_carousel(items[:1]).error == BAD_COUNT
    extra = publishing_client.create_finished(**VIDEO_ITEM)
    assert create_carousel([*items, extra]).error == BAD_COUNT
    assert create_carousel([items[0], items[0]]).error == INVALID
    assert create_carousel([items[0], publishing_client.create_finished(**IMAGE)]).error == INVALID
    assert create_carousel([items[0], publishing_client.create_finished(**REEL)]).error == INVALID
    assert create_carousel([items[0], "17880000000000001"]).error == NOT_FOUND
    other = add_account(*instagram_server).create(**IMAGE_ITEM).id
    assert create_carousel([items[0], other]).error == NOT_FOUND
    publishing_client.change_settings(image_seconds=60.0)
    assert create_carousel([items[0], publishing_client.create(**IMAGE_ITEM).id]).error == NOT_READY


@pytest.mark.parametrize("outcome", ["error", "expire"])
def test_a_child_that_has_ended_makes_no_carousel(publishing_client, outcome):
    items = [publishing_client.create_finished(**IMAGE_ITEM) for _ in range(2)]
    publishing_client.raw.control(
        "instagram/container-outcome", container_id=items[0], outcome=outcome
    )
    answer = publishing_client.create(media_type="CAROUSEL", children=items)
    assert answer.error == NOT_FOUND


def test_only_so_many_containers_are_created_in_24_moving_hours(publishing_client):
    publishing_client.change_settings(containers_per_day=3)
    for _ in range(3):
        publishing_client.create(**IMAGE_ITEM).id  # noqa: B018 - asserts the status
    assert publishing_client.create(**IMAGE).error == (400, 9, None)
    publishing_client.advance_clock(86_401)
    assert publishing_client.create(**IMAGE).status == 200


@pytest.mark.parametrize(
    ("field", "is_known"),
    [
        ("status_code", True),
        ("status", True),
        ("copyright_check_status", True),
        ("video_status", True),
        ("permalink", False),
        ("timestamp", False),
        ("media_product_type", False),
        ("caption", False),
    ],
)
def test_a_container_has_its_own_fields_only(publishing_client, field, is_known):
    container_id = publishing_client.create_finished(**REEL)
    answer = publishing_client.read(container_id, f"status_code,{field}")
    if is_known:
        assert set(answer.json) == {"id", "status_code", field}
    else:
        assert answer.error == INVALID
        assert f"nonexisting field ({field})" in answer.message


def test_a_container_passes_through_its_states(publishing_client):
    publishing_client.change_settings(image_seconds=30.0)
    container_id = publishing_client.create(**IMAGE).id
    assert publishing_client.read_status(container_id)["status_code"] == "IN_PROGRESS"
    publishing_client.advance_clock(31)
    assert publishing_client.read_status(container_id)["status_code"] == "FINISHED"
    publishing_client.publish(container_id).id  # noqa: B018 - asserts the status
    status = publishing_client.read_status(container_id)
    assert (status["status_code"], status["status"]) == (
        "PUBLISHED",
        "Published: Media has been published.",
    )


def test_a_container_expires_after_24_hours(publishing_client):
    container_id = publishing_client.create_finished(**IMAGE)
    publishing_client.advance_clock(86_399 - 60)
    assert publishing_client.read_status(container_id)["status_code"] == "FINISHED"
    publishing_client.advance_clock(120)
    assert publishing_client.read_status(container_id)["status_code"] == "EXPIRED"
    assert publishing_client.publish(container_id).error == (400, 24, 2207008)
    publishing_client.change_settings(expired_code=-2)
    assert publishing_client.publish(container_id).error == (400, -2, 2207020)


def test_the_sentence_of_an_error_has_the_subcode(publishing_client):
    publishing_client.raw.control(
        "instagram/container-outcome",
        account_id=publishing_client.account.id,
        outcome="error",
        subcode=2207082,
    )
    failed, fine = publishing_client.create(**IMAGE).id, publishing_client.create(**IMAGE).id
    assert publishing_client.read_status(failed)["status"] == (
        "Error: Media upload has failed with error code 2207082"
    )
    assert publishing_client.read_status(fine)["status_code"] == "FINISHED"


def test_a_container_that_hangs_never_finishes(publishing_client):
    publishing_client.raw.control(
        "instagram/container-outcome", account_id=publishing_client.account.id, outcome="stuck"
    )
    container_id = publishing_client.create(**IMAGE).id
    publishing_client.advance_clock(3_600)
    assert publishing_client.read_status(container_id)["status_code"] == "IN_PROGRESS"
    publishing_client.raw.control(
        "instagram/container-outcome", container_id=container_id, outcome="finish"
    )
    assert publishing_client.read_status(container_id)["status_code"] == "FINISHED"


def test_a_trial_reel_needs_an_account_that_may(publishing_client):
    publishing_client.account.has_trial_reels = False
    trial = REEL | {"trial_params": {"graduation_strategy": "SS_PERFORMANCE"}}
    status = publishing_client.wait_until_processed(publishing_client.create(**trial).id)
    assert status["status"].endswith("2207081")
    assert publishing_client.create_finished(**REEL)


def test_containers_are_listed_with_what_was_fetched(publishing_client, media_host):
    data = make_jpeg()
    image_id = publishing_client.create_finished(image_url=media_host.add("listed.jpg", data))
    video_url = media_host.add("listed.mp4", FAKE_MP4, "video/mp4")
    reel_id = publishing_client.create_finished(media_type="REELS", video_url=video_url)
    sizes = {
        each["id"]: (each["size"], bool(each["sha256"]))
        for each in publishing_client.raw.control("instagram/containers")["containers"]
    }
    assert (sizes[image_id], sizes[reel_id]) == ((len(data), True), (len(FAKE_MP4), True))
