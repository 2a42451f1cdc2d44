"""The part of the upload form that depends on what TikTok says of a creator."""

import pytest

from tests.platforms.script import ok, refuses
from tests.publishing import A_PULL, CREATOR, STATUS, status

DIRECT = "/platforms/tiktok/upload/direct"
ADA = {
    "creator_nickname": "Ada <3",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
    "comment_disabled": True,
    "max_video_post_duration_sec": 600,
}


@pytest.fixture
def page(signed_in, alice, account, desk):
    """Alice's browser; her account allows direct posts."""
    desk.tenants.change(account.id, scope="video.publish")
    return signed_in(alice)


def test_before_the_audit_only_oneself_may_be_the_audience(page, desk):
    desk.says(CREATOR, ok(**ADA))
    shown = page.get(DIRECT).text
    assert '<option value="SELF_ONLY">Only me</option>' in shown
    assert "PUBLIC_TO_EVERYONE" not in shown
    assert "the account has to be private in TikTok" in shown
    assert "This account is public: make it private in the TikTok app first" in shown


def test_a_private_account_is_not_told_to_become_private(page, desk):
    desk.says(CREATOR, ok(**{**ADA, "privacy_level_options": ["FOLLOWER_OF_CREATOR", "SELF_ONLY"]}))
    shown = page.get(DIRECT).text
    assert "the account has to be private in TikTok" in shown
    assert "This account is public" not in shown


def test_the_creator_is_named_and_nothing_is_chosen(page, desk):
    desk.says(CREATOR, ok(**ADA))
    shown = page.get(DIRECT).text
    assert "<strong>Ada &lt;3</strong>" in shown
    assert " checked" not in shown
    assert '<option value="" selected disabled>Please choose</option>' in shown
    assert '<input type="checkbox" name="allow_comment" disabled>' in shown
    assert "up to 600 seconds" in shown


def test_the_creator_is_asked_at_every_form(page, desk):
    desk.says(CREATOR, ok(**ADA))
    page.get(DIRECT)
    page.get(DIRECT)
    assert len(desk.calls(CREATOR)) == 2


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        (refuses(200, "spam_risk_too_many_posts"), "daily number of posts is used up"),
        (refuses(200, "reached_active_user_cap"), "daily number of creators"),
        (refuses(200, "spam_risk_user_banned_from_posting"), "has banned this account"),
        (refuses(500, "internal_error"), "The platform has a fault."),
    ],
    ids=["posts", "creators", "banned", "away"],
)
def test_when_posting_is_not_possible_now_the_form_says_so_and_offers_nothing(
    page, desk, refusal, says
):
    desk.says(CREATOR, refusal)
    answer = page.get(DIRECT)
    assert answer.status_code == 200
    assert "data-blocked" in answer.text
    assert says in answer.text
    assert "privacy_level" not in answer.text


def test_an_account_without_the_permission_is_told_how_to_give_it(page, desk, account):
    desk.tenants.change(account.id, scope="video.upload")
    assert "Connect it again and leave the permission ticked." in page.get(DIRECT).text


def test_tiktoks_own_sentences_stay_word_for_word_in_french(page, desk):
    desk.says(CREATOR, ok(**ADA))
    french = {"Accept-Language": "fr"}
    shown = (
        page.get(DIRECT, headers=french).text
        + page.get("/platforms/tiktok/upload", headers=french).text
    )
    for sentence in (
        "You need to indicate if your content promotes yourself, a third party, or both.",
        "Your photo/video will be labeled as &#39;Promotional content&#39;",
        "Your photo/video will be labeled as &#39;Paid partnership&#39;",
        "Branded content visibility cannot be set to private.",
        "By posting, you agree to TikTok's ",
    ):
        assert sentence in shown
    assert "Publication au nom de" in shown


def test_the_reason_of_a_failure_is_in_the_readers_language(program, account, desk):
    made = program.post("/api/tiktok/upload", json=A_PULL).json["data"]["id"]
    desk.says(STATUS, status("FAILED", fail_reason="video_pull_failed"))
    desk.works(1)
    error = program.get(f"/api/posts/{made}", headers={"Accept-Language": "fr"}).json["data"][
        "error"
    ]
    assert "télécharger" in error["userMessage"]
    assert error["suggestion"]
