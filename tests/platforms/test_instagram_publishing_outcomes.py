"""A publish call whose answer is lost or doubtful never makes a second post, and none is lost."""

from datetime import timedelta

import pytest

from platforms.base import Phase
from platforms.errors import OutcomeUnknown
from platforms.publishing import AbsenceReported, Evidence, PostVisible, WaitFor
from tests.platforms.instagram_publishing_driver import image, make_driver, video

MEDIA = {
    "IMAGE": (image(),),
    "REELS": (video(),),
    "STORIES": (image(role="item"),),
    "CAROUSEL": (image(position=1, role="item"), video(position=2, role="item")),
}
LOST_ANSWERS = {
    "drop_after": 1,
    "drop_before": 0,
    "reset": 1,
    "truncated_json": 1,
    "html_200": 0,
    "html_502": 0,
    "http_500": 0,
}
"""Kind of fault → how many posts it made."""


def start_publishing(client, kind="IMAGE", *, login="page", text="Hi @ada  and\n#x"):
    driver = make_driver(client, kind, *MEDIA[kind], login=login, text=text)
    return driver.run(until="publish")


@pytest.mark.parametrize("login", ["page", "instagram"])
@pytest.mark.parametrize("kind", MEDIA)
@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_a_lost_answer_makes_one_post(publishing_client, fault, kind, login):
    driver = start_publishing(publishing_client, kind, login=login)
    publishing_client.inject_fault("media_publish", fault)
    driver.run_step()
    assert driver.publication.is_unconfirmed
    assert len(driver.posts) == LOST_ANSWERS[fault]
    driver.run()
    (post,) = driver.posts
    assert driver.publication.post_ids == (post["id"],)
    assert driver.publication.permalink == post["media"]["permalink"]
    had_effect = LOST_ANSWERS[fault] == 1
    assert driver.history.count("publish") == (1 if had_effect else 2)
    assert driver.history.count("reconcile") == (1 if had_effect else 3)


@pytest.mark.parametrize("takes_effect", [True, False])
def test_a_spam_block_is_looked_into_before_anything_else(publishing_client, takes_effect):
    driver = start_publishing(publishing_client)
    publishing_client.inject_fault(
        "media_publish",
        "graph_error",
        fields={"code": 4, "subcode": 2207051},
        work=takes_effect,
    )
    error = driver.run_step()
    assert (type(error), error.code) == (OutcomeUnknown, "action_blocked")
    assert error.retry_after >= timedelta(hours=1)
    assert driver.publication.is_unconfirmed
    driver.run()
    assert len(driver.posts) == 1
    assert driver.history.count("publish") == (1 if takes_effect else 2)


@pytest.mark.parametrize(
    ("code", "subcode"), [(1, None), (2, None), (-1, 2207001), (-1, 2207032), (-2, 2207003)]
)
@pytest.mark.parametrize("takes_effect", [True, False])
def test_an_error_of_the_server_may_have_published(publishing_client, code, subcode, takes_effect):
    driver = start_publishing(publishing_client)
    fields = {"code": code} if subcode is None else {"code": code, "subcode": subcode}
    publishing_client.inject_fault("media_publish", "graph_error", fields=fields, work=takes_effect)
    driver.run_step()
    assert driver.publication.is_unconfirmed
    driver.run()
    assert len(driver.posts) == 1


def test_repeating_without_looking_would_make_two_posts(publishing_client):
    """The negative control: the sandbox publishes whatever is asked of it."""
    for _ in range(2):
        driver = start_publishing(publishing_client)
        driver.run_step()
    assert len(driver.posts) == 2


def test_a_container_that_is_not_ready_after_all_is_published_soon(publishing_client):
    publishing_client.change_settings(late_ready_publishes=2)
    driver = start_publishing(publishing_client)
    (result,) = driver.run_step()
    assert isinstance(result, WaitFor)
    assert timedelta(0) < result.delay <= timedelta(minutes=1)
    driver.run()
    assert driver.history.count("publish") == 3
    assert len(driver.posts) == 1


def test_the_status_is_read_before_each_publish_call(publishing_client):
    """Another worker published the container, and died before it could say so."""
    driver = start_publishing(publishing_client)
    publishing_client.publish(driver.publication.get_part(0).handle)
    driver.run_step()
    assert driver.publication.phase is Phase.PUBLISHED
    assert driver.publication.post_ids == ()
    driver.run()
    assert len(driver.posts) == 1
    assert driver.publication.post_ids == (driver.posts[0]["id"],)


def test_a_status_that_cannot_be_read_is_no_doubt(publishing_client):
    driver = start_publishing(publishing_client)
    publishing_client.inject_fault("container_status", "drop_before", times=10)
    error = driver.run_step()
    assert not error.may_have_arrived
    assert not driver.publication.is_unconfirmed


@pytest.mark.parametrize("expired_code", [24, -2])
def test_an_expired_container_is_replaced_when_it_is_published(publishing_client, expired_code):
    publishing_client.change_settings(expired_code=expired_code)
    driver = start_publishing(publishing_client)
    publishing_client.advance_clock(86_500)
    driver.run_step("publish")
    assert [each.code for each in driver.discards] == ["container_expired"]
    driver.run()
    assert len(driver.posts) == 1


def test_a_container_that_is_denied_at_first_is_published_later(publishing_client):
    driver = start_publishing(publishing_client)
    fields = {"code": 24, "subcode": 2207008}
    publishing_client.inject_fault("media_publish", "graph_error", fields=fields)
    (result,) = driver.run_step()
    assert isinstance(result, WaitFor)
    driver.run()
    assert driver.discards == []
    assert len(driver.posts) == 1


