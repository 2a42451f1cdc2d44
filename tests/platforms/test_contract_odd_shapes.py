"""Every adapter of the registry reads its sandbox's responses in whatever shape they come.

Each odd shape of the sandbox is sent for each call; what the adapter returns has to be the same as
from the documented shape. What differs between platforms is in `platform_profiles.py`.
"""

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from platforms.base import ASSUMED_LIFETIME
from platforms.errors import MisdirectedResponse, PlatformError, Unavailable
from tests.platforms.contract_videos import encode_video, upload_in_chunks, wait_for_phase
from tests.platforms.sandbox_client import SANDBOX_RUNNERS

GENERAL_SHAPES = (
    "numbers_as_text",
    "numbers_as_floats",
    "flags_as_text",
    "flags_as_numbers",
    "lists_as_values",
    "nested_json",
)
FIELD_SHAPES = {
    "values_as_lists",
    "commas_as_blanks",
    "missing_fields",
    "renamed_fields",
    "other_values",
}
NOT_SAID = (None, "", 0, "0", -1, "soon", [], {})


@pytest.fixture(scope="module", params=sorted(SANDBOX_RUNNERS))
def sandbox(request):
    with SANDBOX_RUNNERS[request.param]() as sandbox:
        yield sandbox
        sandbox.control("faults", method="DELETE")


@pytest.fixture
def profile(sandbox):
    return sandbox.profile


@pytest.fixture
def grant(sandbox, profile):
    return sandbox.connect_creator(**profile.creator_traits)


@pytest.fixture(scope="module")
def published_post(sandbox):
    """A public post, once the platform has given it an id: the grant, publish id and progress."""
    grant = sandbox.connect_creator()
    video = encode_video()
    request = sandbox.profile.publish_request(len(video), public=True)
    publisher = sandbox.adapter.publisher
    started = publisher.start(grant.access_token, request)
    upload_in_chunks(publisher, started, video)
    phase = sandbox.profile.end_phases[sandbox.profile.default_kind]
    for _ in range(20):
        wait_for_phase(publisher, grant.access_token, started.publish_id, {phase})
        sandbox.control("clock", advance=10)
        progress = publisher.fetch_status(grant.access_token, started.publish_id)
        if progress.post_ids:
            return grant, started.publish_id, progress
    raise AssertionError("the platform gave the post no id")


def inject_shape(sandbox, endpoint, kind, **fields):
    options = {"fields": fields} if fields else {}
    sandbox.control("faults", endpoint=endpoint, kind=kind, **options)


def fetch_progress(sandbox, published_post):
    grant, publish_id, _ = published_post
    return sandbox.adapter.publisher.fetch_status(grant.access_token, publish_id)


def without_log_id(value):
    return {name: item for name, item in value.items() if name != "log_id"}


def test_every_odd_shape_of_the_sandbox_is_tried(sandbox):
    network_faults = {
        *("http_500", "http_429", "html_200", "drop_before", "drop_after"),
        *("hang", "slow", "truncate", "reset", "drip"),
    }
    kinds = set(sandbox.control("faults")["kinds"]) - network_faults
    assert kinds == {*GENERAL_SHAPES, *FIELD_SHAPES}


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
def test_tokens_are_read_in_every_shape(sandbox, profile, grant, shape):
    inject_shape(sandbox, profile.token_endpoint, shape)
    new = sandbox.adapter.flow.renew(
        access_token=grant.access_token, refresh_token=grant.refresh_token
    )
    assert (new.login_id, set(new.scopes)) == (grant.login_id, set(grant.scopes))
    assert abs(new.lifetime - grant.lifetime) < timedelta(seconds=60)
    assert not new.is_lifetime_assumed
    assert sandbox.adapter.flow.renew(
        access_token=new.access_token, refresh_token=new.refresh_token
    ).access_token


@pytest.mark.parametrize("shape", ["values_as_lists", "commas_as_blanks"])
def test_scopes_are_read_from_lists_and_with_blanks(sandbox, profile, grant, shape):
    inject_shape(sandbox, profile.token_endpoint, shape, **{profile.fields["scopes"]: None})
    assert set(
        sandbox.adapter.flow.renew(
            access_token=grant.access_token, refresh_token=grant.refresh_token
        ).scopes
    ) == set(grant.scopes)


@pytest.mark.parametrize("value", ["absent", *NOT_SAID], ids=repr)
def test_new_tokens_are_kept_for_a_short_time_without_their_lifetime(
    sandbox, profile, grant, value
):
    field = profile.fields["lifetime"]
    if value == "absent":
        inject_shape(sandbox, profile.token_endpoint, "missing_fields", **{field: None})
    else:
        inject_shape(sandbox, profile.token_endpoint, "other_values", **{field: value})
    new = sandbox.adapter.flow.renew(
        access_token=grant.access_token, refresh_token=grant.refresh_token
    )
    assert new.access_token != grant.access_token
    assert (new.lifetime, new.is_lifetime_assumed) == (ASSUMED_LIFETIME, True)
    assert (
        sandbox.adapter.flow.renew(
            access_token=new.access_token, refresh_token=new.refresh_token
        ).lifetime
        == grant.lifetime
    )


@pytest.mark.parametrize("field", ["scopes", "account", "refresh_lifetime"])
def test_new_tokens_are_kept_whatever_is_missing_beside_them(sandbox, profile, grant, field):
    inject_shape(sandbox, profile.token_endpoint, "missing_fields", **{profile.fields[field]: None})
    new = sandbox.adapter.flow.renew(
        access_token=grant.access_token, refresh_token=grant.refresh_token
    )
    assert new.refresh_token != grant.refresh_token
    assert new.lifetime == grant.lifetime


