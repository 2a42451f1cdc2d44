"""Posts of a platform that publishes in steps: what each result of a step does to the post."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import publishing
from core.post_state.settle import PostState
from core.publishing.queries import get_timeline
from core.publishing.step_progress import list_step_progress
from db.accounts.accounts import AccountStatus
from db.identity.notifications import Notification
from db.media.files import MediaFiles
from platforms.base import Phase, PublishProgress
from platforms.errors import RateLimited, Rejected, ServerBusy, TokenExpired, Unavailable
from platforms.publishing import (
    PartDiscarded,
    PartFailed,
    PartSent,
    PostVisible,
    ProgressReported,
    WaitFor,
)
from platforms.secret import Secret
from tests.support.step_platform import part_created, part_reported, visible

MINUTE = timedelta(minutes=1)


@pytest.fixture
def account(step_harness):
    return step_harness.add_account()


@pytest.fixture
def post_id(step_harness, account):
    return step_harness.add_post(account)


def test_a_post_goes_through_its_steps_and_is_published(step_harness, post_id):
    step_harness.run_workers()

    post = step_harness.post(post_id)
    assert step_harness.publisher.names() == ["create", "check", "publish"]
    assert post.state == PostState.PUBLISHED
    assert (post.publish_id, post.container_id) == ("part-1", "part-1")
    assert (post.platform_post_id, post.platform_post_ids) == ("post-1", ["post-1"])
    assert post.permalink == "https://example.com/post-1"
    assert post.due_at is None
    assert step_harness.state_history(post_id) == ["QUEUED", "SENDING", "PROCESSING", "PUBLISHED"]
    progress = list_step_progress(post, step_harness.events(post_id))
    assert [(each.name, each.state) for each in progress] == [
        ("create", "done"),
        ("check", "done"),
        ("publish", "done"),
    ]


def test_the_publisher_sees_the_post_without_its_rows(step_harness, account):
    step_harness.add_post(account, payload_json={"options": {"place": "here"}})

    step_harness.run_workers()

    _, publication, tools = step_harness.publisher.calls[0]
    assert publication.kind.name == "SINGLE"
    assert (publication.text, publication.destination_id) == ("A text", account.open_id)
    assert publication.options == {"place": "here"}
    assert [item.url for item in publication.media] == ["https://example.com/0.jpg"]
    assert publication.parts == ()
    assert tools.token == Secret("token")


def test_the_owner_is_notified_once(step_harness, account, post_id):
    step_harness.run_workers()

    query = select(Notification).where(Notification.user_id == account.user_id)
    assert [each.kind for each in step_harness.all(query)] == ["post_published"]
    assert len(get_timeline(step_harness.database, post_id, user_id=account.user_id)) > 3


def test_the_parts_of_a_collection_are_made_before_the_whole(step_harness, account):
    post_id = step_harness.add_post(account, count=2)
    answers = [
        [part_created(1, "item-1"), part_created(2, "item-2")],
        [part_created(0, "whole")],
    ]
    step_harness.publisher.answers["create"] = answers

    step_harness.run_workers()

    parts = step_harness.parts(post_id)
    assert [(part.position, part.role, part.handle) for part in parts] == [
        (0, "collection", "whole"),
        (1, "item", "item-1"),
        (2, "item", "item-2"),
    ]
    assert step_harness.post(post_id).publish_id == "whole"
    assert step_harness.post(post_id).state == PostState.PUBLISHED


def test_bytes_are_sent_in_the_queue_of_uploads(step_harness, account):
    media_id = step_harness.create_media(account.user_id, b"0123456789")
    items = [{"position": 0, "role": "item", "media_id": media_id}]
    post_id = step_harness.add_post(account, items=items, bytes_total=10)
    claims = []

    def send(publication, tools):
        claims.append(step_harness.post(post_id).is_upload_due)
        (item,) = publication.media
        part = publication.get_part(0)
        assert part.upload_url == Secret("https://upload.example.com/secret")
        assert bytes(tools.read_bytes(item, part.next_offset, part.next_offset + 4)) in {
            b"01234",
            b"56789",
        }
        offset = part.next_offset + 5
        return [PartSent(0, offset, is_complete=offset == 10)]

    upload_url = Secret("https://upload.example.com/secret")
    step_harness.publisher.answers["create"] = [[part_created(upload_url=upload_url)]]
    step_harness.publisher.answers["send"] = [send]

    step_harness.run_workers(2)

    post = step_harness.post(post_id)
    assert claims == [True, True]
    assert post.state == PostState.PUBLISHED
    assert (post.bytes_sent, post.is_upload_due) == (10, False)
    assert step_harness.parts(post_id)[0].upload_url_encrypted is None


def test_an_upload_url_is_stored_encrypted(step_harness, post_id):
    url = "https://upload.example.com/canary"
    step_harness.publisher.answers["create"] = [
        [part_created(upload_url=Secret(url)), WaitFor(MINUTE)]
    ]

    step_harness.run_workers()

    (part,) = step_harness.parts(post_id)
    assert part.upload_url_encrypted.startswith("v1.")
    assert "canary" not in part.upload_url_encrypted
    assert step_harness.post(post_id).state == PostState.SENDING


def test_a_file_of_ours_is_offered_by_a_link(step_harness, account):
    media_id = step_harness.create_media(account.user_id)
    items = [{"position": 0, "role": "item", "media_id": media_id}]
    links = []

    def create(publication, tools):
        links.append(tools.media_link(publication.media[0]))
        return [part_created()]

    step_harness.publisher.answers["create"] = [create]
    step_harness.add_post(account, items=items)

    step_harness.run_workers()

    assert links[0].startswith(f"{step_harness.services.settings.public_url.rstrip('/')}/m/")
    assert links[0].endswith("/film.mp4")


def test_a_file_of_an_unfinished_post_is_kept(step_harness, account):
    media_id = step_harness.create_media(account.user_id)
    items = [{"position": 1, "role": "item", "media_id": media_id}]
    post_id = step_harness.add_post(account, items=items, kind="SEVERAL")
    with step_harness.database.transaction() as session:
        media = MediaFiles(session).get(media_id)
        media.expires_at = func.now() - MINUTE
    with step_harness.database.transaction() as session:
        assert MediaFiles(session).is_needed(media_id)
        assert MediaFiles(session).lock_expired(limit=10) == []

    step_harness.update_post(post_id, state="CANCELLED")

    with step_harness.database.transaction() as session:
        assert not MediaFiles(session).is_needed(media_id)
        assert [each.id for each in MediaFiles(session).lock_expired(limit=10)] == [media_id]


def test_a_useless_part_is_replaced_and_the_third_one_fails_the_post(step_harness, post_id):
    discarded = PartDiscarded(0, "media_not_fetched", "the file could not be fetched")
    step_harness.publisher.answers["create"] = [
        [part_created(handle=f"part-{number}")] for number in range(1, 9)
    ]
    step_harness.publisher.answers["check"] = [[discarded]]

    step_harness.run_workers()

    post = step_harness.post(post_id)
    assert step_harness.publisher.names() == ["create", "check"] * 3
    assert (post.state, post.error_code) == (PostState.FAILED, "media_not_fetched")
    assert post.error_message == "the file could not be fetched"
    assert post.publish_id is None
    assert step_harness.parts(post_id)[0].tries == 3


def test_an_item_that_failed_is_named(step_harness, account):
    post_id = step_harness.add_post(account, count=2)
    step_harness.publisher.answers["create"] = [
        [part_created(1, "item-1"), PartFailed(2, "media_ratio_invalid", "the ratio is 3:1")]
    ]

    step_harness.run_workers()

    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "media_ratio_invalid")
    assert post.error_message == "item 2: the ratio is 3:1"
    (progress,) = list_step_progress(post, step_harness.events(post_id))
    assert (progress.name, progress.state) == ("create", "failed")
    assert step_harness.parts(post_id)[2].status_text == "the ratio is 3:1"
    assert step_harness.publisher.names() == ["create"]


def test_a_part_that_is_not_ready_is_polled_at_growing_intervals(step_harness, post_id):
    step_harness.publisher.answers["check"] = [[part_reported("BUSY"), WaitFor()]]
    waits = []
    step_harness.run_workers()
    for _ in range(3):
        post = step_harness.post(post_id)
        waits.append((post.due_at - step_harness.one(select(func.now()))).total_seconds())
        step_harness.run_until_idle(post_id)

    assert waits == sorted(waits)
    assert waits[0] < 7
    assert 15 < waits[2] < 37
    assert step_harness.post(post_id).state == PostState.PROCESSING


def test_an_unchanged_report_without_a_wait_is_polled_later_too(step_harness, post_id):
    step_harness.publisher.answers["check"] = [[part_reported("BUSY")]]

    step_harness.run_workers()

    assert step_harness.publisher.names() == ["create", "check", "check"]


def test_a_wait_of_a_given_length_is_kept(step_harness, post_id):
    step_harness.publisher.answers["check"] = [[WaitFor(timedelta(hours=3))]]

    step_harness.run_workers()

    wait = step_harness.post(post_id).due_at - step_harness.one(select(func.now()))
    assert timedelta(hours=2, minutes=59) < wait <= timedelta(hours=3)


def test_progress_of_the_whole_post_is_applied_as_a_poll(step_harness, post_id):
    progress = PublishProgress(Phase.FAILED, "BROKEN", fail_reason="media_broken")
    step_harness.publisher.answers["check"] = [[ProgressReported(progress)]]

    step_harness.run_workers()

    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "media_broken")


def test_a_post_that_is_public_without_an_id_is_published_and_looked_for(step_harness, post_id):
    publisher = step_harness.publisher
    publisher.has_details = True
    publisher.answers["publish"] = [[PostVisible()]]
    publisher.answers["details"] = [[WaitFor(MINUTE)], [visible()]]
    step_harness.run_workers()
    post = step_harness.post(post_id)
    assert (post.state, post.platform_post_id) == (PostState.PUBLISHED, None)
    assert post.due_at is not None

    step_harness.run_until_idle(post_id)

    post = step_harness.post(post_id)
    assert (post.state, post.platform_post_id) == (PostState.PUBLISHED, "post-1")
    assert (post.permalink, post.due_at) == ("https://example.com/post-1", None)
    details_call = publisher.calls[-1][1]
    assert details_call.unsafe_at is not None
    assert details_call.published_at is not None
    assert not details_call.is_unconfirmed


def test_facts_that_cannot_be_fetched_do_not_change_a_published_post(step_harness, post_id):
    publisher = step_harness.publisher
    publisher.has_details = True
    publisher.answers["publish"] = [[PostVisible("post-1")]]
    publisher.answers["details"] = [Rejected("gone", code="not_readable")]

    step_harness.run_workers()

    post = step_harness.post(post_id)
    assert (post.state, post.error_code, post.due_at) == (PostState.PUBLISHED, None, None)


@pytest.mark.parametrize("step", ["check_before", "create", "check", "publish"])
def test_a_refusal_fails_the_post_with_its_code(step_harness, post_id, step):
    step_harness.publisher.answers[step] = [Rejected("too long", code="caption_too_long")]

    step_harness.run_workers()

    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.FAILED, "caption_too_long")
    assert (post.error_message, post.due_at) == ("too long", None)


@pytest.mark.parametrize("step", ["create", "check", "publish"])
def test_a_rate_limit_postpones_the_post_without_counting_the_attempt(step_harness, post_id, step):
    limited = RateLimited("slow down", code="app_limit", retry_after=timedelta(minutes=20))
    step_harness.publisher.answers[step] = [limited]

    step_harness.run_workers()

    post = step_harness.post(post_id)
    wait = post.due_at - step_harness.one(select(func.now()))
    assert timedelta(minutes=19) < wait <= timedelta(minutes=20)
    assert post.attempts == 0
    assert post.state not in {PostState.FAILED, PostState.UNCONFIRMED}


@pytest.mark.parametrize("step", ["create", "check", "publish"])
def test_a_step_that_found_the_platform_busy_runs_again(step_harness, post_id, step):
    following = {"create": [part_created()], "check": [part_reported()], "publish": [visible()]}
    step_harness.publisher.answers[step] = [ServerBusy("busy"), following[step]]

    step_harness.run_workers()
    step_harness.run_until_idle(post_id)

    assert step_harness.publisher.names().count(step) == 2
    assert step_harness.post(post_id).state == PostState.PUBLISHED


def test_a_refused_token_is_refreshed_and_the_step_repeated(step_harness, account, post_id):
    step_harness.publisher.answers["publish"] = [TokenExpired("expired"), [visible()]]
    step_harness.run_workers()
    post = step_harness.post(post_id)
    assert post.last_error == "token refused by the platform"
    assert post.attempts == 0

    step_harness.factory.update_account(account.id, metadata={}, token_version=1)
    step_harness.run_until_idle(post_id)

    assert step_harness.post(post_id).state == PostState.PUBLISHED


def test_a_post_waits_while_its_account_has_to_be_connected_again(step_harness, account, post_id):
    step_harness.factory.update_account(account.id, status=AccountStatus.NEEDS_RECONNECT)

    step_harness.run_workers()

    post = step_harness.post(post_id)
    assert (post.state, post.hold_reason) == (PostState.QUEUED, "needs_reconnect")
    assert step_harness.publisher.calls == []


def test_nothing_is_called_outside_of_live_mode(step_harness, post_id):
    step_harness.replace_settings(publish_mode="dry_run")

    step_harness.run_workers()

    post = step_harness.post(post_id)
    assert (post.state, post.error_code) == (PostState.CANCELLED, "dry_run")
    assert step_harness.publisher.calls == []


def test_attempts_that_bring_nothing_run_out(step_harness, post_id):
    step_harness.publisher.answers["create"] = [Unavailable("down")]
    step_harness.update_post(
        post_id, attempts=publishing.PUBLISH_JOB_TYPE.retry_policy.max_attempts
    )
    step_harness.run_until_idle(post_id)

    post = step_harness.post(post_id)
    assert post.state == PostState.FAILED
