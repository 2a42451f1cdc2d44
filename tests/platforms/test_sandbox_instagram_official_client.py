"""Meta's own client, facebook-business, drives the Instagram sandbox on both Graph hosts.

Source of the calls: facebook-python-business-sdk v26.0.3 (2026-11-04). It puts the token and the
`appsecret_proof` into every query and ends the paths of nodes with a slash.
"""

from contextlib import contextmanager

import pytest
from facebook_business.adobjects.igcomment import IGComment
from facebook_business.adobjects.igmedia import IGMedia
from facebook_business.adobjects.igmediaforigonlyapi import IGMediaForIGOnlyAPI
from facebook_business.adobjects.igrefreshaccesstokenforigonlyapi import (
    IGRefreshAccessTokenForIGOnlyAPI,
)
from facebook_business.adobjects.iguser import IGUser
from facebook_business.adobjects.iguserforigonlyapi import IGUserForIGOnlyAPI
from facebook_business.adobjects.page import Page
from facebook_business.adobjects.user import User
from facebook_business.api import Cursor, FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

from tests.platforms.instagram_media_host import make_jpeg, run_media_host
from tests.platforms.instagram_reading_client import (
    FACEBOOK_READING,
    INSTAGRAM_READING,
    add_reader,
    run_reading_server,
)

FACEBOOK_SCOPES = (
    *FACEBOOK_READING,
    *("instagram_content_publish", "instagram_manage_contents", "pages_manage_metadata"),
)
INSTAGRAM_SCOPES = (*INSTAGRAM_READING, "instagram_business_content_publish")
DAY = 86_400


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
    reader.grant_scopes(*FACEBOOK_SCOPES)
    reader.grant_scopes(*INSTAGRAM_SCOPES, login="instagram")
    return reader


@contextmanager
def official_api(reader, login, secret=None):
    """Yield Meta's client for the Graph host of a login, with the proof of the app's secret."""
    is_instagram = login == "instagram"
    app = reader.state.find_app("instagram" if is_instagram else "facebook")
    session = FacebookSession(app.id, secret or app.secret, reader.tokens[login])
    session.GRAPH = reader.raw.url + ("/instagram-graph" if is_instagram else "/meta-graph")
    try:
        yield FacebookAdsApi(session)
    finally:
        session.requests.close()


@pytest.fixture
def api(reader):
    with official_api(reader, "page") as api:
        yield api


@pytest.fixture
def instagram_api(reader):
    with official_api(reader, "instagram") as api:
        yield api


@pytest.fixture
def picture(media_host):
    return media_host.add("picture.jpg", make_jpeg())


def test_it_publishes_an_image_and_reads_it(reader, api, picture):
    account = IGUser(reader.account.id, api=api)
    container = account.create_media(params={"image_url": picture, "caption": "Hi @bob #x"})
    status = IGMedia(container["id"], api=api).api_get(params={"fields": "status_code,status"})
    assert status["status_code"] == "FINISHED"
    media = account.create_media_publish(params={"creation_id": container["id"]})
    fields = ["caption", "permalink", "media_product_type", "timestamp", "comments_count"]
    found = IGMedia(media["id"], api=api).api_get(fields=fields)
    assert found["caption"] == "Hi bob #x"
    assert found["permalink"].startswith("https://www.instagram.com/p/")
    assert [item["id"] for item in account.get_media(fields=["id"])] == [media["id"]]


def test_it_publishes_a_carousel(reader, api, picture):
    account = IGUser(reader.account.id, api=api)
    children = [
        account.create_media(params={"image_url": picture, "is_carousel_item": True})["id"]
        for _ in range(2)
    ]
    album = account.create_media(params={"media_type": "CAROUSEL", "children": children})
    media = account.create_media_publish(params={"creation_id": album["id"]})
    found = IGMedia(media["id"], api=api).api_get(params={"fields": "media_type,children{id}"})
    assert found["media_type"] == "CAROUSEL_ALBUM"
    assert len(found["children"]["data"]) == 2
    assert len(IGMedia(media["id"], api=api).get_children(fields=["media_type"])) == 2


