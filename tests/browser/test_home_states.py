"""Home of a person who has nothing yet, nothing wrong, or one thing of each kind."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import connect_account, save_screenshot
from tests.browser.people import BrowserUser
from tests.browser.test_accessibility import find_axe_violations

NOW = datetime.now(UTC)
TILE_STATES = {
    "Scheduled": {"state": "QUEUED", "publish_at": NOW + timedelta(days=9)},
    "In progress": {"state": "PROCESSING"},
    "In TikTok inbox": {"state": "PUBLISHED", "step": "DELIVERED", "finished_at": NOW},
    "On hold": {"state": "QUEUED", "hold_reason": "wait_for_release"},
    "Published": {"state": "PUBLISHED", "step": "PUBLISHED", "finished_at": NOW},
    "Failed": {"state": "FAILED", "error_code": "duration_check_failed", "finished_at": NOW},
}
SECONDS_LEFT = 12
INSERT_WEEK_OF_FOLLOWERS = """INSERT INTO metric_snapshots
    (provider, subject_type, subject_id, metric, value, taken_at)
  SELECT 'tiktok', 'account', %s, 'followers', 1007 - day, now() - day * interval '1 day'
    FROM generate_series(0, 6) AS day"""
INSERT_FOLLOWERS = """INSERT INTO metric_snapshots
    (provider, subject_type, subject_id, metric, value)
  VALUES ('tiktok', 'account', %s, 'followers', 12)"""
ROWS = ".history tbody tr"


@pytest.fixture
def person(stack, signed_in):
    """A person without accounts and posts."""
    connect_account(signed_in, stack)  # what accounts of people are copied from
    person = BrowserUser(stack)
    yield person
    person.delete()


@pytest.mark.statement(2)
def test_a_new_user_sees_three_steps_without_tiles_and_each_leads_on(person, open_page):
    page = person.sign_in(open_page())
    steps = page.locator("ol.first-steps > li")
    expect(steps).to_have_count(3)
    expect(page.locator(".tile")).to_have_count(0)
    for index, path in enumerate(("/platforms/connect", "/compose", "/compose")):
        steps.nth(index).get_by_role("link").click()
        expect(page).to_have_url(re.compile(rf"{path}$"))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto("/")
    person.add_account()
    page.reload()
    expect(steps.first).to_contain_text("(done)")
    expect(page.locator("[aria-current=step]")).to_contain_text("Add a video or a picture")
    expect(page.locator(".tile")).to_have_count(0)


@pytest.mark.statement(4)
def test_home_with_nothing_wrong_says_so_in_one_line(person, open_page):
    account_id = person.add_account()
    post_id = person.add_post(account_id, "All well", "PUBLISHED", finished_at=NOW)
    page = person.sign_in(open_page())
    expect(page.get_by_text("Nothing needs your attention.")).to_be_visible()
    expect(page.get_by_role("heading", name="Needs your attention")).to_have_count(0)
    person.stack.query(
        "UPDATE posts SET state = 'FAILED', error_code = 'internal' WHERE id = %s", post_id
    )
    page.reload()
    expect(page.get_by_role("heading", name="Needs your attention")).to_be_visible()
    expect(page.get_by_text("Nothing needs your attention.")).to_have_count(0)


@pytest.mark.statement(3)
def test_home_lists_a_failure_a_dead_account_and_drafts_and_each_action_works(person, open_page):
    account_id = person.add_account()
    for name in ("Failed", "In TikTok inbox"):
        person.add_post(account_id, f"It is {name}", **TILE_STATES[name])
    for number in (1, 2):
        person.add_post(account_id, f"Waits {number}", hold_reason="needs_reconnect")
    person.stack.query("UPDATE oauth_accounts SET status = 'REVOKED' WHERE id = %s", account_id)
    page = person.sign_in(open_page())
    expect(page.get_by_text("3 things")).to_be_visible()
    lines = page.get_by_role("region", name="Needs your attention").get_by_role("listitem")
    expect(lines).to_have_count(3)
    expect(lines.nth(0)).to_contain_text("“It is Failed” was not published on TikTok")
    expect(lines.nth(1)).to_contain_text("2 posts wait. The first is due:")
    expect(lines.nth(2)).to_contain_text("1 draft of Nora is unfinished")
    results = (r"/posts/\d+$", "/platforms/(connect/)?tiktok$", "/posts.*state=DRAFT")
    for index, address in enumerate(results):
        expect(lines.nth(index).get_by_role("link")).to_have_count(1)
        lines.nth(index).get_by_role("link").click()
        expect(page).to_have_url(re.compile(address))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto("/")


@pytest.mark.statement(5)
def test_each_tile_leads_to_as_many_rows_as_it_says(person, open_page):
    account_id = person.add_account()
    for number, (name, columns) in enumerate(TILE_STATES.items(), start=1):
        for index in range(number):
            person.add_post(account_id, f"{name} {index}", **columns)
    old = {**TILE_STATES["Failed"], "created_at": NOW - timedelta(days=40)}
    person.add_post(account_id, "Failed long ago", **old)
    page = person.sign_in(open_page())
    for number, name in enumerate(TILE_STATES, start=1):
        tile = page.get_by_role("link", name=re.compile(rf"^{number} {name}( 30 days)?$"))
        tile.click()
        expect(page).to_have_url(re.compile(r"/posts\?.*state="))
        expect(page.locator(ROWS)).to_have_count(number)
        page.goto("/")


@pytest.mark.statement(7)
def test_a_meter_says_when_a_place_is_free_and_renews_itself_at_zero(person, open_page):
    account_id = person.add_account()
    page = person.sign_in(open_page())
    started_at = datetime.now(UTC) - timedelta(days=1, seconds=-SECONDS_LEFT)
    person.add_unfinished_draft(account_id, "Takes a place", started_at)
    page.reload()
    gauge = page.locator(".gauge", has_text="Drafts in the inbox")
    expect(gauge).to_contain_text("1 of 5")
    expect(gauge.get_by_role("meter")).to_have_attribute("value", "1")
    expect(gauge.get_by_role("timer")).to_have_text(re.compile(r"^\d{1,2} s$"))
    page.evaluate("window.isSamePage = true")
    period = page.locator("[data-refresh]").get_attribute("data-refresh")
    expect(gauge).to_contain_text("0 of 5", timeout=(SECONDS_LEFT + 2) * 1000)
    expect(gauge.get_by_role("timer")).to_have_count(0)
    assert page.evaluate("window.isSamePage")
    assert int(period) == 15  # the page would have waited longer otherwise


@pytest.mark.statement(8)
def test_each_chart_has_a_summary_in_words_and_a_table_with_the_same_sum(person, open_page):
    account_id = person.add_account()
    for state, name, days_ago in (("FAILED", "Failed", 1), *[("PUBLISHED", "Published", 3)] * 2):
        columns = {**TILE_STATES[name], "created_at": NOW - timedelta(days=days_ago)}
        person.add_post(account_id, state, **columns)
    person.add_video(account_id, {35: 10_000, 5: 11_250, 2: 14_000, 0: 14_007})
    page = person.sign_in(open_page())
    sums = {"Posts per day": 3, "Views": 4_007}
    for name, expected in sums.items():
        card = page.get_by_role("region", name=name, exact=True)
        drawing = card.get_by_role("img")
        expect(drawing).to_have_accessible_name(re.compile(rf"{name} {expected:,} ?.+"))
        assert card.locator("[data-sum]").inner_text() == f"{expected:,}"
        card.get_by_text("Show as table").click()
        rows = card.get_by_role("table").get_by_role("cell").all_inner_texts()
        assert sum(int(text) for text in rows if text.isdigit()) == expected


@pytest.mark.statement(32)
def test_insights_show_what_is_known_and_a_dash_with_a_reason_for_the_rest(person, open_page):
    account_id = person.add_account()
    person.stack.query(INSERT_FOLLOWERS, account_id)
    page = person.sign_in(open_page())
    page.goto("/insights")
    tiles = page.locator("dl.tiles .tile")
    expect(tiles.filter(has_text="followers")).to_contain_text("12")
    others = tiles.filter(has_not_text="followers").all_inner_texts()
    assert others
    for text in others:
        assert "\N{EN DASH}" in text
        assert "gave no value yet" in text
        assert not re.search(r"\d", text)


@pytest.mark.statement(8)
def test_the_values_of_a_chart_are_read_with_the_arrow_keys_and_the_pointer(person, open_page):
    account_id = person.add_account()
    person.stack.query(INSERT_WEEK_OF_FOLLOWERS, account_id)
    page = person.sign_in(open_page(reduced_motion="reduce"))
    page.goto("/insights?days=7")
    reader = page.get_by_role("slider", name="followers by day")
    reader.focus()
    label = reader.locator("span")
    expect(label).to_have_text(re.compile(r"\d \w+ \d{4}: 1,007$"))
    page.keyboard.press("ArrowLeft")
    expect(label).to_have_text(re.compile(": 1,006$"))
    expect(reader).to_have_attribute("aria-valuetext", label.inner_text())
    page.keyboard.press("Home")
    expect(label).to_have_text(re.compile(": 1,001$"))
    assert find_axe_violations(page) == []
    save_screenshot(page, "insights-read")
    page.keyboard.press("Escape")
    expect(label).not_to_be_visible()
    reader.hover(position={"x": reader.bounding_box()["width"] - 2, "y": 20})
    expect(label).to_have_text(re.compile(": 1,007$"))
