"""Choosing accounts and metrics of Instagram in a browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import connect_instagram


@pytest.fixture
def instagram_page(signed_in, stack):
    return connect_instagram(signed_in, stack)


@pytest.fixture
def both_page(account_page, stack):
    """A page of a user with accounts of both platforms."""
    return connect_instagram(account_page, stack)


def test_all_accounts_behind_a_login_are_offered(instagram_page, take_screenshot):
    instagram_page.goto("/platforms/instagram/choose")
    expect(instagram_page.get_by_label("Ada.bakes")).to_be_checked()
    expect(instagram_page.get_by_label("Ada.studio")).not_to_be_checked()
    expect(instagram_page.get_by_text("through the page Ada's bakery")).to_be_visible()
    instagram_page.goto("/platforms")
    expect(instagram_page.get_by_text("Events are received since").first).to_be_visible()
    take_screenshot("instagram-connected")


def test_the_account_page_leads_to_everything(instagram_page, take_screenshot):
    instagram_page.goto("/platforms/instagram")
    expect(instagram_page.get_by_text("@ada.bakes").first).to_be_visible()
    expect(instagram_page.get_by_role("meter", name="Posts in 24 hours")).to_be_visible()
    take_screenshot("instagram-account")
    for name, path in (("Comments", "comments"), ("Metrics", "insights"), ("New post", "publish")):
        instagram_page.goto("/platforms/instagram")
        main = instagram_page.get_by_role("main")
        main.get_by_role("link", name=name, exact=True).first.click()
        instagram_page.wait_for_url(re.compile(f"/platforms/instagram/{path}"))


def test_home_says_who_reported_a_limit(both_page):
    both_page.goto("/")
    gauge = both_page.locator(".gauge", has=both_page.get_by_text("Posts in 24 hours", exact=True))
    expect(gauge).to_contain_text("Limit reported by Instagram, at most a minute ago")
    own = both_page.locator(".gauge", has_text="Direct posts in 24 hours")
    expect(own).not_to_contain_text("reported by")


def test_metrics_without_values_say_so(instagram_page, take_screenshot):
    instagram_page.goto("/platforms/instagram/insights")
    expect(instagram_page.get_by_role("heading", name="The account")).to_be_visible()
    values = instagram_page.locator("main dd").all_inner_texts()
    assert values
    assert [text for text in values if not re.search(r"\d|no data", text)] == []
    take_screenshot("insights")


def test_the_widget_is_an_html_fragment(instagram_page):
    response = instagram_page.request.get("/widgets/instagram")
    assert response.text().lstrip().startswith("<section")
    assert "<html" not in response.text()