def test_it_reads_the_publishing_limit(reader, api):
    (limit,) = IGUser(reader.account.id, api=api).get_content_publishing_limit(
        fields=["config", "quota_usage"]
    )
    assert limit["quota_usage"] == 0
    assert limit["config"]["quota_total"] == 100


def test_it_follows_the_pages_of_a_list(reader, api):
    ids = {reader.post_in_app() for _ in range(7)}
    listed = IGUser(reader.account.id, api=api).get_media(fields=["id"], params={"limit": 3})
    assert isinstance(listed, Cursor)
    assert {item["id"] for item in listed} == ids


def test_it_moderates_comments(reader, api):
    media_id = reader.post_in_app()
    comment_id = reader.comment(media_id, "hello")
    media, comment = IGMedia(media_id, api=api), IGComment(comment_id, api=api)
    (found,) = media.get_comments(fields=["text", "username", "hidden", "like_count"])
    assert (found["text"], found["username"], found["hidden"]) == ("hello", "visitor", False)
    reply = comment.create_reply(params={"message": "thanks"})
    assert [each["id"] for each in comment.get_replies(fields=["text"])] == [reply["id"]]
    comment.api_update(params={"hide": True})
    assert comment.api_get(fields=["hidden"])["hidden"] is True
    own = media.create_comment(params={"message": "ours"})
    assert {each["id"] for each in media.get_comments()} == {comment_id, own["id"]}
    comment.api_delete()
    assert [each["id"] for each in media.get_comments()] == [own["id"]]


def test_fields_of_a_comment_fail_after_the_effect(reader, api):
    media_id = reader.post_in_app()
    with pytest.raises(FacebookRequestError) as raised:
        IGMedia(media_id, api=api).create_comment(fields=["text"], params={"message": "once"})
    assert (raised.value.api_error_code(), raised.value.api_error_subcode()) == (20, 1772107)
    assert len(reader.stored_comments(media_id)) == 1


def test_it_reads_insights_of_media_and_accounts(reader, api):
    media = IGMedia(reader.post_reel(), api=api)
    metrics = ["views", "reach", "ig_reels_avg_watch_time", "total_likes"]
    found = {
        item["name"]: item["values"] for item in media.get_insights(params={"metric": metrics})
    }
    assert list(found) == metrics
    account = IGUser(reader.account.id, api=api)
    query = {
        "metric": ["views", "reach"],
        "period": ["day"],
        "metric_type": "total_value",
        "breakdown": ["follow_type"],
        "since": int(reader.state.now) - 7 * DAY,
        "until": int(reader.state.now),
    }
    for item in account.get_insights(params=query):
        assert item["total_value"]["breakdowns"][0]["dimension_keys"] == ["follow_type"]


def test_its_error_class_reads_our_errors(reader, api):
    media = IGMedia(reader.post_reel(), api=api)
    with pytest.raises(FacebookRequestError) as raised:
        media.get_insights(params={"metric": ["views", "navigation"]})
    error = raised.value
    assert (error.http_status(), error.api_error_code()) == (400, 100)
    assert error.api_error_type() == "OAuthException"
    assert error.api_transient_error() in {None, False}
    reader.inject_fault("media_insights", "graph_error", fields={"code": 2})
    with pytest.raises(FacebookRequestError) as raised:
        media.get_insights(params={"metric": ["views"]})
    assert raised.value.api_transient_error() is True


def test_it_subscribes_the_page_and_the_account(reader, api):
    page = Page(reader.account.page_id, api=api)
    page.create_subscribed_app(params={"subscribed_fields": ["feed"]})
    (app,) = page.get_subscribed_apps()
    assert app["id"] == reader.state.facebook_app.id
    account = IGUser(reader.account.id, api=api)
    account.create_subscribed_app(params={"subscribed_fields": ["comments", "mentions"]})
    (subscription,) = account.get_subscribed_apps()
    assert set(subscription["subscribed_fields"]) == {"comments", "mentions"}
    page.delete_subscribed_apps()
    assert list(page.get_subscribed_apps()) == []


def test_it_lists_pages_with_their_accounts_and_tokens(reader):
    with official_api(reader, "user") as api:
        fields = ["id", "access_token", "instagram_business_account"]
        (page,) = User("me", api=api).get_accounts(fields=fields)
        granted = User("me", api=api).get_permissions()
        assert page["access_token"] == reader.tokens["page"]
        assert page["instagram_business_account"]["id"] == reader.account.id
        assert {each["permission"] for each in granted if each["status"] == "granted"} == {
            *FACEBOOK_SCOPES
        }


