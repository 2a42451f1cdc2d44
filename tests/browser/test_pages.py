"""What a person sees and clicks, from the sign-in to a post that is really there."""

import re

import pytest
from playwright.sync_api import expect

from local.film import shoot


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return shoot(tmp_path_factory.mktemp("film") / "holiday.mp4")


@pytest.fixture
def connected(signed_in):
    """Somebody with a TikTok account, connected as a person does it."""
    signed_in.goto("/platforms/connect/tiktok")
    if signed_in.get_by_text("Connected", exact=True).count() == 0:
        signed_in.get_by_role("link", name="Connect with TikTok").click()
        signed_in.get_by_role("button", name="Allow").click()
        expect(signed_in.get_by_role("status")).to_contain_text("is connected")
    return signed_in


def test_a_stranger_is_sent_to_the_login_and_back_to_where_they_wanted_to_be(page, house):
    page.goto("/platforms/tiktok/upload")
    expect(page).to_have_url(re.compile(r"/login\?next=/platforms/tiktok/upload$"))
    page.fill("#email", house.told["user"])
    page.fill("#password", "wrong")
    page.click("main button")
    expect(page.get_by_role("alert")).to_contain_text("E-mail or password is wrong")
    page.faults.clear()  # the browser reports the 401 we asked for
    page.fill("#password", house.told["password"])
    page.click("main button")
    expect(page).to_have_url(re.compile(r"/platforms/tiktok/upload$"))


def test_whoever_denies_is_told_so_in_plain_words(signed_in, photograph):
    signed_in.goto("/platforms/connect/tiktok")
    signed_in.locator("main a.button").click()
    signed_in.get_by_role("button", name="Deny").click()
    expect(signed_in.get_by_role("alert")).to_contain_text("You did not give the permission.")
    photograph("denied")


def test_no_text_of_the_address_reaches_the_page(signed_in):
    signed_in.goto("/platforms/connect/tiktok?error=<b>pay here</b>&ref=<i>now</i>&success=true")
    expect(signed_in.get_by_role("alert")).to_contain_text("Something unexpected happened")
    assert "pay here" not in signed_in.content()


def test_a_film_travels_from_the_form_to_tiktok_while_the_page_tells_how_far_it_is(
    connected, film, photograph
):
    page = connected
    page.goto("/platforms/tiktok/upload")
    photograph("upload")
    page.set_input_files("#video", film)
    expect(page.locator('[data-part="chosen"]')).to_contain_text("holiday.mp4")
    page.fill("#title", "Holiday 🌊")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/posts/\d+$"))
    expect(page.get_by_text("It is in your TikTok inbox.")).to_be_visible(timeout=30_000)
    expect(page.locator("ol.timeline li").last).to_contain_text("TikTok")
    photograph("post")
    page.goto("/")
    expect(page.get_by_role("link", name="Holiday 🌊").first).to_be_visible()
    photograph("home")


def test_the_form_says_what_is_missing_and_sends_nothing(connected):
    page = connected
    page.goto("/platforms/tiktok/upload")
    page.fill("#title", "No film")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("Please choose a video file.")
    expect(page).to_have_url(re.compile(r"/upload$"))


def test_a_refused_film_is_explained_with_what_to_do(connected, house, film):
    house.sandbox.control("settings", fail_reason="duration_check_failed")
    page = connected
    page.goto("/platforms/tiktok/upload")
    page.set_input_files("#video", film)
    page.fill("#title", "Too long")
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/posts/\d+$"))
    expect(page.get_by_text("It was not posted.")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("longer or shorter than TikTok allows")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    house.calm()


def test_a_scheduled_post_can_be_taken_back(connected, film, photograph):
    page = connected
    page.goto("/platforms/tiktok/upload")
    page.set_input_files("#video", film)
    page.fill("#title", "Tomorrow")
    page.fill(
        "#publish_at",
        page.evaluate("() => new Date(Date.now() + 864e5).toISOString().slice(0, 16)"),
    )
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/posts/\d+$"))
    photograph("scheduled")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("It was cancelled and not posted.")).to_be_visible()


def test_every_page_works_by_keyboard_and_names_its_fields(connected):
    for path in ("/", "/platforms/connect/tiktok", "/platforms/tiktok/upload", "/posts"):
        connected.goto(path)
        connected.keyboard.press("Tab")
        assert connected.evaluate("document.activeElement.className") == "skip"
        unnamed = connected.evaluate(
            "[...document.querySelectorAll('main :is(input:not([type=hidden]), select, textarea)')]"
            ".filter(field => !field.labels.length).map(field => field.name)"
        )
        assert unnamed == []


def test_disconnecting_asks_what_is_to_become_of_what_waits(connected, photograph):
    connected.goto("/platforms/connect/tiktok")
    connected.get_by_text("Disconnect", exact=True).first.click()
    photograph("disconnect")
    connected.get_by_role("button", name=re.compile("^Disconnect ")).click()
    expect(connected.get_by_role("status")).to_contain_text("tokens are erased")
    expect(connected.get_by_role("link", name="Connect with TikTok")).to_be_visible()