OLD_AGE = 240  # seconds; of a container that is not asked for again when it is denied
DENIED = {"code": 24, "subcode": 2207008}


def test_a_denied_container_that_was_published_is_found_and_not_made_again(publishing_client):
    """Meta published it, answered that there is no such container, and forgot it."""
    driver = start_publishing(publishing_client)
    publishing_client.advance_clock(OLD_AGE)
    publishing_client.inject_fault("media_publish", "graph_error", fields=DENIED, work=True)
    assert isinstance(driver.run_step(), OutcomeUnknown)
    assert driver.publication.is_unconfirmed
    publishing_client.inject_fault("container_status", "graph_error", fields=DENIED, times=9)
    driver.run()
    assert driver.publication.post_ids == (driver.posts[0]["id"],)
    assert (driver.discards, len(driver.posts)) == ([], 1)
    assert driver.history.count("publish") == 1


def test_a_container_that_is_gone_without_a_post_is_made_again_after_several_looks(
    publishing_client,
):
    driver = start_publishing(publishing_client)
    publishing_client.advance_clock(OLD_AGE)
    publishing_client.inject_fault("media_publish", "graph_error", fields=DENIED, work=False)
    driver.run_step()
    publishing_client.inject_fault("container_status", "graph_error", fields=DENIED, times=20)
    looks = 0
    while driver.publication.is_unconfirmed and looks < 20:
        driver.run_step()
        looks += 1
        publishing_client.advance_clock(100)
    assert 3 <= looks < 20
    assert [each.code for each in driver.discards] == ["container_unknown"]
    publishing_client.raw.control("faults", method="DELETE")
    driver.run()
    assert len(driver.posts) == 1


def test_a_post_that_is_not_listed_yet_is_public_without_an_id(publishing_client):
    publishing_client.change_settings(media_list_lag_seconds=7_000.0)
    driver = start_publishing(publishing_client)
    publishing_client.inject_fault("media_publish", "drop_after")
    driver.run_step()
    results = driver.run_step()
    assert results[-1] == PostVisible()
    assert driver.publication.phase is Phase.PUBLISHED
    driver.run()
    assert driver.publication.post_ids == (driver.posts[0]["id"],)
    assert driver.history.count("find") == 3  # at once, and after each hour


def test_the_search_for_an_id_ends_after_a_day(publishing_client):
    publishing_client.change_settings(media_list_lag_seconds=1_000_000.0)
    driver = start_publishing(publishing_client)
    publishing_client.inject_fault("media_publish", "drop_after")
    driver.run()
    assert driver.publication.phase is Phase.PUBLISHED
    assert driver.publication.post_ids == ()
    assert 20 <= driver.history.count("find") <= 25


def test_a_post_of_ours_is_not_taken_for_another(publishing_client):
    first = start_publishing(publishing_client)
    first.run()
    second = start_publishing(publishing_client)
    second.change(evidence=Evidence(known_ids=frozenset(first.publication.post_ids)))
    publishing_client.inject_fault("media_publish", "drop_after")
    second.run()
    assert set(first.publication.post_ids).isdisjoint(second.publication.post_ids)
    assert len(second.posts) == 2


def test_two_candidates_decide_nothing(publishing_client):
    """Somebody posts the same text in the app while our answer is lost."""
    driver = start_publishing(publishing_client)
    publishing_client.inject_fault("media_publish", "drop_before")
    driver.run_step()
    for _ in range(2):
        publishing_client.publish_new(
            image_url="https://cdn.example/b.jpg", caption="Hi @ada  and\n#x"
        )
    results = driver.run_step()
    assert isinstance(results[-1], WaitFor)
    assert driver.publication.is_unconfirmed
    assert not any(isinstance(result, AbsenceReported) for result in results)


def test_a_rival_of_ours_decides_nothing(publishing_client):
    driver = start_publishing(publishing_client)
    driver.change(evidence=Evidence(rivals=("Hi ada and #x",)))
    publishing_client.inject_fault("media_publish", "drop_after")
    driver.run_step()
    results = driver.run_step()
    assert results[-1] == PostVisible()  # the container says that it is public, not which it is


def test_without_captions_time_and_kind_decide(publishing_client):
    publishing_client.change_settings(instagram_login_captions=False)
    driver = start_publishing(publishing_client, login="instagram")
    publishing_client.inject_fault("media_publish", "drop_after")
    driver.run()
    assert driver.publication.post_ids == (driver.posts[0]["id"],)


def test_a_container_that_nobody_can_read_says_nothing(publishing_client):
    driver = start_publishing(publishing_client, login="instagram")
    publishing_client.inject_fault("media_publish", "drop_before")
    driver.run_step()
    publishing_client.inject_fault(
        "container_status", "graph_error", fields={"code": 100, "subcode": 33}
    )
    (result,) = driver.run_step()
    assert isinstance(result, WaitFor)
    driver.run()
    assert len(driver.posts) == 1


def test_an_expired_container_was_not_published(publishing_client):
    driver = start_publishing(publishing_client)
    publishing_client.inject_fault("media_publish", "drop_before")
    driver.run_step()
    publishing_client.advance_clock(86_500)
    results = driver.run_step()
    assert results[-1] == AbsenceReported()
    driver.run()
    assert [each.code for each in driver.discards] == ["container_expired"]
    assert len(driver.posts) == 1