def test_it_replies_to_mentions(reader, api):
    ids = reader.control("mentions", account_id=reader.account.id, text="hey")
    answer = IGUser(reader.account.id, api=api).create_mention(params={**ids, "message": "thanks"})
    assert reader.stored_comments(ids["media_id"])[0]["id"] == answer["id"]


def test_it_deletes_media(reader, api):
    media_id = reader.post_in_app()
    IGMedia(media_id, api=api).api_delete()
    with pytest.raises(FacebookRequestError) as raised:
        IGMedia(media_id, api=api).api_get()
    assert raised.value.api_error_subcode() == 33


def test_a_proof_with_another_secret_is_refused(reader):
    with official_api(reader, "page", secret="another") as api:
        with pytest.raises(FacebookRequestError) as raised:
            IGUser(reader.account.id, api=api).api_get()
        assert raised.value.api_error_code() == 100
        assert "appsecret_proof" in raised.value.api_error_message()


def test_a_required_proof_is_there(reader, api):
    reader.change_settings(require_appsecret_proof=True)
    fields = ["username", "followers_count"]
    assert IGUser(reader.account.id, api=api).api_get(fields=fields)["followers_count"] == 1_200
    assert reader.read(reader.account.id).error == (400, 100, None)


def test_with_instagram_login_it_publishes_and_reads(reader, instagram_api, picture):
    # reading `/me` puts the app-scoped id into the object, and later calls into their paths
    profile = IGUserForIGOnlyAPI("me", api=instagram_api).api_get(
        fields=["user_id", "username", "account_type"]
    )
    account = IGUserForIGOnlyAPI("me", api=instagram_api)
    assert profile["user_id"] == reader.account.id
    assert profile["id"] != profile["user_id"]
    container = account.create_media(params={"image_url": picture, "caption": "hello"})
    # the class for this login posts to /mediapublish, which no page of Meta has
    publisher = IGUser("me", api=instagram_api)
    media = publisher.create_media_publish(params={"creation_id": container["id"]})
    found = IGMediaForIGOnlyAPI(media["id"], api=instagram_api)
    fields = ["permalink", "media_product_type", "is_comment_enabled"]
    assert found.api_get(fields=fields)["media_product_type"] == "FEED"
    assert [item["id"] for item in account.get_media()] == [media["id"]]
    (limit,) = account.get_content_publishing_limit(params={"fields": "quota_usage"})
    assert limit["quota_usage"] == 1


def test_with_instagram_login_it_moderates_and_measures(reader, instagram_api):
    media_id = reader.post_reel()
    reader.comment(media_id, "hello", is_silent=True)
    media = IGMediaForIGOnlyAPI(media_id, api=instagram_api)
    assert [each["text"] for each in media.get_comments(params={"fields": "text"})] == ["hello"]
    media.create_comment(params={"message": "ours"})
    assert len(reader.stored_comments(media_id)) == 2
    media.api_update(params={"comment_enabled": False})
    assert media.api_get(fields=["is_comment_enabled"])["is_comment_enabled"] is False
    (item,) = media.get_insights(params={"metric": ["reach"]})
    assert item["values"][0]["value"] > 0
    (item,) = IGUserForIGOnlyAPI("me", api=instagram_api).get_insights(
        params={"metric": ["reach"], "period": ["day"]}
    )
    assert len(item["values"]) == 2


def test_with_instagram_login_it_subscribes(reader, instagram_api):
    account = IGUserForIGOnlyAPI("me", api=instagram_api)
    account.create_subscribed_app(params={"subscribed_fields": ["comments"]})
    (subscription,) = account.get_subscribed_apps()
    assert subscription["subscribed_fields"] == ["comments"]


def test_with_instagram_login_it_refreshes_its_token(reader, instagram_api):
    reader.advance_clock(DAY + 1)
    answer = IGRefreshAccessTokenForIGOnlyAPI("refresh_access_token", api=instagram_api).api_get(
        params={"grant_type": "ig_refresh_token"}
    )
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] > 59 * DAY
