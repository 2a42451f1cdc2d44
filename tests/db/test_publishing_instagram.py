"""Instagram posts from the row to the public post, against the sandbox, with workers that die."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.jobs.executor import execute_claim
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch
from core.post_state.settle import PostState
from core.publishing import PUBLISH_JOB_TYPE, UPLOAD_JOB_TYPE
from db.posts.exchanges import PostExchange
from tests.platforms.instagram_publishing_client import FAKE_MP4, FAST_SETTINGS, add_account
from tests.support.instagram_harness import (
    ITEMS,
    InstagramHarness,
    instagram_environ,
    run_instagram_sandbox,
)
from tests.support.row_factory import RowFactory, make_services

FLOWS = ["facebook", "instagram"]
LOST_ANSWERS = {"drop_after": 1, "drop_before": 0, "reset": 1, "html_502": 0}
"""Kind of fault → how many posts the lost call made."""

MAX_CLAIMS = 40
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def sandbox():
    yield from run_instagram_sandbox()


@pytest.fixture
def make_harness(sandbox, database, database_url, redis_url, tmp_path):
    raw, state = sandbox
    state.settings = FAST_SETTINGS

    def make(flow="facebook"):
        environ = instagram_environ(raw.url, flow)
        services = make_services(
            database_url,
            "http://127.0.0.1:9",
            REDIS_URL=redis_url,
            MEDIA_URL=f"file://{tmp_path}/media",
            **environ,
        )
        harness = InstagramHarness(
            database, services, RowFactory(database, services.key_ring), None
        )
        harness.client, harness.flow = add_account(raw, state), flow
        return harness.connect()

    yield make
    state.sandbox.faults.clear()


@pytest.fixture
def harness(make_harness):
    return make_harness()


def run_to_end(harness, post_id, *, rounds=20):
    """Run workers with the post due again and again, until nothing is left to do."""
    for _ in range(rounds):
        harness.run_until_idle(post_id)
        if harness.post(post_id).due_at is None:
            return harness.post(post_id)
    raise AssertionError(harness.post(post_id).last_error or harness.state_history(post_id))


def age_absences(harness, post_id):
    """As if the platform had said for minutes that nothing is public."""
    post = harness.post(post_id)
    if "absent_since" in post.step_state:
        since = harness.one(select(func.now() - HOUR))
        state = {**post.step_state, "absent_since": since.isoformat()}
        harness.update_post(post_id, step_state=state)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("kind", ITEMS)
def test_each_kind_is_published_once_and_stored_as_media(make_harness, flow, kind):
    harness = make_harness(flow)
    post_id = harness.add_post(kind)

    post = run_to_end(harness, post_id)

    (published,) = harness.published
    (media,) = harness.media_rows()
    assert post.state == PostState.PUBLISHED
    assert post.platform_post_ids == [published["id"]]
    assert post.permalink == media.permalink == published["media"]["permalink"]
    assert (media.post_id, media.ig_id) == (post_id, published["id"])
    assert media.instagram_account_id == harness.destination_id
    assert media.media_type == published["media_type"]
    assert media.media_product_type == published["media_product_type"]
    assert harness.state_history(post_id)[-1] == "PUBLISHED"


def test_the_items_of_a_carousel_keep_their_containers(harness):
    post_id = harness.add_post("CAROUSEL")

    run_to_end(harness, post_id)

    parts = harness.parts(post_id)
    assert [part.role for part in parts] == ["collection", "item", "item", "item"]
    assert len({part.handle for part in parts}) == 4
    assert harness.post(post_id).container_id == parts[0].handle


def test_the_calls_of_a_carousel_are_recorded_without_tokens_and_addresses(harness):
    post_id = harness.add_post("CAROUSEL")

    run_to_end(harness, post_id)

    query = select(PostExchange).where(PostExchange.post_id == post_id).order_by(PostExchange.id)
    exchanges = harness.all(query)
    made = [each for each in exchanges if each.endpoint == "container_create"]
    handles = {part.handle for part in harness.parts(post_id)}
    assert {each.answer["body"]["id"] for each in made} == handles
    assert {"container_status", "media_publish"} <= {each.endpoint for each in exchanges}
    assert all(each.request["headers"]["authorization"] == "<removed>" for each in exchanges)
    stored = str([(each.request, each.answer, each.path) for each in exchanges])
    assert "EAA" not in stored
    assert "http://127.0.0.1" not in stored


def test_a_video_of_ours_is_sent_as_bytes(harness):
    media_id = harness.create_media(harness.account.user_id, FAKE_MP4)
    items = [{"position": 0, "role": "video", "media_id": media_id}]
    post_id = harness.add_post("REELS", items=items, bytes_total=len(FAKE_MP4))

    post = run_to_end(harness, post_id)

    assert post.state == PostState.PUBLISHED
    assert post.bytes_sent == len(FAKE_MP4)
    steps = [event.note for event in harness.events(post_id) if event.kind == "step"]
    assert "send" in steps
    assert len(harness.published) == 1


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_a_lost_answer_to_the_publish_call_makes_one_post(harness, fault):
    harness.client.inject_fault("media_publish", fault)
    post_id = harness.add_post("IMAGE")
    harness.run_workers()
    assert "UNCONFIRMED" in harness.state_history(post_id)
    assert len(harness.published) == LOST_ANSWERS[fault]

    for _ in range(6):
        age_absences(harness, post_id)
        harness.run_until_idle(post_id)

    (published,) = harness.published
    post = harness.post(post_id)
    assert (post.state, post.platform_post_id) == (PostState.PUBLISHED, published["id"])
    assert [each.post_id for each in harness.media_rows()] == [post_id]


def test_an_answer_with_the_public_post_of_another_is_not_used(harness):
    """The post that was really published is looked for, as after a lost answer."""
    first = harness.add_post("IMAGE", title="first")
    run_to_end(harness, first)
    first_public_id = harness.post(first).platform_post_id
    fields = {"id": first_public_id}
    harness.client.inject_fault("media_publish", "other_values", fields=fields)
    second = harness.add_post("IMAGE", title="second")
    harness.run_workers()
    assert "UNCONFIRMED" in harness.state_history(second)
    run_to_end(harness, second)
    published = {each["id"] for each in harness.published}
    rows = {row.post_id: row.ig_id for row in harness.media_rows()}
    assert rows[first] == first_public_id
    assert {rows[first], rows[second]} == published
    assert harness.post(second).platform_post_ids == [rows[second]]


def test_control_two_posts_with_the_same_text_are_not_mistaken_for_each_other(harness):
    first = harness.add_post("IMAGE")
    run_to_end(harness, first)
    harness.client.inject_fault("media_publish", "drop_before")
    second = harness.add_post("IMAGE")
    harness.run_workers()

    harness.run_until_idle(second)

    assert harness.post(second).platform_post_id is None
    assert harness.post(second).state == PostState.UNCONFIRMED


@pytest.mark.parametrize("kind", ["REELS", "CAROUSEL"])
@pytest.mark.parametrize("killed_claim", range(10))
def test_a_worker_that_dies_before_it_records_makes_no_second_post(harness, kind, killed_claim):
    post_id = harness.add_post(kind)
    for number in range(MAX_CLAIMS):
        harness.make_due(post_id)
        is_expired = harness.post(post_id).leased_until is not None
        job_type = UPLOAD_JOB_TYPE if harness.post(post_id).is_upload_due else PUBLISH_JOB_TYPE
        claims = claim_batch(
            job_type, harness.database, limit=1, expired=is_expired, row_id=post_id
        )
        results = [(claim, execute_claim(job_type, claim, harness.services)) for claim in claims]
        if number == killed_claim:
            harness.update_post(post_id, leased_until=func.now() - HOUR)
            continue
        record_results(job_type, harness.database, harness.services, results)
        age_absences(harness, post_id)
        if harness.post(post_id).due_at is None:
            break

    (published,) = harness.published
    post = harness.post(post_id)
    assert (post.state, post.platform_post_id) == (PostState.PUBLISHED, published["id"])
    assert post.permalink == published["media"]["permalink"]


def test_a_used_up_limit_of_the_platform_makes_the_post_wait(harness):
    harness.client.change_settings(publishing_quota=1)
    run_to_end(harness, harness.add_post("IMAGE"))
    second = harness.add_post("IMAGE")

    harness.run_workers()

    post = harness.post(second)
    assert (post.state, post.attempts) == (PostState.QUEUED, 0)
    assert "publishing_limit_reached" in post.last_error
    assert post.due_at > harness.one(select(func.now() + timedelta(seconds=30)))
    assert len(harness.published) == 1


def test_other_posts_of_an_account_wait_while_the_platform_has_blocked_it(harness):
    harness.client.inject_fault(
        "media_publish", "graph_error", work=False, fields={"code": 4, "subcode": 2207051}
    )
    first = harness.add_post("IMAGE")
    harness.run_until_idle(first)
    assert "UNCONFIRMED" in harness.state_history(first)
    second = harness.add_post("IMAGE")

    harness.run_workers()

    post = harness.post(second)
    assert (post.state, post.attempts, post.container_id) == (PostState.QUEUED, 0, None)
    assert "blocked posting of this account" in post.last_error
    assert post.due_at > harness.one(select(func.now() + HOUR))
    assert harness.published == []


def test_a_refused_token_of_the_destination_is_fetched_again(harness):
    post_id = harness.add_post("IMAGE")
    harness.client.inject_fault(
        "publishing_limit", "graph_error", fields={"code": 190, "subcode": 463}
    )

    harness.run_workers()

    post = harness.post(post_id)
    assert post.last_error.startswith("token ")
    assert post.attempts == 0
    assert harness.factory.account(harness.account.id).status == "ACTIVE"
