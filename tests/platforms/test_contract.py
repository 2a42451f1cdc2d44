"""One suite for every adapter of the registry, against its sandbox, faults included.

What one platform calls things stands in `roles.py`; nothing here names a platform.
"""

import inspect
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from platforms import registry
from platforms.base import IGNORED_KIND, Actor, OAuth, Phase, Publisher, WebhookAdapter
from platforms.chunks import ChunkPlan, next_chunk
from platforms.errors import PlatformError, Rejected, Revoked, TokenExpired, Unavailable
from platforms.secret import Secret
from tests.platforms import sandbox_client as stages
from tests.platforms.contract_videos import (
    encode_video,
    pad_video,
    upload_in_chunks,
    wait_for_phase,
)

AMBIGUOUS_FAULTS = ("drop_after", "reset", "truncate", "html_200")
ERROR_RESPONSES = ("http_500", "http_429")
ADAPTER_PROTOCOLS = {"webhooks": WebhookAdapter, "oauth": OAuth, "publisher": Publisher}


@pytest.fixture(scope="module", params=sorted(registry.REGISTRY))
def sandbox(request):
    with stages.SANDBOX_RUNNERS[request.param]() as sandbox:
        assert sandbox.adapter.name == request.param
        yield sandbox


@pytest.fixture
def profile(sandbox):
    return sandbox.profile


@pytest.fixture(autouse=True)
def clear_faults(sandbox):
    yield
    sandbox.control("faults", method="DELETE")


@pytest.fixture
def grant(sandbox, profile):
    return sandbox.connect_creator(**profile.creator_traits)


@pytest.fixture(scope="session")
def video():
    return encode_video()


def start_upload(sandbox, grant, size, kind=None):
    return sandbox.adapter.publisher.start(
        grant.access_token, sandbox.profile.publish_request(size, kind)
    )


def test_every_adapter_has_a_sandbox():
    assert set(stages.SANDBOX_RUNNERS) == set(registry.REGISTRY)


@pytest.mark.parametrize("part", ADAPTER_PROTOCOLS)
def test_an_adapter_can_do_all_that_its_protocol_says(sandbox, part):
    made, protocol = getattr(sandbox.adapter, part), ADAPTER_PROTOCOLS[part]
    for name, wanted in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            assert parameter_names(getattr(made, name)) == parameter_names(wanted) - {"self"}


def parameter_names(function):
    return set(inspect.signature(function).parameters)


def test_every_reason_is_a_sentence_and_says_who_has_to_act(sandbox):
    assert sandbox.adapter.failure_reasons
    for reason in sandbox.adapter.failure_reasons.values():
        assert reason.sentence.endswith(".")
        assert isinstance(reason.actor, Actor)


def test_consent_becomes_a_grant(grant, profile):
    assert grant.external_id
    assert grant.lifetime > timedelta(0)
    assert set(profile.scopes) <= set(grant.scopes)
    assert grant.access_token.reveal() not in repr(grant)


def test_a_code_can_be_used_once(sandbox):
    sandbox.control("creators", open_id="-000twice")
    code = sandbox.grant_consent("-000twice")["code"]
    sandbox.adapter.oauth.exchange_code(code)
    with pytest.raises((Revoked, Rejected)):
        sandbox.adapter.oauth.exchange_code(code)


def test_a_refresh_gives_a_new_token_and_ends_the_old_one_where_they_rotate(
    sandbox, profile, grant
):
    new = sandbox.adapter.oauth.refresh(grant.refresh_token)
    assert new.access_token != grant.access_token
    if profile.rotates_refresh_token:
        with pytest.raises(Revoked):
            sandbox.adapter.oauth.refresh(grant.refresh_token)
    sandbox.adapter.oauth.refresh(new.refresh_token)


def test_a_profile_belongs_to_the_grant(sandbox, grant):
    profile = sandbox.adapter.oauth.fetch_profile(grant.access_token, grant.scopes)
    assert profile.external_id == grant.external_id


def test_a_revoked_token_is_dead(sandbox, profile, grant):
    sandbox.adapter.oauth.revoke(grant.access_token)
    with pytest.raises(TokenExpired):
        profile.authorized_call(sandbox.adapter, grant.access_token)


def test_a_token_nobody_issued_is_dead(sandbox, profile):
    with pytest.raises(TokenExpired):
        profile.authorized_call(sandbox.adapter, Secret("act.nobody"))


def test_a_file_travels_to_its_end_in_every_mode(sandbox, profile, grant, video):
    publisher = sandbox.adapter.publisher
    for kind, phase in profile.end_phases.items():
        begun = start_upload(sandbox, grant, len(video), kind)
        assert upload_in_chunks(publisher, begun, video).is_complete
        wait_for_phase(publisher, grant.access_token, begun.publish_id, {phase})


def test_a_file_of_many_chunks_travels_to_its_end(sandbox, profile, grant, video):
    size, count = profile.chunked_file
    publisher, data = sandbox.adapter.publisher, pad_video(video, size)
    begun = start_upload(sandbox, grant, size)
    assert begun.chunk_count == count
    assert upload_in_chunks(publisher, begun, data).is_complete
    wait_for_phase(
        publisher, grant.access_token, begun.publish_id, {profile.end_phases[profile.default_kind]}
    )


def test_an_upload_url_is_not_printed(sandbox, grant, video):
    begun = start_upload(sandbox, grant, len(video))
    assert begun.upload_url.reveal() not in repr(begun)
    assert begun.upload_lifetime > timedelta(0)


