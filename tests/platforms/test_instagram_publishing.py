"""The adapter publishes every kind of post to the Instagram sandbox, step by step, exactly once."""

from dataclasses import replace

import pytest

from platforms.errors import RateLimited, Rejected, TokenExpired
from platforms.publishing import MediaItem, PostVisible, WaitFor
from tests.platforms.instagram_media_host import make_jpeg
from tests.platforms.instagram_publishing_client import FAKE_MP4
from tests.platforms.instagram_publishing_driver import image, make_driver, video

LOGINS = ["page", "user", "instagram"]
OUR_VIDEO = MediaItem(0, "video", media_id=7, size=len(FAKE_MP4), content_type="video/mp4")
SINGLE_KINDS = {
    "IMAGE": (image(), "FEED", "IMAGE"),
    "REELS": (video(), "REELS", "VIDEO"),
    "STORIES": (image(role="item"), "STORY", "IMAGE"),
}


def carousel_media():
    return (
        image("https://cdn.example/1.jpg", 1, "item", alt_text="first"),
        video("https://cdn.example/2.mp4", 2, "item"),
        image("https://cdn.example/3.jpg", 3, "item"),
    )


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("kind", SINGLE_KINDS)
def test_each_kind_becomes_one_post_with_an_address(publishing_client, kind, login):
    item, product_type, media_type = SINGLE_KINDS[kind]
    driver = make_driver(publishing_client, kind, item, login=login, text="Hi #x").run()
    (post,) = driver.posts
    assert (post["media_product_type"], post["media_type"]) == (product_type, media_type)
    assert post["caption"] == ("" if kind == "STORIES" else "Hi #x")
    assert driver.publication.post_ids == (post["id"],)
    assert driver.publication.permalink == post["media"]["permalink"]
    assert driver.steps == ["create", "check", "publish", "details"]


@pytest.mark.parametrize("login", ["page", "instagram"])
def test_a_carousel_keeps_the_order_of_its_items(publishing_client, login):
    driver = make_driver(
        publishing_client, "CAROUSEL", *carousel_media(), login=login, text="album"
    ).run()
    (post,) = driver.posts
    assert post["media_type"] == "CAROUSEL_ALBUM"
    assert len(post["media"]["children"]) == 3
    containers = {each["id"]: each for each in read_containers(publishing_client)}
    parent = containers[driver.publication.get_part(0).handle]
    expected = [driver.publication.get_part(position).handle for position in (1, 2, 3)]
    assert parent["children"] == expected
    assert [containers[child]["media_type"] for child in expected] == ["IMAGE", "VIDEO", "IMAGE"]
    assert driver.steps == ["create", "check", "create_parent", "check", "publish", "details"]


def read_containers(client):
    return [
        each
        for each in client.raw.control("instagram/containers")["containers"]
        if each["account_id"] == client.account.id
    ]


def find_request(client, container_id):
    return client.state.containers[container_id].request


def test_the_fields_of_a_reel_arrive(publishing_client):
    cover = MediaItem(1, "cover", url="https://cdn.example/cover.jpg", content_type="image/jpeg")
    reel = video(options={"user_tags": [{"username": "@ada", "x": 0.5, "y": 0.5}]})
    driver = make_driver(
        publishing_client,
        "REELS",
        reel,
        cover,
        text="reel",
        share_to_feed=False,
        thumb_offset=900,
        collaborators=["@grace"],
        location_id="123",
        audio_name="Sound",
        graduation_strategy="MANUAL",
        is_ai_generated=True,
    ).run()
    request = find_request(publishing_client, driver.publication.get_part(0).handle)
    assert request.cover_url == "https://cdn.example/cover.jpg"
    assert request.thumb_offset == 0  # the cover replaces the frame
    assert request.user_tags == ({"username": "ada"},)
    assert request.collaborators == ("grace",)
    assert (request.share_to_feed, request.location_id) == (False, "123")
    assert (request.audio_name, request.graduation_strategy) == ("Sound", "MANUAL")
    assert request.is_ai_generated


def test_the_fields_of_images_arrive(publishing_client):
    tag = {"username": "ada", "x": 0.25, "y": 1}
    item = image(alt_text="A red door", options={"user_tags": [tag]})
    driver = make_driver(publishing_client, "IMAGE", item, text="t").run()
    request = find_request(publishing_client, driver.publication.get_part(0).handle)
    assert (request.alt_text, request.user_tags) == ("A red door", (tag,))


def test_a_video_of_ours_is_sent_with_facebook_login(publishing_client):
    driver = make_driver(publishing_client, "REELS", OUR_VIDEO, files={7: FAKE_MP4}).run()
    (post,) = driver.posts
    assert post["media"]["size"] == len(FAKE_MP4)
    assert driver.history[:2] == ["create", "send"]
    assert driver.publication.post_ids == (post["id"],)


