"""Answers about publishing in odd shapes: what is said is used, what is not said is waited for."""

import pytest

from platforms.errors import MisdirectedResponse, UnreadableResponse
from platforms.publishing import QuotaReading, WaitFor
from tests.platforms.instagram_publishing_driver import image, make_driver, video

GENERAL_SHAPES = (
    "numbers_as_text",
    "numbers_as_floats",
    "flags_as_text",
    "flags_as_numbers",
    "lists_as_values",
    "nested_json",
)
ENDPOINTS = (
    "container_create",
    "container_status",
    "media_publish",
    "media_node",
    "publishing_limit",
)


def start(client, **options):
    media = (image(position=1, role="item"), video(position=2, role="item"))
    return make_driver(client, "CAROUSEL", *media, text="album", **options)


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_post_is_published_whatever_the_answers_look_like(publishing_client, endpoint, shape):
    publishing_client.inject_fault(endpoint, shape, times=20)
    driver = start(publishing_client)
    (reading,) = driver.publisher.check_before(driver.publication, driver.tools)
    assert reading == QuotaReading("posts", 0, 100)
    driver.run()
    (post,) = driver.posts
    assert driver.publication.post_ids == (post["id"],)
    assert driver.publication.permalink == post["media"]["permalink"]
    assert driver.errors == []


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
def test_a_post_is_found_whatever_the_list_looks_like(publishing_client, shape):
    publishing_client.inject_fault("media_list", shape, times=20)
    publishing_client.inject_fault("media_publish", "drop_after")
    driver = start(publishing_client).run()
    assert driver.publication.post_ids == (driver.posts[0]["id"],)


@pytest.mark.parametrize("value", [None, "", 0, [], {}, -1])
def test_a_limit_that_is_not_said_holds_no_post(publishing_client, value):
    publishing_client.inject_fault(
        "publishing_limit", "other_values", fields={"quota_total": value}
    )
    driver = start(publishing_client)
    (reading,) = driver.publisher.check_before(driver.publication, driver.tools)
    assert reading == QuotaReading("posts", 0, None)


def test_an_answer_without_the_id_of_the_post_is_looked_into(publishing_client):
    publishing_client.inject_fault("media_publish", "missing_fields", fields={"id": ""})
    driver = start(publishing_client).run()
    assert [type(error) for error in driver.errors] == [UnreadableResponse]
    assert len(driver.posts) == 1
    assert driver.publication.post_ids == (driver.posts[0]["id"],)


@pytest.mark.parametrize("value", [None, "", "SOON", 7, {}])
def test_a_status_that_is_not_said_is_read_again(publishing_client, value):
    publishing_client.inject_fault(
        "container_status", "other_values", fields={"status_code": value}, times=2
    )
    driver = start(publishing_client).run()
    assert {type(error) for error in driver.errors} <= {UnreadableResponse}
    assert len(driver.posts) == 1


@pytest.mark.parametrize("endpoint", ["container_status", "media_node"])
def test_an_answer_about_another_object_is_not_used(publishing_client, endpoint):
    publishing_client.inject_fault(
        endpoint, "other_values", fields={"id": "17999999999999999"}, times=4
    )
    driver = start(publishing_client).run()
    assert {type(error) for error in driver.errors} <= {MisdirectedResponse}
    assert driver.publication.post_ids == (driver.posts[0]["id"],)


def test_a_post_without_an_address_is_described_later(publishing_client):
    driver = start(publishing_client).run(until="details")
    publishing_client.inject_fault("media_node", "missing_fields", fields={"permalink": ""})
    assert isinstance(driver.run_step()[-1], WaitFor)
    driver.run()
    assert driver.publication.permalink is not None
