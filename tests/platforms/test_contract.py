"""One suite for every adapter of the registry, against its sandbox, faults included.

What differs between platforms is in `platform_profiles.py`; no platform is named here.
"""

import inspect
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from platforms.base import IGNORED_KIND, Actor, Phase, Publisher, WebhookAdapter
from platforms.chunks import ChunkPlan, next_chunk
from platforms.errors import PlatformError, Rejected, Revoked, TokenExpired, Unavailable
from platforms.logins import LoginFlow
from platforms.registry import PLATFORMS
from platforms.secret import Secret
from tests.platforms.contract_videos import (
    encode_video,
    pad_video,
    upload_in_chunks,
    wait_for_phase,
)
from tests.platforms.sandbox_client import SANDBOX_RUNNERS

AMBIGUOUS_FAULTS = ("drop_after", "reset", "truncate", "html_200")
ERROR_RESPONSES = ("http_500", "http_429")
ADAPTER_PROTOCOLS = {"webhooks": WebhookAdapter, "flow": LoginFlow, "publisher": Publisher}


@pytest.fixture(scope="module", params=sorted(SANDBOX_RUNNERS))
def sandbox(request):
    with SANDBOX_RUNNERS[request.param]() as sandbox:
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
    assert set(SANDBOX_RUNNERS) == set(PLATFORMS)


@pytest.mark.parametrize("part", ADAPTER_PROTOCOLS)
def test_an_adapter_implements_every_method_of_its_protocol(sandbox, part):
    implementation, protocol = getattr(sandbox.adapter, part), ADAPTER_PROTOCOLS[part]
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            parameters = parameter_names(getattr(implementation, name))
            assert parameters == parameter_names(method) - {"self"}


def parameter_names(function):
    return set(inspect.signature(function).parameters)


def test_every_failure_reason_is_a_sentence_and_names_who_has_to_act(sandbox):
    assert sandbox.adapter.failure_reasons
    for reason in sandbox.adapter.failure_reasons.values():
        assert reason.sentence.endswith(".")
        assert isinstance(reason.actor, Actor)


def test_consent_becomes_a_grant(grant, profile):
    assert grant.login_id
    assert grant.lifetime > timedelta(0)
    assert set(profile.scopes) <= set(grant.scopes)
    assert grant.access_token.reveal() not in repr(grant)


def test_a_code_can_be_used_once(sandbox):
    sandbox.control("creators", open_id="-000twice")
    code = sandbox.grant_consent("-000twice")["code"]
    sandbox.adapter.flow.exchange_code(code)
    with pytest.raises((Revoked, Rejected)):
        sandbox.adapter.flow.exchange_code(code)


def test_a_refresh_gives_a_new_token_and_ends_the_old_one_where_they_rotate(
    sandbox, profile, grant
):
    new_grant = sandbox.adapter.flow.renew(
        access_token=grant.access_token, refresh_token=grant.refresh_token
    )
    assert new_grant.access_token != grant.access_token
    if profile.rotates_refresh_token:
        with pytest.raises(Revoked):
            sandbox.adapter.flow.renew(
                access_token=grant.access_token, refresh_token=grant.refresh_token
            )
    sandbox.adapter.flow.renew(
        access_token=new_grant.access_token, refresh_token=new_grant.refresh_token
    )


def test_a_profile_belongs_to_the_grant(sandbox, grant):
    profile = sandbox.adapter.flow.identify(grant)
    assert profile.login_id == grant.login_id


def test_a_revoked_token_is_refused(sandbox, profile, grant):
    sandbox.adapter.flow.revoke(grant.access_token)
    with pytest.raises(TokenExpired):
        profile.authorized_call(sandbox.adapter, grant.access_token)


def test_an_unknown_token_is_refused(sandbox, profile):
    with pytest.raises(TokenExpired):
        profile.authorized_call(sandbox.adapter, Secret("act.unknown"))


def test_an_uploaded_file_reaches_its_end_phase_in_every_mode(sandbox, profile, grant, video):
    publisher = sandbox.adapter.publisher
    for kind, phase in profile.end_phases.items():
        started = start_upload(sandbox, grant, len(video), kind)
        assert upload_in_chunks(publisher, started, video).is_complete
        wait_for_phase(publisher, grant.access_token, started.publish_id, {phase})


def test_a_file_of_many_chunks_reaches_its_end_phase(sandbox, profile, grant, video):
    size, count = profile.chunked_file
    publisher, data = sandbox.adapter.publisher, pad_video(video, size)
    started = start_upload(sandbox, grant, size)
    assert started.chunk_count == count
    assert upload_in_chunks(publisher, started, data).is_complete
    wait_for_phase(
        publisher,
        grant.access_token,
        started.publish_id,
        {profile.end_phases[profile.default_kind]},
    )