def test_a_video_of_ours_is_fetched_with_instagram_login(publishing_client, media_host):
    url = media_host.add("ours.mp4", FAKE_MP4, "video/mp4")
    driver = make_driver(
        publishing_client, "REELS", OUR_VIDEO, login="instagram", media_link=lambda _: url
    ).run()
    assert "send" not in driver.history
    assert len(driver.posts) == 1


def test_an_image_of_ours_is_fetched(publishing_client, media_host):
    url = media_host.add("ours.jpg", make_jpeg())
    item = MediaItem(0, "image", media_id=8, size=100, content_type="image/jpeg")
    driver = make_driver(publishing_client, "IMAGE", item, media_link=lambda _: url).run()
    assert len(driver.posts) == 1
    assert ("GET", "/files/ours.jpg") in [request[:2] for request in media_host.requests]


def test_a_link_to_a_file_of_ours_is_in_no_error(publishing_client):
    """The negative control is a URL of the creator, which may be shown."""
    fields = {"code": 36000, "subcode": 2207004, "message": "too large: https://ours.example/link"}
    item = MediaItem(0, "image", media_id=8, size=100, content_type="image/jpeg")
    for media, is_hidden in ((item, True), (image("https://ours.example/link"), False)):
        publishing_client.inject_fault("container_create", "graph_error", fields=fields)
        driver = make_driver(
            publishing_client, "IMAGE", media, media_link=lambda _: "https://ours.example/link"
        )
        driver.run_step("create")
        assert ("ours.example" not in driver.failure.message) is is_hidden


def test_an_upload_that_breaks_off_continues_where_it_ended(publishing_client):
    """The sandbox has 400 bytes when the step begins: only the rest is sent."""
    driver = make_driver(publishing_client, "REELS", OUR_VIDEO, files={7: FAKE_MP4})
    driver.run_step()
    part = driver.publication.get_part(0)
    publishing_client.raw.send(
        "POST",
        part.upload_url.reveal().removeprefix(publishing_client.raw.url),
        FAKE_MP4[:400],
        {
            "Authorization": f"OAuth {publishing_client.tokens['page']}",
            "offset": "0",
            "file_size": str(len(FAKE_MP4)),
        },
    )
    sent, read_all = [], driver.tools.read_bytes

    def read_bytes(item, first, last):
        sent.append((first, last))
        return read_all(item, first, last)

    driver.tools = replace(driver.tools, read_bytes=read_bytes)
    driver.run()
    assert sent == [(400, len(FAKE_MP4) - 1)]
    assert driver.posts[0]["media"]["size"] == len(FAKE_MP4)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_an_upload_whose_answer_is_lost_is_not_sent_for_nothing(publishing_client, kind):
    driver = make_driver(publishing_client, "REELS", OUR_VIDEO, files={7: FAKE_MP4})
    publishing_client.inject_fault("rupload", kind)
    driver.run()
    assert len(driver.posts) == 1
    assert driver.posts[0]["media"]["size"] == len(FAKE_MP4)
    expected_tries = 1 if kind == "drop_after" else 2
    assert driver.history.count("send") == expected_tries


def test_a_container_that_is_processed_is_waited_for(publishing_client):
    publishing_client.change_settings(video_seconds=100.0)
    driver = make_driver(publishing_client, "REELS", video())
    driver.run_step("create")
    results = driver.run_step("check")
    assert results[-1] == WaitFor(None, "Instagram prepares the post")
    driver.run()
    assert driver.history.count("check") > 2
    assert len(driver.posts) == 1


def test_an_item_that_fails_is_named(publishing_client):
    media = (
        image("https://cdn.example/1.jpg", 1, "item"),
        image("http://127.0.0.1:9/none.jpg", 2, "item"),
    )
    driver = make_driver(publishing_client, "CAROUSEL", *media).run()
    assert (driver.failure.position, driver.failure.code) == (2, "media_not_fetchable")
    assert [each.position for each in driver.discards] == [2, 2, 2]
    assert driver.posts == []


def test_an_item_that_can_never_succeed_fails_at_once(publishing_client, media_host):
    url = media_host.add("wide.jpg", make_jpeg(3000, 1000))
    media = (image(url, 1, "item"), image("https://cdn.example/2.jpg", 2, "item"))
    driver = make_driver(publishing_client, "CAROUSEL", *media).run()
    assert (driver.failure.position, driver.failure.code) == (1, "image_ratio_unsupported")
    assert driver.discards == []


def test_a_video_that_fails_later_is_named_by_its_subcode(publishing_client):
    driver = make_driver(publishing_client, "REELS", video())
    driver.run_step("create")
    set_outcome(publishing_client, driver, subcode=2207026)
    driver.run()
    assert (driver.failure.position, driver.failure.code) == (0, "video_format_unsupported")


