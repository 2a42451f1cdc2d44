"""From connecting an account to a public post of every kind, with real processes."""

import pytest

from tests.flows.brokers import wait_until
from tests.flows.instagram_posts import (
    SAMPLE_KINDS,
    create_sample,
    wait_until_described,
    wait_until_final,
)
from tests.flows.post_outcomes import find_open_work


@pytest.mark.parametrize("kind", SAMPLE_KINDS)
def test_a_post_of_each_kind_becomes_public_once(stack, instagram_user, kind):
    post_id = create_sample(instagram_user, kind)
    wait_until_final(stack, instagram_user, post_id)
    post = wait_until_described(stack, instagram_user, post_id)
    (published,) = instagram_user.list_platform_posts()
    assert (post["state"], post["error"]) == ("PUBLISHED", None)
    assert post["platform_post_id"] == published["id"]
    assert post["permalink"] == published["media"]["permalink"]
    assert published["media_product_type"] == SAMPLE_KINDS[kind].product
    assert find_open_work(stack, instagram_user) == []


def test_a_reel_is_uploaded_unchanged(stack, instagram_user):
    post_id = create_sample(instagram_user, "reel")
    wait_until_final(stack, instagram_user, post_id)
    (published,) = instagram_user.list_platform_posts()
    assert published["media"]["size"] == 200_000
    names = [step["name"] for step in instagram_user.get_post(post_id)["steps"]]
    assert names[:2] == ["create", "send"]


def test_a_carousel_keeps_its_order_and_names_its_items(stack, instagram_user):
    post_id = create_sample(instagram_user, "carousel")
    post = wait_until_final(stack, instagram_user, post_id)
    items = [item for item in post["items"] if item["position"] > 0]
    assert [item["position"] for item in items] == [1, 2, 3]
    assert items[0]["alt_text"] == "a picture"
    (published,) = instagram_user.list_platform_posts()
    assert len(published["media"]["children"]) == 3
    containers = {each["id"]: each for each in instagram_user.list_containers()}
    children = containers[published["container_id"]]["children"]
    assert [containers[child]["media_type"] for child in children] == ["IMAGE", "VIDEO", "IMAGE"]


def test_the_item_that_fails_is_named(stack, instagram_user):
    """The platform finds out while it prepares the third item that it cannot use it."""
    for outcome in ("finish", "finish", "error"):
        stack.sandbox.control(
            "instagram/container-outcome",
            account_id=instagram_user.ig_id,
            outcome=outcome,
            **({"subcode": 2207026} if outcome == "error" else {}),
        )
    post_id = create_sample(instagram_user, "carousel")
    post = wait_until_final(stack, instagram_user, post_id)
    failed = [each for each in instagram_user.list_containers() if each["status_code"] == "ERROR"]
    handles = dict(
        stack.query("SELECT handle, position FROM post_parts WHERE post_id = %s", post_id)
    )
    assert (post["state"], post["error"]["code"]) == ("FAILED", "video_format_unsupported")
    assert [post["error"]["item"]] == [handles[each["id"]] for each in failed]
    assert instagram_user.count_publications() == 0
    assert find_open_work(stack, instagram_user) == []


def test_a_post_above_the_platforms_limit_waits(stack, instagram_user):
    stack.sandbox.control("instagram/settings", publishing_quota=1)
    first = create_sample(instagram_user, "image at a URL")
    wait_until_final(stack, instagram_user, first)
    second = create_sample(instagram_user, "image at a URL")
    wait_until(
        lambda: (
            "publishing_limit_reached"
            in (stack.query_value("SELECT last_error FROM posts WHERE id = %s", second) or "")
        ),
        what="the second post to wait",
    )
    assert instagram_user.count_publications() == 1
    assert instagram_user.get_state(second) not in {"PUBLISHED", "FAILED"}
    cancelled = instagram_user.call("POST", f"/api/posts/{second}/cancel", json={})
    assert cancelled.ok, cancelled.text
    assert instagram_user.get_state(second) == "CANCELLED"
