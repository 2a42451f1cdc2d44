"""Fields of TikTok's answers that are missing, odd or spelled otherwise, one at a time.

The shapes of whole answers are in the contract suite.
"""

import secrets
from datetime import timedelta

import pytest

from platforms.base import ASSUMED_LIFETIME, Phase
from platforms.errors import MisdirectedResponse, PlatformError, Unavailable
from tests.platforms.contract_videos import encode_video, upload_in_chunks, wait_for_phase
from tests.platforms.sandbox_client import run_tiktok_sandbox, upload_request

NOT_SAID = (None, "", 0, "0", -1, "soon", [], {})
UNKNOWN_ID = "v_pub_file~v2-1.1"
RESPONSE_FIELDS = {
    "status": ("status", "publicaly_available_post_id", "uploaded_bytes", "fail_reason"),
    "creator_info": (
        *("creator_avatar_url", "creator_username", "creator_nickname", "privacy_level_options"),
        *("comment_disabled", "duet_disabled", "stitch_disabled", "max_video_post_duration_sec"),
    ),
    "user_info": ("open_id", "union_id", "avatar_url", "display_name"),
}
"""Endpoint → the fields of its response that the adapter reads."""


@pytest.fixture(scope="module")
def tiktok_sandbox():
    with run_tiktok_sandbox() as sandbox:
        yield sandbox
        sandbox.control("faults", method="DELETE")


@pytest.fixture
def grant(tiktok_sandbox):
    return tiktok_sandbox.connect_creator()


@pytest.fixture(scope="module")
def published_post(tiktok_sandbox):
    """A public post, once TikTok has given it an id: the grant, publish id and progress."""
    grant, video = tiktok_sandbox.connect_creator(), encode_video()
    publisher = tiktok_sandbox.adapter.step_publisher.calls
    started = publisher.start(grant.access_token, upload_request(len(video)))
    upload_in_chunks(publisher, started, video)
    for _ in range(20):
        wait_for_phase(publisher, grant.access_token, started.publish_id, {Phase.PUBLISHED})
        tiktok_sandbox.advance_clock(10)
        progress = publisher.fetch_status(grant.access_token, started.publish_id)
        if progress.post_ids:
            return grant, started.publish_id, progress
    raise AssertionError("the platform gave the post no id")


def change_field(sandbox, endpoint, name, value="absent"):
    kind = "missing_fields" if value == "absent" else "other_values"
    fields = {name: None if value == "absent" else value}
    sandbox.control("faults", endpoint=endpoint, kind=kind, fields=fields)


def renew(sandbox, grant):
    return sandbox.adapter.flow.renew(
        access_token=grant.access_token, refresh_token=grant.refresh_token
    )


def fetch_progress(sandbox, published_post):
    grant, publish_id, _ = published_post
    return sandbox.adapter.step_publisher.calls.fetch_status(grant.access_token, publish_id)


@pytest.mark.parametrize("shape", ["values_as_lists", "commas_as_blanks"])
def test_scopes_are_read_from_lists_and_with_blanks(tiktok_sandbox, grant, shape):
    tiktok_sandbox.control("faults", endpoint="token", kind=shape, fields={"scope": None})
    assert set(renew(tiktok_sandbox, grant).scopes) == set(grant.scopes)


@pytest.mark.parametrize("value", ["absent", *NOT_SAID], ids=repr)
def test_new_tokens_are_kept_for_a_short_time_without_their_lifetime(tiktok_sandbox, grant, value):
    change_field(tiktok_sandbox, "token", "expires_in", value)
    new = renew(tiktok_sandbox, grant)
    assert new.access_token != grant.access_token
    assert (new.lifetime, new.is_lifetime_assumed) == (ASSUMED_LIFETIME, True)
    assert renew(tiktok_sandbox, new).lifetime == grant.lifetime


def test_a_lifetime_that_is_said_is_not_assumed(tiktok_sandbox, grant):
    """The negative control of the test above."""
    new = renew(tiktok_sandbox, grant)
    assert abs(new.lifetime - grant.lifetime) < timedelta(seconds=60)
    assert not new.is_lifetime_assumed


