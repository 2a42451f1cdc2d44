"""Metrics on pages: a dash where TikTok reports none, and no block before the first sample."""

import re

import pytest
from sqlalchemy import update

from db.records.tiktok_posts import TikTokPost
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
    """A post of ours whose public video is the sampled one."""
    fields = {**URL_REQUEST, "account_id": account_id}
    response = api_client.post(
        "/api/tiktok/upload", json=fields, headers={"Prefer": "respond-async"}
    )
    post_id = response.json["data"]["id"]
    publisher.run_workers(1)
    ids = {"publicaly_available_post_id": [str(SAMPLED_VIDEO_ID)]}
    with publisher.database.transaction() as session:
        session.execute(update(TikTokPost).where(TikTokPost.post_id == post_id).values(details=ids))
    return post_id


def page_metrics(text):
    """Metric name to the text on the page."""
    return dict(
        re.findall(
            r'<dt(?: class="quiet")?>(\w+)</dt><dd class="(?:figure|sum)">([^<]+)</dd>', text
        )
    )


def test_a_post_shows_what_tiktok_counts_and_a_dash_where_a_metric_is_missing(
    alice_browser, sampled_post_id, sampled_account
):
    page = alice_browser.get(f"/posts/{sampled_post_id}").text
    assert page_metrics(page) == {
        "views": "100",
        "likes": "10",
        "comments": "4",
        "shares": "\N{EN DASH}",
    }
    assert "Engagement:" not in page  # one of its numbers is not known
    assert 'href="https://t/7"' in page


@pytest.mark.parametrize("path", ["/widgets/tiktok", "/platforms/tiktok"])
def test_the_page_has_the_sums_of_all_videos(alice_browser, sampled_account, path):
    assert page_metrics(alice_browser.get(path).text)["views"] == "100"


@pytest.mark.parametrize("path", ["/widgets/tiktok"])
def test_before_the_first_sample_the_page_has_no_metric(alice_browser, account_id, path):
    assert "views" not in page_metrics(alice_browser.get(path).text)


def test_a_post_without_samples_shows_no_metrics(alice_browser, sampled_post_id):
    assert "Metrics from TikTok" not in alice_browser.get(f"/posts/{sampled_post_id}").text
