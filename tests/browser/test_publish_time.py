"""The time of a post in the user's zone; forms whose script lacks something or fails."""

import re

from playwright.sync_api import expect

from tests.browser.composer_form import choose_later
from tests.browser.conftest import add_cookies, choose_file, connect_account, send_post

NO_RANDOM_UUID_SCRIPT = "delete Crypto.prototype.randomUUID"
COMPOSER_SCRIPT_PATTERN = re.compile(r"/composer/main\.js")


def choose_time(form, day, clock):
    choose_later(form)
    form.fill("#day", day)
    form.fill("#clock", clock)


def test_the_form_says_in_which_time_zone_a_time_is_meant(upload_form, set_zone):
    set_zone("Europe/Paris")
    upload_form.reload()
    checks = upload_form.locator('[data-part="checks"]')
    choose_time(upload_form, "2028-01-15", "12:00")
    expect(checks).to_contain_text("(Europe/Paris, UTC+1)")
    choose_time(upload_form, "2028-07-15", "12:00")
    expect(checks).to_contain_text("(Europe/Paris, UTC+2)")
    expect(checks).to_contain_text("10:00 UTC")
    expect(checks).not_to_contain_text("This time comes twice")


def test_zones_with_parts_of_hours_are_named_too(upload_form, set_zone):
    set_zone("Pacific/Chatham")
    upload_form.reload()
    choose_time(upload_form, "2027-01-15", "12:00")
    expect(upload_form.locator('[data-part="checks"]')).to_contain_text("UTC+13:45")


def test_the_form_works_where_the_browser_makes_no_random_ids(
    open_page, cookies, stack, video_file
):
    page = add_cookies(open_page(), cookies)
    page.add_init_script(NO_RANDOM_UUID_SCRIPT)
    connect_account(page, stack).goto("/platforms/tiktok/upload")
    assert page.evaluate("typeof crypto.randomUUID") == "undefined"
    choose_file(page, video_file, "Over plain http")
    send_post(page)


def test_a_form_whose_script_did_not_start_says_what_it_lacks(open_page, cookies, stack):
    page = add_cookies(open_page(), cookies)
    page.route(COMPOSER_SCRIPT_PATTERN, lambda route: route.abort())
    connect_account(page, stack).goto("/platforms/tiktok/upload")
    expect(page.get_by_text("Without JavaScript, files can only be given")).to_be_visible()
    expect(page.locator("#file-input")).to_be_hidden()
    page.errors.clear()  # the browser reports the script that was not loaded


def test_a_form_whose_script_has_started_says_nothing_of_it(upload_form):
    expect(upload_form.locator("#file-input")).to_be_visible()
    expect(upload_form.get_by_text("Without JavaScript, files can only be given")).to_be_hidden()
