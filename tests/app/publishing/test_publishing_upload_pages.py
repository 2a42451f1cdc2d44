"""The part of the upload form that depends on TikTok's creator info."""

import re

import pytest

from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import CREATOR_PATH, STATUS_PATH, URL_REQUEST, status_body

CREATOR_INFO = {
    "creator_nickname": "Ada <3",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
    "comment_disabled": True,
    "max_video_post_duration_sec": 600,
}


def load_direct_form(browser, account, **headers):
    """The settings of a direct post, as the page loads them once direct posting is chosen."""
    key = f"tiktok-a{account.id}"
    fields = {"account": key, f"set.{key}.mode": "DIRECT"}
    return browser.post(f"/compose/blocks/{key}", data=fields, headers=headers)


@pytest.fixture
def alice_browser(sign_in, alice, account, publisher):
    """Alice's browser; her account allows direct posts."""
    publisher.factory.update_account(account.id, scope="video.publish")
    return sign_in(alice)


def test_before_the_audit_the_form_offers_only_self_only(alice_browser, publisher, account):
    publisher.set_responses(CREATOR_PATH, ok_response(**CREATOR_INFO))
    page = load_direct_form(alice_browser, account).text
    assert '<option value="SELF_ONLY">Only me</option>' in page
    assert "PUBLIC_TO_EVERYONE" not in page
    assert "the account has to be private in TikTok" in page
    assert "This account is public: make it private in the TikTok app first" in page


def test_a_private_account_gets_no_request_to_become_private(alice_browser, publisher, account):
    publisher.set_responses(
        CREATOR_PATH,
        ok_response(
            **{**CREATOR_INFO, "privacy_level_options": ["FOLLOWER_OF_CREATOR", "SELF_ONLY"]}
        ),
    )
    page = load_direct_form(alice_browser, account).text
    assert "the account has to be private in TikTok" in page
    assert "This account is public" not in page


def test_the_creator_is_named_and_nothing_is_chosen(alice_browser, publisher, account):
    publisher.set_responses(CREATOR_PATH, ok_response(**CREATOR_INFO))
    page = load_direct_form(alice_browser, account).text
    assert "<strong>Ada &lt;3</strong>" in page
    assert page.count(" checked") == 1  # the chosen way of posting
    assert '<option value="" selected disabled>Please choose</option>' in page
    assert re.search(r'<input type="checkbox"[^>]*allow_comment"[^>]* disabled>', page)
    assert "up to 600 seconds" in page


def test_creator_info_is_fetched_for_every_form(alice_browser, publisher, account):
    publisher.set_responses(CREATOR_PATH, ok_response(**CREATOR_INFO))
    load_direct_form(alice_browser, account)
    load_direct_form(alice_browser, account)
    assert len(publisher.request_bodies(CREATOR_PATH)) == 2


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (
            error_response(200, "spam_risk_too_many_posts"),
            "daily number of posts through apps is used up",
        ),
        (error_response(200, "reached_active_user_cap"), "daily number of creators"),
        (error_response(200, "spam_risk_user_banned_from_posting"), "has banned this account"),
        (error_response(500, "internal_error"), "The platform reported an internal error."),
    ],
    ids=["posts", "creators", "banned", "away"],
)
def test_when_posting_is_not_possible_the_form_gives_the_reason_and_no_fields(
    alice_browser, publisher, account, refusal, text
):
    publisher.set_responses(CREATOR_PATH, refusal)
    response = load_direct_form(alice_browser, account)
    assert response.status_code == 200
    assert "data-blocked" in response.text
    assert text in response.text
    assert "privacy_level" not in response.text


def test_an_account_without_the_scope_sees_how_to_grant_it(alice_browser, publisher, account):
    publisher.factory.update_account(account.id, scope="video.upload")
    assert (
        "Connect it again and leave the permission ticked."
        in load_direct_form(alice_browser, account).text
    )


def test_tiktoks_own_sentences_stay_unchanged_in_french(alice_browser, publisher, account):
    publisher.set_responses(CREATOR_PATH, ok_response(**CREATOR_INFO))
    french = {"Accept-Language": "fr"}
    page = (
        load_direct_form(alice_browser, account, **french).text
        + alice_browser.get("/platforms/tiktok/upload", headers=french).text
    )
    for sentence in (
        "You need to indicate if your content promotes yourself, a third party, or both.",
        "Your photo/video will be labeled as &#39;Promotional content&#39;",
        "Your photo/video will be labeled as &#39;Paid partnership&#39;",
        "Branded content visibility cannot be set to private.",
        "By posting, you agree to TikTok's ",
    ):
        assert sentence in page
    assert "Publication au nom de" in page


def test_the_reason_of_a_failure_is_in_the_readers_language(api_client, account, publisher):
    post_id = api_client.post("/api/tiktok/upload", json=URL_REQUEST).json["data"]["id"]
    publisher.set_responses(STATUS_PATH, status_body("FAILED", fail_reason="video_pull_failed"))
    publisher.run_workers(1)
    error = api_client.get(f"/api/posts/{post_id}", headers={"Accept-Language": "fr"}).json["data"][
        "error"
    ]
    assert "télécharger" in error["userMessage"]
    assert error["suggestion"]


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_a_remembered_refusal_is_answered_with_its_cause_and_its_time(
    alice_browser, publisher, locale
):
    """The second answer is ours: TikTok is not asked again for an hour, and the words agree."""
    publisher.set_responses(CREATOR_PATH, error_response(200, "spam_risk_too_many_posts"))
    headers = {"Accept-Language": locale}
    first, second = (
        alice_browser.get("/api/tiktok/creator-info", headers=headers).json["error"]
        for _ in range(2)
    )
    assert first["code"] == second["code"] == "spam_risk_too_many_posts"
    assert first["userMessage"] == second["userMessage"]
    assert 3500 < second["retryAfter"] <= first["retryAfter"] == 3600
    assert ("1 hour" if locale == "en" else "1 heure") in first["suggestion"].replace("\xa0", " ")
