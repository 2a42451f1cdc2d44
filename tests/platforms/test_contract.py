"""One suite for every adapter of the registry, against its sandbox, faults included."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from platforms import registry
from platforms.base import Order, Phase
from platforms.chunks import Plan, chunk
from platforms.errors import PlatformError, Rejected, Revoked, TokenExpired, Unavailable
from platforms.secret import Secret
from tests.platforms import stage as stages
from tests.platforms.film import a_film, padded, upload, watch

UNSURE = ("drop_after", "reset", "truncate", "html_200")
ANSWERED = ("http_500", "http_429")
SETTINGS = {"privacy_level": "SELF_ONLY", "title": "Contract"}


@pytest.fixture(scope="module", params=sorted(registry.REGISTRY))
def stage(request):
    with stages.STAGES[request.param]() as stage:
        yield stage


@pytest.fixture(autouse=True)
def no_fault_is_left_behind(stage):
    yield
    stage.control("faults", method="DELETE")


@pytest.fixture
def grant(stage):
    return stage.connect(private=True)


def test_every_adapter_has_a_stage():
    assert set(stages.STAGES) == set(registry.REGISTRY)


def test_an_adapter_answers_to_the_name_it_is_registered_under(stage):
    assert stage.platform.name in registry.REGISTRY


def test_consent_becomes_a_grant(grant):
    assert grant.external_id
    assert grant.lifetime > timedelta(0)
    assert set(stages.SCOPES) <= set(grant.scopes)


def test_a_code_serves_once(stage):
    stage.control("creators", open_id="-000twice")
    code = stage.consent("-000twice")["code"]
    stage.platform.oauth.exchange(code)
    with pytest.raises((Revoked, Rejected)):
        stage.platform.oauth.exchange(code)


def test_a_refresh_ends_the_old_refresh_token(stage, grant):
    new = stage.platform.oauth.refresh(grant.refresh_token)
    assert new.access_token != grant.access_token
    with pytest.raises(Revoked):
        stage.platform.oauth.refresh(grant.refresh_token)
    stage.platform.oauth.refresh(new.refresh_token)


def test_a_profile_belongs_to_the_grant(stage, grant):
    profile = stage.platform.oauth.profile(grant.access_token, grant.scopes)
    assert profile.external_id == grant.external_id


def test_a_revoked_token_is_dead(stage, grant):
    stage.platform.oauth.revoke(grant.access_token)
    with pytest.raises(TokenExpired):
        stage.platform.publisher.creator(grant.access_token)


def test_a_token_nobody_issued_is_dead(stage):
    with pytest.raises(TokenExpired):
        stage.platform.publisher.creator(Secret("act.nobody"))


@pytest.mark.parametrize(
    ("kind", "phases"),
    [("INBOX_VIDEO", {Phase.DELIVERED}), ("DIRECT_VIDEO", {Phase.PUBLISHED})],
)
def test_a_file_travels_to_its_end(stage, grant, video, kind, phases):
    publisher = stage.platform.publisher
    order = Order(kind, "FILE_UPLOAD", size=len(video), settings=SETTINGS)
    started = publisher.start(grant.access_token, order)
    assert upload(publisher, started, video).done
    watch(publisher, grant.access_token, started.publish_id, phases)


def test_a_file_of_many_chunks_travels_to_its_end(stage, grant, video):
    publisher, data = stage.platform.publisher, padded(video, 70_000_001)
    order = Order("INBOX_VIDEO", "FILE_UPLOAD", size=len(data))
    started = publisher.start(grant.access_token, order)
    assert started.chunk_count == 7
    assert upload(publisher, started, data).done
    watch(publisher, grant.access_token, started.publish_id, {Phase.DELIVERED})


def test_a_chunk_whose_answer_was_lost_is_gone_on_from(stage, grant, video):
    publisher, data = stage.platform.publisher, padded(video, 70_000_001)
    started = publisher.start(
        grant.access_token, Order("INBOX_VIDEO", "FILE_UPLOAD", size=len(data))
    )
    first = chunk(Plan(started.chunk_size, started.chunk_count), len(data), 0)
    rest = {"chunk": first, "total": len(data), "content_type": "video/mp4"}
    a_fault(stage, "upload", "drop_after")
    with pytest.raises(Unavailable):
        publisher.send(started.upload_url, data[: first.size], **rest)
    asked = publisher.check(grant.access_token, started.publish_id)
    assert (asked.phase, asked.bytes_done) == (Phase.RECEIVING, first.size)
    again = publisher.send(started.upload_url, data[: first.size], **rest)
    assert again.offset == first.last + 1


def test_an_unknown_publication_is_told_as_such(stage, grant):
    with pytest.raises(Rejected) as caught:
        stage.platform.publisher.check(grant.access_token, "v_pub_file~v2-1.1")
    assert caught.value.code == "invalid_publish_id"


def test_a_finished_post_is_told_by_a_delivery_that_verifies(stage, grant, video):
    publisher = stage.platform.publisher
    order = Order("INBOX_VIDEO", "FILE_UPLOAD", size=len(video))
    started = publisher.start(grant.access_token, order)
    upload(publisher, started, video)
    for headers, body in iter(lambda: stage.mail.get(timeout=10), None):
        assert stage.platform.webhooks.verify(headers, body, now=datetime.now(UTC)).reason == "ok"
        (notice,) = stage.platform.webhooks.parse(body)
        if notice.publish_id == started.publish_id:
            break
    assert notice.account == grant.external_id
    assert notice.progress.phase is Phase.DELIVERED


def test_an_altered_delivery_is_refused(stage, grant):
    stage.platform.oauth.revoke(grant.access_token)
    headers, body = stage.mail.get(timeout=10)
    verdict = stage.platform.webhooks.verify(headers, body + b" ", now=datetime.now(UTC))
    assert not verdict.ok


@pytest.fixture(scope="session")
def video():
    return a_film()


def a_fault(stage, endpoint, kind, **rest):
    stage.control("faults", endpoint=endpoint, kind=kind, times=1, **rest)
    return len(stage.log(endpoint))


def questions(stage, grant):
    """The calls that may be repeated at will."""
    return {
        "creator_info": lambda: stage.platform.publisher.creator(grant.access_token),
        "user_info": lambda: stage.platform.oauth.profile(grant.access_token, grant.scopes),
    }


@pytest.mark.parametrize("kind", [*ANSWERED, "drop_after", "reset", "truncate"])
@pytest.mark.parametrize("endpoint", ["creator_info", "user_info"])
def test_a_question_survives_a_fault(stage, grant, endpoint, kind):
    before = a_fault(stage, endpoint, kind)
    assert questions(stage, grant)[endpoint]()
    assert len(stage.log(endpoint)) == before + 2


@pytest.mark.parametrize("kind", [*ANSWERED, *UNSURE])
def test_a_start_is_sent_once_whatever_goes_wrong(stage, grant, kind):
    before = a_fault(stage, "video_init", kind)
    order = Order("DIRECT_VIDEO", "FILE_UPLOAD", size=1000, settings=SETTINGS)
    with pytest.raises(PlatformError) as caught:
        stage.platform.publisher.start(grant.access_token, order)
    assert caught.value.reached
    assert len(stage.log("video_init")) == before + 1


@pytest.mark.parametrize("kind", [*ANSWERED, *UNSURE])
def test_a_chunk_is_sent_once_whatever_goes_wrong(stage, grant, video, kind):
    order = Order("INBOX_VIDEO", "FILE_UPLOAD", size=len(video))
    started = stage.platform.publisher.start(grant.access_token, order)
    before = a_fault(stage, "upload", kind)
    with pytest.raises(PlatformError) as caught:
        upload(stage.platform.publisher, started, video)
    assert caught.value.reached
    assert len(stage.log("upload")) == before + 1


@pytest.mark.parametrize("kind", ANSWERED)
def test_a_refused_refresh_is_repeated(stage, grant, kind):
    before = a_fault(stage, "token", kind)
    assert stage.platform.oauth.refresh(grant.refresh_token).access_token
    assert len(stage.log("token")) == before + 2


@pytest.mark.parametrize("kind", UNSURE)
def test_a_refresh_that_may_have_arrived_is_not_repeated(stage, grant, kind):
    before = a_fault(stage, "token", kind)
    with pytest.raises(Unavailable) as caught:
        stage.platform.oauth.refresh(grant.refresh_token)
    assert caught.value.reached
    assert len(stage.log("token")) == before + 1


def test_a_slow_platform_is_not_waited_for(stage, grant):
    a_fault(stage, "video_init", "slow", seconds=4)
    start = time.monotonic()
    with pytest.raises(Unavailable):
        stage.platform.publisher.start(
            grant.access_token,
            Order("DIRECT_VIDEO", "FILE_UPLOAD", size=1000, settings=SETTINGS),
        )
    assert time.monotonic() - start < 3.5