def test_an_upload_url_is_not_printed(sandbox, grant, video):
    started = start_upload(sandbox, grant, len(video))
    assert started.upload_url.reveal() not in repr(started)
    assert started.upload_lifetime > timedelta(0)


def test_an_upload_resumes_after_a_lost_chunk_response(sandbox, profile, grant, video):
    size, _ = profile.chunked_file
    publisher, data = sandbox.adapter.publisher, pad_video(video, size)
    started = start_upload(sandbox, grant, size)
    first = next_chunk(ChunkPlan(started.chunk_size, started.chunk_count), size, 0)
    options = {"chunk": first, "total_size": size, "content_type": "video/mp4"}
    inject_fault(sandbox, profile.upload_endpoint, "drop_after")
    with pytest.raises(Unavailable):
        publisher.send_chunk(started.upload_url, data[: first.size], **options)
    progress = publisher.fetch_status(grant.access_token, started.publish_id)
    assert (progress.phase, progress.bytes_done) == (Phase.RECEIVING, first.size)
    repeated = publisher.send_chunk(started.upload_url, data[: first.size], **options)
    assert repeated.next_offset == first.last + 1


def test_an_unknown_publication_is_reported_as_such(sandbox, profile, grant):
    with pytest.raises(Rejected) as caught:
        sandbox.adapter.publisher.fetch_status(grant.access_token, profile.unknown_id)
    assert caught.value.code == "invalid_publish_id"


def test_a_finished_post_is_reported_by_a_delivery_that_verifies(sandbox, profile, grant, video):
    started = start_upload(sandbox, grant, len(video))
    upload_in_chunks(sandbox.adapter.publisher, started, video)
    event = wait_for_event(sandbox, lambda event: event.publish_id == started.publish_id)
    assert event.platform_user_id == grant.login_id
    assert event.progress.phase is profile.end_phases[profile.default_kind]


def wait_for_event(sandbox, matches):
    """Return the first event that matches; every delivery has to be signed correctly."""
    for headers, body in iter(lambda: sandbox.deliveries.get(timeout=10), None):
        assert sandbox.adapter.webhooks.verify(headers, body, now=datetime.now(UTC)).reason == "ok"
        for event in sandbox.adapter.webhooks.parse(body):
            if matches(event):
                return event
    raise AssertionError("no matching event was delivered")


def test_an_event_is_the_same_when_it_is_parsed_from_storage(sandbox, grant):
    sandbox.adapter.flow.revoke(grant.access_token)
    event = wait_for_event(sandbox, lambda event: event.platform_user_id == grant.login_id)
    assert event.kind != IGNORED_KIND
    assert len(event.key) <= 255
    assert sandbox.adapter.webhooks.parse_stored(json.loads(json.dumps(event.payload))) == event


def test_an_altered_delivery_is_refused(sandbox, grant):
    sandbox.adapter.flow.revoke(grant.access_token)
    headers, body = sandbox.deliveries.get(timeout=10)
    verdict = sandbox.adapter.webhooks.verify(headers, body + b" ", now=datetime.now(UTC))
    assert not verdict.ok


def inject_fault(sandbox, endpoint, kind, **options):
    """Inject a fault into the next call of an endpoint; return how many calls it has had so far."""
    sandbox.control("faults", endpoint=endpoint, kind=kind, times=1, **options)
    return len(sandbox.log(endpoint))


@pytest.mark.parametrize("kind", [*ERROR_RESPONSES, "drop_after", "reset", "truncate"])
def test_a_safe_call_survives_a_fault(sandbox, profile, grant, kind):
    for endpoint, call in profile.safe_calls.items():
        before = inject_fault(sandbox, endpoint, kind)
        assert call(sandbox.adapter, grant)
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
    assert sandbox.adapter.flow.renew(
        access_token=grant.access_token, refresh_token=grant.refresh_token
    ).access_token
    assert len(sandbox.log(profile.token_endpoint)) == before + 2


@pytest.mark.parametrize("kind", AMBIGUOUS_FAULTS)
def test_a_refresh_that_may_have_arrived_is_not_repeated(sandbox, profile, grant, kind):
    before = inject_fault(sandbox, profile.token_endpoint, kind)
    with pytest.raises(Unavailable) as caught:
        sandbox.adapter.flow.renew(
            access_token=grant.access_token, refresh_token=grant.refresh_token
        )
    assert caught.value.may_have_arrived
    assert len(sandbox.log(profile.token_endpoint)) == before + 1


def test_a_slow_platform_times_out(sandbox, profile, grant):
    inject_fault(sandbox, profile.start_endpoint, "slow", seconds=4)
    start = time.monotonic()
    with pytest.raises(Unavailable):
        start_upload(sandbox, grant, 1000)
    assert time.monotonic() - start < 3.5