@pytest.mark.parametrize("field", ["scope", "open_id", "refresh_expires_in"])
def test_new_tokens_are_kept_whatever_is_missing_beside_them(tiktok_sandbox, grant, field):
    change_field(tiktok_sandbox, "token", field)
    new = renew(tiktok_sandbox, grant)
    assert new.refresh_token != grant.refresh_token
    assert new.lifetime == grant.lifetime


def test_the_scopes_that_a_new_grant_does_not_name_are_the_requested_ones(tiktok_sandbox):
    open_id = "-000" + secrets.token_urlsafe(16)
    tiktok_sandbox.control("creators", open_id=open_id)
    code = tiktok_sandbox.grant_consent(open_id)["code"]
    change_field(tiktok_sandbox, "token", "scope")
    assert tiktok_sandbox.adapter.flow.exchange_code(code).scopes == tiktok_sandbox.app.scopes


def test_a_grant_names_the_account_of_the_response(tiktok_sandbox, grant):
    """The caller compares it: it knows whose tokens it refreshed."""
    change_field(tiktok_sandbox, "token", "open_id", "-000eve")
    assert renew(tiktok_sandbox, grant).login_id == "-000eve"


def test_a_grant_without_an_access_token_is_the_platforms_fault(tiktok_sandbox, grant):
    change_field(tiktok_sandbox, "token", "access_token")
    with pytest.raises(Unavailable) as caught:
        renew(tiktok_sandbox, grant)
    assert (caught.value.code, caught.value.retryable) == ("INVALID_RESPONSE", True)


@pytest.mark.parametrize("value", NOT_SAID, ids=repr)
def test_a_limit_of_nothing_is_no_limit(tiktok_sandbox, grant, value):
    field = "max_video_post_duration_sec"
    change_field(tiktok_sandbox, "creator_info", field, value)
    info = tiktok_sandbox.adapter.step_publisher.calls.fetch_posting_options(grant.access_token)
    assert info[field] is None


def test_post_ids_are_found_under_their_other_spelling(tiktok_sandbox, published_post):
    spellings = {"publicaly_available_post_id": "publicly_available_post_id"}
    tiktok_sandbox.control("faults", endpoint="status", kind="renamed_fields", fields=spellings)
    found = fetch_progress(tiktok_sandbox, published_post)
    assert found.post_ids == published_post[2].post_ids
    assert all(isinstance(post_id, str) for post_id in found.post_ids)


def test_a_status_of_another_post_is_refused(tiktok_sandbox, published_post):
    change_field(tiktok_sandbox, "status", "publish_id", UNKNOWN_ID)
    with pytest.raises(MisdirectedResponse) as caught:
        fetch_progress(tiktok_sandbox, published_post)
    assert caught.value.retryable
    change_field(tiktok_sandbox, "status", "publish_id", published_post[1])
    assert fetch_progress(tiktok_sandbox, published_post).post_ids == published_post[2].post_ids


def test_a_status_of_an_unknown_post_is_reported_as_such(tiktok_sandbox, grant):
    with pytest.raises(PlatformError) as caught:
        tiktok_sandbox.adapter.step_publisher.calls.fetch_status(grant.access_token, UNKNOWN_ID)
    assert caught.value.code == "invalid_publish_id"


def test_no_field_that_is_odd_makes_the_adapter_blame_the_creator(tiktok_sandbox, published_post):
    """Only errors of our own classes leave the adapter, and they can be retried."""
    grant, adapter = published_post[0], tiktok_sandbox.adapter
    calls = {
        "status": lambda: fetch_progress(tiktok_sandbox, published_post),
        "creator_info": lambda: adapter.step_publisher.calls.fetch_posting_options(
            grant.access_token
        ),
        "user_info": lambda: adapter.flow.identify(grant),
    }
    for endpoint, call in calls.items():
        for value in (None, [], {}, [{}], "x", 7.5):
            fields = dict.fromkeys(RESPONSE_FIELDS[endpoint], value)
            options = {"endpoint": endpoint, "kind": "other_values", "fields": fields}
            tiktok_sandbox.control("faults", **options)
            try:
                call()
            except PlatformError as error:
                assert error.retryable, (endpoint, value)  # noqa: PT017 - it may also succeed
