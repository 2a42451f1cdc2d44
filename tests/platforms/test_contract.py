"""One suite for every adapter of the registry, against its sandbox, faults included.

What one platform calls things stands in `roles.py`; nothing here names a platform.
"""

import inspect
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from platforms import registry
from platforms.base import IGNORED, OAuth, Phase, Publisher, Webhooks, Who
from platforms.chunks import Plan, chunk
from platforms.errors import PlatformError, Rejected, Revoked, TokenExpired, Unavailable
from platforms.secret import Secret
from tests.platforms import stage as stages
from tests.platforms.film import a_film, padded, upload, watch

UNSURE = ("drop_after", "reset", "truncate", "html_200")
ANSWERED = ("http_500", "http_429")
PARTS = {"webhooks": Webhooks, "oauth": OAuth, "publisher": Publisher}


@pytest.fixture(scope="module", params=sorted(registry.REGISTRY))
def stage(request):
    with stages.STAGES[request.param]() as stage:
        assert stage.platform.name == request.param
        yield stage


@pytest.fixture
def role(stage):
    return stage.role


@pytest.fixture(autouse=True)
def no_fault_is_left_behind(stage):
    yield
    stage.control("faults", method="DELETE")


@pytest.fixture
def grant(stage, role):
    return stage.connect(**role.creator)


@pytest.fixture(scope="session")
def video():
    return a_film()


def started(stage, grant, size, kind=None):
    return stage.platform.publisher.start(grant.access_token, stage.role.order(size, kind))


def test_every_adapter_has_a_stage():
    assert set(stages.STAGES) == set(registry.REGISTRY)


@pytest.mark.parametrize("part", PARTS)
def test_an_adapter_can_do_all_that_its_protocol_says(stage, part):
    made, protocol = getattr(stage.platform, part), PARTS[part]
    for name, wanted in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            assert accepts(getattr(made, name)) == accepts(wanted) - {"self"}


def accepts(function):
    return set(inspect.signature(function).parameters)


def test_every_reason_is_a_sentence_and_says_who_has_to_act(stage):
    assert stage.platform.reasons
    for reason in stage.platform.reasons.values():
        assert reason.sentence.endswith(".")
        assert isinstance(reason.who, Who)


def test_consent_becomes_a_grant(grant, role):
    assert grant.external_id
    assert grant.lifetime > timedelta(0)
    assert set(role.scopes) <= set(grant.scopes)
    assert grant.access_token.reveal() not in repr(grant)


def test_a_code_serves_once(stage):
    stage.control("creators", open_id="-000twice")
    code = stage.consent("-000twice")["code"]
    stage.platform.oauth.exchange(code)
    with pytest.raises((Revoked, Rejected)):
        stage.platform.oauth.exchange(code)


def test_a_refresh_gives_a_new_token_and_ends_the_old_one_where_they_rotate(stage, role, grant):
    new = stage.platform.oauth.refresh(grant.refresh_token)
    assert new.access_token != grant.access_token
    if role.rotates:
        with pytest.raises(Revoked):
            stage.platform.oauth.refresh(grant.refresh_token)
    stage.platform.oauth.refresh(new.refresh_token)


def test_a_profile_belongs_to_the_grant(stage, grant):
    profile = stage.platform.oauth.profile(grant.access_token, grant.scopes)
    assert profile.external_id == grant.external_id


def test_a_revoked_token_is_dead(stage, role, grant):
    stage.platform.oauth.revoke(grant.access_token)
    with pytest.raises(TokenExpired):
        role.private_question(stage.platform, grant.access_token)


def test_a_token_nobody_issued_is_dead(stage, role):
    with pytest.raises(TokenExpired):
        role.private_question(stage.platform, Secret("act.nobody"))


def test_a_file_travels_to_its_end_in_every_mode(stage, role, grant, video):
    publisher = stage.platform.publisher
    for kind, phase in role.films.items():
        begun = started(stage, grant, len(video), kind)
        assert upload(publisher, begun, video).done
        watch(publisher, grant.access_token, begun.publish_id, {phase})


def test_a_file_of_many_chunks_travels_to_its_end(stage, role, grant, video):
    size, count = role.many_chunks
    publisher, data = stage.platform.publisher, padded(video, size)
    begun = started(stage, grant, size)
    assert begun.chunk_count == count
    assert upload(publisher, begun, data).done
    watch(publisher, grant.access_token, begun.publish_id, {role.films[role.start]})


def test_an_upload_address_does_not_show(stage, grant, video):
    begun = started(stage, grant, len(video))
    assert begun.upload_url.reveal() not in repr(begun)
    assert begun.upload_lifetime > timedelta(0)