def test_an_upload_resumes_after_a_lost_chunk_response(sandbox, profile, grant, video):
    size, _ = profile.chunked_file
    publisher, data = sandbox.adapter.publisher, pad_video(video, size)
    begun = start_upload(sandbox, grant, size)
    first = next_chunk(ChunkPlan(begun.chunk_size, begun.chunk_count), size, 0)
    rest = {"chunk": first, "total_size": size, "content_type": "video/mp4"}
    inject_fault(sandbox, profile.upload_endpoint, "drop_after")
    with pytest.raises(Unavailable):
        publisher.send_chunk(begun.upload_url, data[: first.size], **rest)
    asked = publisher.fetch_status(grant.access_token, begun.publish_id)
    assert (asked.phase, asked.bytes_done) == (Phase.RECEIVING, first.size)
    again = publisher.send_chunk(begun.upload_url, data[: first.size], **rest)
    assert again.next_offset == first.last + 1


def test_an_unknown_publication_is_reported_as_such(sandbox, profile, grant):
    with pytest.raises(Rejected) as caught:
        sandbox.adapter.publisher.fetch_status(grant.access_token, profile.unknown_id)
    assert caught.value.code == "invalid_publish_id"


def test_a_finished_post_is_reported_by_a_delivery_that_verifies(sandbox, profile, grant, video):
    started = start_upload(sandbox, grant, len(video))
    upload_in_chunks(sandbox.adapter.publisher, started, video)
    event = wait_for_event(sandbox, lambda event: event.publish_id == started.publish_id)
    assert event.external_id == grant.external_id
    assert event.progress.phase is profile.end_phases[profile.default_kind]


def wait_for_event(sandbox, matches):
    """The first notice of that kind, of those that the platform delivers and signs rightly."""
    for headers, body in iter(lambda: sandbox.deliveries.get(timeout=10), None):
        assert sandbox.adapter.webhooks.verify(headers, body, now=datetime.now(UTC)).reason == "ok"
        for event in sandbox.adapter.webhooks.parse(body):
            if matches(event):
                return event
    raise AssertionError("nothing of the kind was delivered")


def test_an_event_is_the_same_when_it_is_parsed_from_storage(sandbox, grant):
    sandbox.adapter.oauth.revoke(grant.access_token)
    event = wait_for_event(sandbox, lambda event: event.external_id == grant.external_id)
    assert event.kind != IGNORED_KIND
    assert len(event.key) <= 255
    assert sandbox.adapter.webhooks.parse_stored(json.loads(json.dumps(event.payload))) == event


def test_an_altered_delivery_is_refused(sandbox, grant):
    sandbox.adapter.oauth.revoke(grant.access_token)
    headers, body = sandbox.deliveries.get(timeout=10)
    verdict = sandbox.adapter.webhooks.verify(headers, body + b" ", now=datetime.now(UTC))
    assert not verdict.ok


def inject_fault(sandbox, endpoint, kind, **rest):
    sandbox.control("faults", endpoint=endpoint, kind=kind, times=1, **rest)
    return len(sandbox.log(endpoint))


@pytest.mark.parametrize("kind", [*ERROR_RESPONSES, "drop_after", "reset", "truncate"])
def test_a_safe_call_survives_a_fault(sandbox, profile, grant, kind):
    for endpoint, ask in profile.safe_calls.items():
        before = inject_fault(sandbox, endpoint, kind)
        assert ask(sandbox.adapter, grant)
        assert len(sandbox.log(endpoint)) == before + 2


@pytest.mark.parametrize("kind", [*ERROR_RESPONSES, *AMBIGUOUS_FAULTS])
def test_a_start_is_sent_once_whatever_goes_wrong(sandbox, profile, grant, kind):
    before = inject_fault(sandbox, profile.start_endpoint, kind)
    with pytest.raises(PlatformError) as caught:
        start_upload(sandbox, grant, 1000)
    assert caught.value.may_have_arrived
    assert len(sandbox.log(profile.start_endpoint)) == before + 1


@pytest.mark.parametrize("kind", [*ERROR_RESPONSES, *AMBIGUOUS_FAULTS])
def test_a_chunk_is_sent_once_whatever_goes_wrong(sandbox, profile, grant, video, kind):
    started = start_upload(sandbox, grant, len(video))
    before = inject_fault(sandbox, profile.upload_endpoint, kind)
    with pytest.raises(PlatformError) as caught:
        upload_in_chunks(sandbox.adapter.publisher, started, video)
    assert caught.value.may_have_arrived
    assert len(sandbox.log(profile.upload_endpoint)) == before + 1


@pytest.mark.parametrize("kind", ERROR_RESPONSES)
def test_a_refused_refresh_is_repeated(sandbox, profile, grant, kind):
    before = inject_fault(sandbox, profile.token_endpoint, kind)
    assert sandbox.adapter.oauth.refresh(grant.refresh_token).access_token
    assert len(sandbox.log(profile.token_endpoint)) == before + 2


@pytest.mark.parametrize("kind", AMBIGUOUS_FAULTS)
def test_a_refresh_that_may_have_arrived_is_not_repeated(sandbox, profile, grant, kind):
    before = inject_fault(sandbox, profile.token_endpoint, kind)
    with pytest.raises(Unavailable) as caught:
        sandbox.adapter.oauth.refresh(grant.refresh_token)
    assert caught.value.may_have_arrived
    assert len(sandbox.log(profile.token_endpoint)) == before + 1


def test_a_slow_platform_times_out(sandbox, profile, grant):
    inject_fault(sandbox, profile.start_endpoint, "slow", seconds=4)
    start = time.monotonic()
    with pytest.raises(Unavailable):
        start_upload(sandbox, grant, 1000)
    assert time.monotonic() - start < 3.5