def set_outcome(client, driver, *, subcode, position=0):
    container = client.state.containers[driver.publication.get_part(position).handle]
    container.fail(subcode)


def test_a_part_that_may_succeed_is_made_again(publishing_client):
    driver = make_driver(publishing_client, "REELS", video())
    driver.run_step("create")
    set_outcome(publishing_client, driver, subcode=2207077)
    driver.run()
    assert [each.code for each in driver.discards] == ["media_not_fetchable"]
    assert len(driver.posts) == 1


def test_an_expired_container_is_made_again(publishing_client):
    driver = make_driver(publishing_client, "CAROUSEL", *carousel_media()).run(until="publish")
    publishing_client.advance_clock(86_500)
    driver.run()
    assert [each.code for each in driver.discards] == ["container_expired"] * 4
    assert len(driver.posts) == 1


def test_a_page_token_that_cannot_read_is_replaced_by_the_login_s(publishing_client):
    publishing_client.change_settings(page_token_outage=True)
    driver = make_driver(publishing_client, "IMAGE", image()).run()
    assert len(driver.posts) == 1
    assert driver.publication.permalink is not None


def test_the_limit_is_read_before_the_first_step(publishing_client):
    publishing_client.change_settings(publishing_quota=2)
    driver = make_driver(publishing_client, "IMAGE", image())
    (reading,) = driver.publisher.check_before(driver.publication, driver.tools)
    assert (reading.name, reading.used, reading.limit) == ("posts", 0, 2)
    for _ in range(2):
        publishing_client.publish_new(image_url="https://cdn.example/a.jpg")
    with pytest.raises(RateLimited) as caught:
        driver.publisher.check_before(driver.publication, driver.tools)
    assert caught.value.code == "publishing_limit_reached"
    assert caught.value.retry_after


@pytest.mark.parametrize("kind", ["http_500", "drop_before", "html_200"])
def test_a_limit_that_cannot_be_read_does_not_hold_a_post(publishing_client, kind):
    publishing_client.inject_fault("publishing_limit", kind, times=10)
    driver = make_driver(publishing_client, "IMAGE", image())
    assert driver.publisher.check_before(driver.publication, driver.tools) == ()


def test_the_limit_is_enforced_when_publishing(publishing_client):
    publishing_client.change_settings(publishing_quota=0)
    driver = make_driver(publishing_client, "IMAGE", image()).run(until="publish")
    error = driver.run_step()
    assert (type(error), error.code) == (RateLimited, "publishing_limit_reached")
    assert not driver.publication.is_unconfirmed
    publishing_client.change_settings(publishing_quota=1)
    driver.run()
    assert len(driver.posts) == 1


def error_fields(code, subcode=None):
    return {"code": code} if subcode is None else {"code": code, "subcode": subcode}


@pytest.mark.parametrize(
    ("code", "subcode", "error_type", "our_code"),
    [
        (25, 2207050, Rejected, "account_restricted"),
        (10, None, Rejected, "permission_missing"),
        (190, 463, TokenExpired, "token_expired"),
        (80002, None, RateLimited, "rate_limit_exceeded"),
    ],
)
def test_what_is_about_the_account_is_raised(
    publishing_client, code, subcode, error_type, our_code
):
    publishing_client.inject_fault(
        "container_create", "graph_error", fields=error_fields(code, subcode), times=3
    )
    driver = make_driver(publishing_client, "CAROUSEL", *carousel_media())
    error = driver.run_step("create")
    assert (type(error), error.code) == (error_type, our_code)


def test_what_was_made_is_kept_if_another_item_fails(publishing_client):
    publishing_client.inject_fault(
        "container_create", "graph_error", fields={"code": 80002}, times=1
    )
    driver = make_driver(publishing_client, "CAROUSEL", *carousel_media())
    results = driver.run_step("create")
    assert len(results) == 2
    driver.run()
    assert len(read_containers(publishing_client)) == 4
    assert len(driver.posts) == 1


def test_details_that_cannot_be_read_do_not_change_that_a_post_is_public(publishing_client):
    driver = make_driver(publishing_client, "IMAGE", image()).run(until="details")
    publishing_client.inject_fault(
        "media_node", "graph_error", fields={"code": 100, "subcode": 33}, times=2
    )
    results = driver.run_step()
    assert isinstance(results[0], WaitFor)
    driver.run()
    assert driver.publication.permalink is not None


def test_an_id_that_cannot_be_described_is_given_up_after_a_day(publishing_client):
    driver = make_driver(publishing_client, "IMAGE", image()).run(until="details")
    publishing_client.advance_clock(90_000)
    driver.run()
    assert driver.publication.permalink is None
    assert driver.history[-1] == "publish"


def test_the_publish_step_says_the_id(publishing_client):
    driver = make_driver(publishing_client, "IMAGE", image()).run(until="publish")
    assert driver.run_step() == [PostVisible(driver.posts[0]["id"])]