def test_a_chunk_whose_answer_was_lost_is_gone_on_from(stage, role, grant, video):
    size, _ = role.many_chunks
    publisher, data = stage.platform.publisher, padded(video, size)
    begun = started(stage, grant, size)
    first = chunk(Plan(begun.chunk_size, begun.chunk_count), size, 0)
    rest = {"chunk": first, "total": size, "content_type": "video/mp4"}
    a_fault(stage, role.uploads_at, "drop_after")
    with pytest.raises(Unavailable):
        publisher.send(begun.upload_url, data[: first.size], **rest)
    asked = publisher.check(grant.access_token, begun.publish_id)
    assert (asked.phase, asked.bytes_done) == (Phase.RECEIVING, first.size)
    again = publisher.send(begun.upload_url, data[: first.size], **rest)
    assert again.offset == first.last + 1


def test_an_unknown_publication_is_told_as_such(stage, role, grant):
    with pytest.raises(Rejected) as caught:
        stage.platform.publisher.check(grant.access_token, role.unknown_id)
    assert caught.value.code == "invalid_publish_id"


def test_a_finished_post_is_told_by_a_delivery_that_verifies(stage, role, grant, video):
    begun = started(stage, grant, len(video))
    upload(stage.platform.publisher, begun, video)
    notice = told(stage, lambda notice: notice.publish_id == begun.publish_id)
    assert notice.account == grant.external_id
    assert notice.progress.phase is role.films[role.start]


def told(stage, is_wanted):
    """The first notice of that kind, of those that the platform delivers and signs rightly."""
    for headers, body in iter(lambda: stage.mail.get(timeout=10), None):
        assert stage.platform.webhooks.verify(headers, body, now=datetime.now(UTC)).reason == "ok"
        for notice in stage.platform.webhooks.parse(body):
            if is_wanted(notice):
                return notice
    raise AssertionError("nothing of the kind was delivered")


def test_a_notice_is_the_same_when_it_is_read_from_storage(stage, grant):
    stage.platform.oauth.revoke(grant.access_token)
    notice = told(stage, lambda notice: notice.account == grant.external_id)
    assert notice.kind != IGNORED
    assert len(notice.key) <= 255
    assert stage.platform.webhooks.read(json.loads(json.dumps(notice.payload))) == notice


def test_an_altered_delivery_is_refused(stage, grant):
    stage.platform.oauth.revoke(grant.access_token)
    headers, body = stage.mail.get(timeout=10)
    verdict = stage.platform.webhooks.verify(headers, body + b" ", now=datetime.now(UTC))
    assert not verdict.ok


def a_fault(stage, endpoint, kind, **rest):
    stage.control("faults", endpoint=endpoint, kind=kind, times=1, **rest)
    return len(stage.log(endpoint))


@pytest.mark.parametrize("kind", [*ANSWERED, "drop_after", "reset", "truncate"])
def test_a_question_survives_a_fault(stage, role, grant, kind):
    for endpoint, ask in role.questions.items():
        before = a_fault(stage, endpoint, kind)
        assert ask(stage.platform, grant)
        assert len(stage.log(endpoint)) == before + 2


@pytest.mark.parametrize("kind", [*ANSWERED, *UNSURE])
def test_a_start_is_sent_once_whatever_goes_wrong(stage, role, grant, kind):
    before = a_fault(stage, role.starts_at, kind)
    with pytest.raises(PlatformError) as caught:
        started(stage, grant, 1000)
    assert caught.value.reached
    assert len(stage.log(role.starts_at)) == before + 1


@pytest.mark.parametrize("kind", [*ANSWERED, *UNSURE])
def test_a_chunk_is_sent_once_whatever_goes_wrong(stage, role, grant, video, kind):
    begun = started(stage, grant, len(video))
    before = a_fault(stage, role.uploads_at, kind)
    with pytest.raises(PlatformError) as caught:
        upload(stage.platform.publisher, begun, video)
    assert caught.value.reached
    assert len(stage.log(role.uploads_at)) == before + 1


@pytest.mark.parametrize("kind", ANSWERED)
def test_a_refused_refresh_is_repeated(stage, role, grant, kind):
    before = a_fault(stage, role.tokens_at, kind)
    assert stage.platform.oauth.refresh(grant.refresh_token).access_token
    assert len(stage.log(role.tokens_at)) == before + 2


@pytest.mark.parametrize("kind", UNSURE)
def test_a_refresh_that_may_have_arrived_is_not_repeated(stage, role, grant, kind):
    before = a_fault(stage, role.tokens_at, kind)
    with pytest.raises(Unavailable) as caught:
        stage.platform.oauth.refresh(grant.refresh_token)
    assert caught.value.reached
    assert len(stage.log(role.tokens_at)) == before + 1


def test_a_slow_platform_is_not_waited_for(stage, role, grant):
    a_fault(stage, role.starts_at, "slow", seconds=4)
    start = time.monotonic()
    with pytest.raises(Unavailable):
        started(stage, grant, 1000)
    assert time.monotonic() - start < 3.5
