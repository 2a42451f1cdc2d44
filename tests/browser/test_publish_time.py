"""The time of a post on days when clocks change; forms whose script lacks something or fails."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import add_cookies, connect_account

NO_RANDOM_UUID_SCRIPT = "delete Crypto.prototype.randomUUID"
UPLOAD_SCRIPT_PATTERN = re.compile(r"/platforms/tiktok/upload\.js")


@pytest.fixture
def paris_form(open_page, cookies, stack):
    """The upload form of a reader in Paris, where clocks change twice a year."""
    page = add_cookies(open_page(timezone_id="Europe/Paris"), cookies)
    connect_account(page, stack).goto("/platforms/tiktok/upload")
    return page


def fill_form(form, video_file, title, time):
    form.set_input_files("#video", video_file)
    form.fill("#title", title)
    form.fill("#publish_at", time)


def test_the_form_says_in_which_time_zone_a_time_is_meant(paris_form):
    paris_form.fill("#publish_at", "2028-01-15T12:00")
    expect(paris_form.get_by_text("In your time zone: Europe/Paris, UTC+1")).to_be_visible()
    paris_form.fill("#publish_at", "2028-07-15T12:00")
    expect(paris_form.get_by_text("In your time zone: Europe/Paris, UTC+2")).to_be_visible()


def test_a_time_that_does_not_exist_is_refused(paris_form, video_file):
    fill_form(paris_form, video_file, "In the gap", "2028-03-26T02:30")
    paris_form.get_by_role("button", name="Upload", exact=True).click()
    expect(paris_form.get_by_role("alert")).to_contain_text("does not exist on that day")
    expect(paris_form.locator("#publish_at")).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize(
    ("turn", "publish_at"),
    [("The first", "2028-10-29T00:30:00.000Z"), ("The second", "2028-10-29T01:30:00.000Z")],
)
def test_of_a_time_that_exists_twice_the_reader_chooses_one(
    paris_form, video_file, turn, publish_at
):
    fill_form(paris_form, video_file, f"Twice, {turn}", "2028-10-29T02:30")
    expect(paris_form.get_by_text("This time occurs twice on that day")).to_be_visible()
    paris_form.get_by_label(turn).check()
    with paris_form.expect_request("**/api/tiktok/upload") as request:
        paris_form.get_by_role("button", name="Upload", exact=True).click()
    assert request.value.post_data_json["publish_at"] == publish_at
    expect(paris_form.get_by_role("alert")).to_be_visible()  # so far ahead nothing is accepted
    paris_form.errors.clear()


@pytest.mark.parametrize(
    ("zone", "offset", "gap", "twice", "offsets"),
    [
        ("Australia/Lord_Howe", "UTC+11", "2027-10-03T02:15", "2027-04-04T01:45", "+11 +10:30"),
        ("Pacific/Chatham", "UTC+13:45", "2027-09-26T03:00", "2027-04-04T03:00", "+13:45 +12:45"),
    ],
)
def test_a_time_is_understood_in_zones_with_parts_of_hours(
    open_page, cookies, stack, zone, offset, gap, twice, offsets
):
    page = add_cookies(open_page(timezone_id=zone), cookies)
    connect_account(page, stack).goto("/platforms/tiktok/upload")
    page.fill("#publish_at", "2027-01-15T12:00")
    expect(page.get_by_text(f"In your time zone: {zone}, {offset}")).to_be_visible()
    find_instants = (
        "async time => (await import('/static/upload/publish_time.js')).findInstants(time).length"
    )
    assert page.evaluate(find_instants, gap) == 0
    page.fill("#publish_at", twice)
    for turn, each in enumerate(offsets.split()):
        expect(page.locator(f'[data-part="time-turn-{turn}"]')).to_have_text(f"UTC{each}")


def test_an_ordinary_time_asks_nothing(paris_form):
    paris_form.fill("#publish_at", "2028-10-30T02:30")
    expect(paris_form.get_by_text("In your time zone")).to_be_visible()
    expect(paris_form.get_by_text("This time occurs twice")).to_be_hidden()


def test_the_form_works_where_the_browser_makes_no_random_ids(
    open_page, cookies, stack, video_file
):
    page = add_cookies(open_page(), cookies)
    page.add_init_script(NO_RANDOM_UUID_SCRIPT)
    connect_account(page, stack).goto("/platforms/tiktok/upload")
    assert page.evaluate("typeof crypto.randomUUID") == "undefined"
    page.set_input_files("#video", video_file)
    page.fill("#title", "Over plain http")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator(".message.good")).to_be_visible()


def test_a_form_whose_script_did_not_start_says_so_and_sends_nothing(open_page, cookies, stack):
    page = add_cookies(open_page(), cookies)
    page.route(UPLOAD_SCRIPT_PATTERN, lambda route: route.abort())
    connect_account(page, stack).goto("/platforms/tiktok/upload")
    expect(page.get_by_text("its script could not start")).to_be_visible()
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_disabled()
    page.errors.clear()  # the browser reports the script that was not loaded


def test_a_form_whose_script_has_started_says_nothing_of_it(upload_form):
    expect(upload_form.get_by_role("button", name="Upload", exact=True)).to_be_enabled()
    expect(upload_form.get_by_text("its script could not start")).to_have_count(0)


def test_the_general_form_starts_too(publish_form):
    expect(publish_form.get_by_role("button", name="Post", exact=True)).to_be_enabled()
    expect(publish_form.get_by_text("its script could not start")).to_have_count(0)
    expect(publish_form.get_by_text("In your time zone")).to_be_visible()
