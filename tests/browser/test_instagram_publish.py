"""The form of Instagram alone in a browser: kinds, items in order, texts, and refused files."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import send_post


@pytest.fixture
def banner_file(tmp_path):
    """A picture that is too wide for the feed."""
    path = tmp_path / "banner.jpg"
    Image.new("RGB", (1200, 200), (20, 90, 160)).save(path, "JPEG")
    return path


def choose_kind(form, label):
    form.get_by_role("radio", name=label, exact=True).check(force=True)


def choose_files(form, *files):
    form.set_input_files("#file-input", files)
    expect(form.locator("[data-file]").get_by_text("Uploaded", exact=True)).to_have_count(
        len(files)
    )


def checks_of(form):
    return form.locator('[data-part="checks"]')


def chosen_file_names(form):
    return form.locator('[data-file-part="name"]').all_text_contents()


def test_an_image_is_published_and_followed(publish_form, stack, image_file, take_screenshot):
    choose_files(publish_form, image_file)
    expect(publish_form.locator('[data-part="picture"]')).to_be_visible()
    publish_form.get_by_text("Description and details").click()
    publish_form.get_by_label("Description for people who cannot see the picture").fill("Red")
    publish_form.fill("#text", "Fresh bread #bread #morning @grace.grows")
    counts = publish_form.locator("#counts")
    expect(counts).to_contain_text("40 of 2,200")
    expect(counts).to_contain_text("2 of 30 hashtags")
    expect(counts).to_contain_text("1 of 20 mentions")
    take_screenshot("publish-image")
    send_post(publish_form)
    expect(publish_form.locator('a[href*="instagram.com/p/"]').first).to_be_visible()
    assert stack.query_value("SELECT alt_text FROM post_parts WHERE alt_text = 'Red'") == "Red"


def test_a_carousel_is_put_in_order_by_keyboard(publish_form, stack, image_file, video_file):
    choose_files(publish_form, image_file, video_file, image_file)
    assert chosen_file_names(publish_form) == ["red.jpg", "holiday.mp4", "red.jpg"]
    publish_form.get_by_role("button", name="Move holiday.mp4 up").focus()
    publish_form.keyboard.press("Enter")
    assert chosen_file_names(publish_form) == ["holiday.mp4", "red.jpg", "red.jpg"]
    expect(publish_form.locator("#announcer")).to_have_text("File 1 of 3")
    focused = publish_form.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "Move holiday.mp4 down, file 1"  # there is no further up
    publish_form.get_by_role("button", name="Remove red.jpg").last.press("Enter")
    publish_form.fill("#text", "A carousel")
    expect(checks_of(publish_form)).to_contain_text("Everything fits.")
    send_post(publish_form)
    expect(publish_form.locator('a[href*="instagram.com/p/"]').first).to_be_visible()
    assert stack.query_value("SELECT kind FROM posts WHERE title = 'A carousel'") == "CAROUSEL"


def test_a_reel_has_its_own_fields_and_a_story_no_text(publish_form, stack, video_file):
    choose_files(publish_form, video_file)
    choose_kind(publish_form, "Reel")
    expect(publish_form.get_by_label("Also show in the feed")).to_be_checked()
    expect(publish_form.get_by_label("Trial reel")).to_be_visible()
    choose_kind(publish_form, "Story")
    expect(publish_form.get_by_label("Also show in the feed")).to_be_hidden()
    publish_form.fill("#text", "Not in a story")
    expect(checks_of(publish_form)).to_contain_text("Posts of this kind have no caption.")
    publish_form.fill("#text", "")
    send_post(publish_form)
    assert stack.query_value("SELECT kind FROM posts ORDER BY id DESC LIMIT 1") == "STORIES"


def test_too_many_hashtags_are_refused_before_anything_is_sent(publish_form, image_file):
    choose_files(publish_form, image_file)
    publish_form.fill("#text", " ".join(f"#tag{number}" for number in range(31)))
    expect(publish_form.locator('[data-count="instagram"]')).to_have_class(re.compile("over"))
    expect(checks_of(publish_form)).to_contain_text("at most 30 hashtags")


def test_a_missing_file_is_named(publish_form):
    choose_kind(publish_form, "Carousel")
    publish_form.get_by_role("button", name="Publish", exact=True).click()
    expect(publish_form.get_by_role("alert")).to_contain_text("Add files: posts of this kind have")
    publish_form.errors.clear()  # the browser reports the expected 422


def test_a_picture_that_instagram_would_refuse_is_explained(publish_form, banner_file):
    choose_files(publish_form, banner_file)
    expect(checks_of(publish_form)).to_contain_text("too narrow or too wide")


def test_the_limits_of_the_account_are_displayed(publish_form, image_file):
    choose_files(publish_form, image_file)
    meter = publish_form.get_by_role("meter", name=re.compile("Posts in 24 hours"))
    expect(meter).to_be_visible()
