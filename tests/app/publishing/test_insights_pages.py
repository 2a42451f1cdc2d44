"""What TikTok counts, on pages: a dash where it told nothing, and nothing at all before that."""

import re

import pytest
from sqlalchemy import update

from db.posts.tiktok_posts import TikTokPost
from tests.app.publishing.insights_fixtures import (
    SAMPLED_VIDEO_ID,
    account_id,
    extra_settings,
    sampled_account,
    sampler,
)
from tests.support.publishing_harness import URL_REQUEST

__all__ = ["account_id", "extra_settings", "sampled_account", "sampler"]  # fixtures


@pytest.fixture
def alice_browser(sign_in, alice):
    return sign_in(alice)


@pytest.fixture
def sampled_post_id(api_client, publisher, account_id):
    """A post of ours that the public sees under the id of the video."""
    fields = {**URL_REQUEST, "account_id": account_id}
    response = api_client.post(
        "/api/tiktok/upload", json=fields, headers={"Prefer": "respond-async"}
    )
    post_id = response.json["data"]["id"]
    publisher.run_workers(1)
    ids = {"publicaly_available_post_id": [str(SAMPLED_VIDEO_ID)]}
    with publisher.database.transaction() as session:
        session.execute(
            update(TikTokPost).where(TikTokPost.ledger_id == post_id).values(details=ids)
        )
    return post_id


def shown_metrics(text):
    """By their names, as they stand on the page."""
    return dict(re.findall(r'<dt class="quiet">(\w+)</dt><dd class="figure">([^<]+)</dd>', text))


def test_a_post_shows_what_tiktok_counts_and_a_dash_where_a_metric_is_missing(
    alice_browser, sampled_post_id, sampled_account
):
    shown = alice_browser.get(f"/posts/{sampled_post_id}").text
    assert shown_metrics(shown) == {
        "views": "100",
        "likes": "10",
        "comments": "4",
        "shares": "\N{EN DASH}",
    }
    assert "Engagement:" not in shown  # one of its numbers is not known
    assert 'href="https://t/7"' in shown


@pytest.mark.parametrize("path", ["/", "/widgets/tiktok", "/platforms/tiktok"])
def test_the_sums_of_all_videos_are_seen_at_once(alice_browser, sampled_account, path):
    assert shown_metrics(alice_browser.get(path).text)["views"] == "100"


@pytest.mark.parametrize("path", ["/", "/widgets/tiktok"])
def test_before_anything_was_counted_no_number_is_made_up(alice_browser, account_id, path):
    assert "views" not in shown_metrics(alice_browser.get(path).text)


def test_a_post_that_nobody_has_counted_shows_no_numbers(alice_browser, sampled_post_id):
    assert "What TikTok counts" not in alice_browser.get(f"/posts/{sampled_post_id}").text