def test_the_scopes_that_a_new_grant_does_not_name_are_the_requested_ones(sandbox, profile):
    open_id = "-000" + secrets.token_urlsafe(16)
    sandbox.control("creators", open_id=open_id)
    code = sandbox.grant_consent(open_id)["code"]
    inject_shape(
        sandbox, profile.token_endpoint, "missing_fields", **{profile.fields["scopes"]: None}
    )
    assert sandbox.adapter.flow.exchange_code(code).scopes == sandbox.app.scopes


def test_a_grant_names_the_account_of_the_response(sandbox, profile, grant):
    """The caller compares it: it knows whose tokens it refreshed."""
    inject_shape(
        sandbox, profile.token_endpoint, "other_values", **{profile.fields["account"]: "-000eve"}
    )
    assert (
        sandbox.adapter.flow.renew(
            access_token=grant.access_token, refresh_token=grant.refresh_token
        ).login_id
        == "-000eve"
    )


def test_a_grant_without_an_access_token_is_the_platforms_fault(sandbox, profile, grant):
    inject_shape(
        sandbox, profile.token_endpoint, "missing_fields", **{profile.fields["access_token"]: None}
    )
    with pytest.raises(Unavailable) as caught:
        sandbox.adapter.flow.renew(
            access_token=grant.access_token, refresh_token=grant.refresh_token
        )
    assert (caught.value.code, caught.value.retryable) == ("INVALID_RESPONSE", True)


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
def test_a_profile_is_read_in_every_shape(sandbox, profile, grant, shape):
    expected = sandbox.adapter.flow.identify(grant)
    inject_shape(sandbox, profile.profile_endpoint, shape)
    assert sandbox.adapter.flow.identify(grant) == expected


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
def test_what_a_creator_may_do_is_read_in_every_shape(sandbox, profile, grant, shape):
    expected = sandbox.adapter.publisher.fetch_creator_info(grant.access_token)
    inject_shape(sandbox, profile.creator_endpoint, shape)
    found = sandbox.adapter.publisher.fetch_creator_info(grant.access_token)
    assert without_log_id(found) == without_log_id(expected)


@pytest.mark.parametrize("value", NOT_SAID, ids=repr)
def test_a_limit_of_nothing_is_no_limit(sandbox, profile, grant, value):
    field = profile.fields["max_seconds"]
    inject_shape(sandbox, profile.creator_endpoint, "other_values", **{field: value})
    assert sandbox.adapter.publisher.fetch_creator_info(grant.access_token)[field] is None


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
def test_a_status_is_read_in_every_shape(sandbox, profile, published_post, shape):
    inject_shape(sandbox, profile.status_endpoint, shape)
    found, expected = fetch_progress(sandbox, published_post), published_post[2]
    assert (found.phase, found.post_ids) == (expected.phase, expected.post_ids)
    assert (found.bytes_done, found.is_public) == (expected.bytes_done, expected.is_public)
    assert all(isinstance(post_id, str) for post_id in found.post_ids)


def test_post_ids_are_found_under_their_other_spelling(sandbox, profile, published_post):
    inject_shape(sandbox, profile.status_endpoint, "renamed_fields", **profile.other_spellings)
    assert fetch_progress(sandbox, published_post).post_ids == published_post[2].post_ids


def test_a_status_of_another_post_is_refused(sandbox, profile, published_post):
    field = profile.fields["publication"]
    inject_shape(sandbox, profile.status_endpoint, "other_values", **{field: profile.unknown_id})
    with pytest.raises(MisdirectedResponse) as caught:
        fetch_progress(sandbox, published_post)
    assert caught.value.retryable
    inject_shape(sandbox, profile.status_endpoint, "other_values", **{field: published_post[1]})
    assert fetch_progress(sandbox, published_post).post_ids == published_post[2].post_ids


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
def test_a_start_is_read_in_every_shape(sandbox, profile, grant, shape):
    inject_shape(sandbox, profile.start_endpoint, shape)
    started = sandbox.adapter.publisher.start(grant.access_token, profile.publish_request(1000))
    posts = {post["publish_id"] for post in sandbox.control("posts")["posts"]}
    assert started.publish_id in posts
    assert started.upload_url


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
def test_metrics_are_read_in_every_shape(sandbox, profile, published_post, shape):
    insights, (grant, _, progress) = sandbox.adapter.insights, published_post
    if insights is None:
        pytest.skip("the platform offers no metrics")
    for endpoint, call in profile.video_calls.items():
        (expected,) = call(sandbox.adapter, grant, progress.post_ids)
        inject_shape(sandbox, endpoint, shape)
        (found,) = call(sandbox.adapter, grant, progress.post_ids)
        # counts grow while the test runs
        assert set(found.counts) == set(expected.counts) != set()
        assert replace(found, counts={}) == replace(expected, counts={})


def test_no_field_that_is_missing_or_odd_makes_an_adapter_fail_with_another_error(
    sandbox, profile, published_post
):
    """Only errors of our own classes leave an adapter, and they never blame the creator."""
    grant = published_post[0]
    calls = {
        profile.status_endpoint: lambda: fetch_progress(sandbox, published_post),
        profile.creator_endpoint: lambda: sandbox.adapter.publisher.fetch_creator_info(
            grant.access_token
        ),
        profile.profile_endpoint: lambda: sandbox.adapter.flow.identify(grant),
    }
    sandbox.control("clock", advance=60)  # past the limits per minute
    for endpoint, call in calls.items():
        for value in (None, [], {}, [{}], "x", 7.5):
            fields = dict.fromkeys(profile.response_fields[endpoint], value)
            inject_shape(sandbox, endpoint, "other_values", **fields)
            try:
                call()
            except PlatformError as error:
                assert error.retryable, (endpoint, value)  # noqa: PT017 - it may also succeed
