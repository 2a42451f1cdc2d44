"""How a post stands in the sandbox: misspelt keys, huge numbers, two ways to say "unknown"."""

import pytest

from tests.platforms.visitor import MP4, content

CANCEL = "/v2/post/publish/cancel/"
STATUS = "/v2/post/publish/status/fetch/"


@pytest.fixture
def person(sandbox):
    return sandbox.connect()


def test_a_public_post_gets_its_number_after_moderation(sandbox, person):
    publish_id = sandbox.uploaded(person, privacy_level="PUBLIC_TO_EVERYONE")
    told = sandbox.status(person, publish_id).data
    (number,) = told["publicaly_available_post_id"]
    assert told["status"] == "PUBLISH_COMPLETE"
    assert 2**62 < number < 2**63
    assert told["uploaded_bytes"] == len(MP4)
    public = sandbox.told(person.open_id, "post.publish.publicly_available")
    assert content(public)["post_id"] == str(number)


def test_moderation_takes_its_time(sandbox, person):
    sandbox.control("settings", moderation_seconds=3600.0)
    publish_id = sandbox.uploaded(person, privacy_level="PUBLIC_TO_EVERYONE")
    told = sandbox.status(person, publish_id).data
    assert (told["status"], told["publicaly_available_post_id"]) == ("PUBLISH_COMPLETE", [])
    sandbox.settle(3601)
    assert sandbox.status(person, publish_id).data["publicaly_available_post_id"]


def test_a_post_for_oneself_never_gets_a_number(sandbox, person):
    publish_id = sandbox.uploaded(person, privacy_level="SELF_ONLY")
    told = sandbox.status(person, publish_id).data
    assert (told["status"], told["publicaly_available_post_id"]) == ("PUBLISH_COMPLETE", [])
    assert sandbox.post(publish_id)["published"] == 1


def test_processing_takes_its_time(sandbox, person):
    sandbox.control("settings", processing_seconds=30.0)
    publish_id = sandbox.uploaded(person)
    assert sandbox.status(person, publish_id).data["status"] == "PROCESSING_UPLOAD"
    sandbox.settle(31)
    assert sandbox.status(person, publish_id).data["status"] == "SEND_TO_USER_INBOX"


def test_a_post_can_stay_stuck(sandbox, person):
    sandbox.control("settings", stuck=True)
    publish_id = sandbox.uploaded(person)
    sandbox.settle(7000)
    assert sandbox.status(person, publish_id).data["status"] == "PROCESSING_UPLOAD"


def test_a_draft_may_be_posted_twice_and_tells_each_time(sandbox, person):
    publish_id = sandbox.uploaded(person)
    for _ in range(2):
        sandbox.control(f"posts/{publish_id}/post", method="POST")
        assert content(sandbox.told(person.open_id, "post.publish.complete")) == {
            "publish_id": publish_id,
            "publish_type": "INBOX_SHARE",
        }
    sandbox.settle()
    assert len(sandbox.status(person, publish_id).data["publicaly_available_post_id"]) == 2
    assert sandbox.post(publish_id)["published"] == 2


def test_a_withdrawn_post_is_told_as_the_vendor_spells_it(sandbox, person):
    publish_id = sandbox.uploaded(person, privacy_level="PUBLIC_TO_EVERYONE")
    (number,) = sandbox.status(person, publish_id).data["publicaly_available_post_id"]
    sandbox.control(f"posts/{publish_id}/withdraw", method="POST")
    told = sandbox.told(person.open_id, "post.publish.no_longer_publicaly_available")
    assert content(told)["post_id"] == str(number)
    assert sandbox.status(person, publish_id).data["publicaly_available_post_id"] == []


@pytest.mark.parametrize("publish_id", ["v_pub_file~v2-1.1", "", 7, None])
def test_an_unknown_post_is_refused(sandbox, person, publish_id):
    answer = sandbox.status(person, publish_id)
    assert (answer.status, answer.code) == (400, "invalid_publish_id")


def test_a_new_post_may_be_unknown_for_a_moment(sandbox, person):
    sandbox.control("settings", lag_seconds=2.0)
    publish_id = sandbox.inbox(person).data["publish_id"]
    answer = sandbox.status(person, publish_id)
    assert (answer.code, answer.json["error"]["message"]) == (
        "invalid_params",
        "invalid_publish_id",
    )
    sandbox.settle(3)
    assert sandbox.status(person, publish_id).data


@pytest.mark.parametrize("path", [STATUS, CANCEL])
def test_a_strangers_token_learns_nothing(sandbox, person, path):
    publish_id = sandbox.inbox(person).data["publish_id"]
    answer = sandbox.api(path, sandbox.connect(), {"publish_id": publish_id})
    code = "token_not_authorized_for_specified_publish_id"
    assert (answer.status, answer.code) == (400, code)


def test_an_upload_cannot_be_cancelled(sandbox, person):
    publish_id = sandbox.inbox(person).data["publish_id"]
    answer = sandbox.api(CANCEL, person, {"publish_id": publish_id})
    assert (answer.status, answer.code) == (400, "publish_not_cancellable")


@pytest.mark.parametrize(
    "reason", ["spam_risk_text", "duration_check_failed", "frame_rate_check_failed", "internal"]
)
def test_a_failure_is_told_with_success(sandbox, reason):
    person = sandbox.connect(fail_reason=reason)
    publish_id = sandbox.uploaded(person, privacy_level="SELF_ONLY")
    told = sandbox.status(person, publish_id)
    assert (told.status, told.data["fail_reason"]) == (200, reason)
    assert content(sandbox.told(person.open_id)) == {
        "publish_id": publish_id,
        "reason": reason,
        "publish_type": "DIRECT_PUBLISH",
    }
    assert sandbox.post(publish_id)["published"] == 0
