"""The status of a post in the sandbox: misspelt keys, large ids, two forms of "unknown"."""

import pytest

from tests.platforms.raw_sandbox_client import FAKE_MP4, delivery_content

CANCEL_PATH = "/v2/post/publish/cancel/"
STATUS_PATH = "/v2/post/publish/status/fetch/"


@pytest.fixture
def creator(sandbox):
    return sandbox.connect_creator()


def test_a_public_post_gets_its_id_after_moderation(sandbox, creator):
    publish_id = sandbox.upload_video(creator, privacy_level="PUBLIC_TO_EVERYONE")
    status = sandbox.fetch_status(creator, publish_id).data
    (post_id,) = status["publicaly_available_post_id"]
    assert status["status"] == "PUBLISH_COMPLETE"
    assert 2**62 < post_id < 2**63
    assert status["uploaded_bytes"] == len(FAKE_MP4)
    public = sandbox.wait_for_delivery(creator.open_id, "post.publish.publicly_available")
    assert delivery_content(public)["post_id"] == str(post_id)


def test_moderation_takes_the_configured_time(sandbox, creator):
    sandbox.control("settings", moderation_seconds=3600.0)
    publish_id = sandbox.upload_video(creator, privacy_level="PUBLIC_TO_EVERYONE")
    status = sandbox.fetch_status(creator, publish_id).data
    assert (status["status"], status["publicaly_available_post_id"]) == ("PUBLISH_COMPLETE", [])
    sandbox.advance_clock(3601)
    assert sandbox.fetch_status(creator, publish_id).data["publicaly_available_post_id"]


def test_a_private_post_never_gets_an_id(sandbox, creator):
    publish_id = sandbox.upload_video(creator, privacy_level="SELF_ONLY")
    status = sandbox.fetch_status(creator, publish_id).data
    assert (status["status"], status["publicaly_available_post_id"]) == ("PUBLISH_COMPLETE", [])
    assert sandbox.get_post(publish_id)["published"] == 1


def test_processing_takes_the_configured_time(sandbox, creator):
    sandbox.control("settings", processing_seconds=30.0)
    publish_id = sandbox.upload_video(creator)
    assert sandbox.fetch_status(creator, publish_id).data["status"] == "PROCESSING_UPLOAD"
    sandbox.advance_clock(31)
    assert sandbox.fetch_status(creator, publish_id).data["status"] == "SEND_TO_USER_INBOX"


def test_a_post_can_stay_stuck(sandbox, creator):
    sandbox.control("settings", stuck=True)
    publish_id = sandbox.upload_video(creator)
    sandbox.advance_clock(7000)
    assert sandbox.fetch_status(creator, publish_id).data["status"] == "PROCESSING_UPLOAD"


def test_a_draft_may_be_posted_twice_and_sends_an_event_each_time(sandbox, creator):
    publish_id = sandbox.upload_video(creator)
    for _ in range(2):
        sandbox.control(f"posts/{publish_id}/post", method="POST")
        assert delivery_content(
            sandbox.wait_for_delivery(creator.open_id, "post.publish.complete")
        ) == {
            "publish_id": publish_id,
            "publish_type": "INBOX_SHARE",
        }
    sandbox.advance_clock()
    assert len(sandbox.fetch_status(creator, publish_id).data["publicaly_available_post_id"]) == 2
    assert sandbox.get_post(publish_id)["published"] == 2


def test_a_withdrawn_post_is_reported_as_the_vendor_spells_it(sandbox, creator):
    publish_id = sandbox.upload_video(creator, privacy_level="PUBLIC_TO_EVERYONE")
    (post_id,) = sandbox.fetch_status(creator, publish_id).data["publicaly_available_post_id"]
    sandbox.control(f"posts/{publish_id}/withdraw", method="POST")
    event = "post.publish.no_longer_publicaly_available"
    delivery = sandbox.wait_for_delivery(creator.open_id, event)
    assert delivery_content(delivery)["post_id"] == str(post_id)
    assert sandbox.fetch_status(creator, publish_id).data["publicaly_available_post_id"] == []


@pytest.mark.parametrize("publish_id", ["v_pub_file~v2-1.1", "", 7, None])
def test_an_unknown_post_is_refused(sandbox, creator, publish_id):
    answer = sandbox.fetch_status(creator, publish_id)
    assert (answer.status, answer.code) == (400, "invalid_publish_id")


def test_a_new_post_may_be_unknown_for_a_moment(sandbox, creator):
    sandbox.control("settings", lag_seconds=2.0)
    publish_id = sandbox.start_inbox_video(creator).data["publish_id"]
    answer = sandbox.fetch_status(creator, publish_id)
    assert (answer.code, answer.json["error"]["message"]) == (
        "invalid_params",
        "invalid_publish_id",
    )
    sandbox.advance_clock(3)
    assert sandbox.fetch_status(creator, publish_id).data


@pytest.mark.parametrize("path", [STATUS_PATH, CANCEL_PATH])
def test_another_creators_token_is_refused(sandbox, creator, path):
    publish_id = sandbox.start_inbox_video(creator).data["publish_id"]
    answer = sandbox.call_api(path, sandbox.connect_creator(), {"publish_id": publish_id})
    code = "token_not_authorized_for_specified_publish_id"
    assert (answer.status, answer.code) == (400, code)


def test_an_upload_cannot_be_cancelled(sandbox, creator):
    publish_id = sandbox.start_inbox_video(creator).data["publish_id"]
    answer = sandbox.call_api(CANCEL_PATH, creator, {"publish_id": publish_id})
    assert (answer.status, answer.code) == (400, "publish_not_cancellable")


@pytest.mark.parametrize(
    "reason", ["spam_risk_text", "duration_check_failed", "frame_rate_check_failed", "internal"]
)
def test_a_failed_post_is_reported_with_status_200(sandbox, reason):
    creator = sandbox.connect_creator(fail_reason=reason)
    publish_id = sandbox.upload_video(creator, privacy_level="SELF_ONLY")
    answer = sandbox.fetch_status(creator, publish_id)
    assert (answer.status, answer.data["fail_reason"]) == (200, reason)
    assert delivery_content(sandbox.wait_for_delivery(creator.open_id)) == {
        "publish_id": publish_id,
        "reason": reason,
        "publish_type": "DIRECT_PUBLISH",
    }
    assert sandbox.get_post(publish_id)["published"] == 0
