"""Another public client, instagram-platform-sdk, drives the sandbox's Instagram Login host.

It was written by others than Meta and us, against v26.0 (version 1.0.0, 2026-08). Its `reply` posts
to `/{comment}/comments`, which no page of Meta has, and is left out.
"""

import json

import pytest
from instagram_platform.client import InstagramClient
from instagram_platform.exceptions import (
    InstagramAPIError,
    InstagramAuthError,
    InstagramRateLimitError,
)
from instagram_platform.services import parse_webhook_payload, verify_webhook_signature

from tests.platforms.instagram_media_host import make_jpeg, run_media_host
from tests.platforms.instagram_reading_client import (
    DAY,
    INSTAGRAM_READING,
    add_reader,
    run_reading_server,
)


@pytest.fixture(scope="module")
def server():
    with run_reading_server() as running:
        yield running


@pytest.fixture(scope="module")
def media_host():
    with run_media_host() as host:
        yield host


@pytest.fixture
def reader(server):
    reader = add_reader(server)
    reader.grant_scopes(*INSTAGRAM_READING, "instagram_business_content_publish", login="instagram")
    return reader


@pytest.fixture
def client(reader):
    with InstagramClient(
        reader.tokens["instagram"],
        reader.account.id,
        base_url=f"{reader.raw.url}/instagram-graph",
        max_retries=0,
        timeout=10.0,
    ) as client:
        yield client


def test_it_reads_the_profile(reader, client):
    profile = client.user.get_profile()
    assert (profile.username, profile.followers_count) == (reader.account.username, 1_200)


def test_it_publishes_a_photo_and_lists_it(client, media_host):
    url = media_host.add("photo.jpg", make_jpeg())
    published = client.media.publish_photo(url, caption="hello")
    details = client.media.get_media_details(published.id)
    assert (details.media_type, details.caption) == ("IMAGE", "hello")
    (listed,) = client.media.get_user_media().data
    assert listed.permalink == details.permalink


def test_it_moderates_comments(reader, client):
    media_id = reader.post_in_app()
    comment_id = reader.comment(media_id, "hello", is_silent=True)
    (comment,) = client.comments.get_comments(media_id).data
    assert (comment.id, comment.username, comment.hidden) == (comment_id, "visitor", False)
    client.comments.set_hidden(comment_id, hide=True)
    assert client.comments.get_comments(media_id).data[0].hidden is True
    assert client.comments.delete_comment(comment_id) == {"success": True}
    assert client.comments.get_comments(media_id).data == []


def test_it_reads_insights(reader, client):
    found = client.insights.get_media_insights(reader.post_reel(), ["reach", "views"]).data
    assert [metric.name for metric in found] == ["reach", "views"]
    (reach,) = client.insights.get_account_insights(["reach"]).data
    assert len(reach.values) == 2


def test_it_refreshes_its_token(reader, client):
    reader.advance_clock(DAY + 1)
    answer = client.auth.refresh_long_lived_token()
    assert answer.token_type == "bearer"
    assert client.user.get_profile().username == reader.account.username


def test_it_distinguishes_dead_tokens_limits_and_other_errors(reader, client):
    for fields, error_class in (
        ({"code": 190, "subcode": 460}, InstagramAuthError),
        ({"code": 10}, InstagramAuthError),
        ({"code": 4}, InstagramRateLimitError),
        ({"code": 100}, InstagramAPIError),
    ):
        reader.inject_fault("ig_user_node", "graph_error", fields=fields)
        with pytest.raises(error_class):
            client.user.get_profile()
    assert client.user.get_profile().id


def test_it_accepts_the_signature_of_our_deliveries(reader):
    reader.subscribe()
    reader.comment(reader.post_in_app(), "caf\u00e9 \U0001f600 a/b")
    secrets = {
        "facebook": reader.state.facebook_app.secret,
        "instagram": reader.state.instagram_app.secret,
    }
    valid = [False, False]
    while not all(valid):
        headers, body = reader.deliveries.get(timeout=10)
        if reader.account.id not in body.decode():
            continue
        signature = headers["X-Hub-Signature-256"]
        accepted = [verify_webhook_signature(body, signature, each) for each in secrets.values()]
        assert accepted.count(True) == 1
        assert not verify_webhook_signature(body + b" ", signature, secrets["facebook"])
        assert not verify_webhook_signature(json.dumps(json.loads(body)), signature, "secret")
        valid = [left or right for left, right in zip(valid, accepted, strict=True)]
        assert parse_webhook_payload(body.decode())["object"] == "instagram"
