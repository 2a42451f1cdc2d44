"""The publishing form that is made from what a platform declares, with Instagram's kinds."""

import re

import pytest
from PIL import Image
from playwright.sync_api import expect

POST_URL = re.compile(r"/posts/\d+$")


@pytest.fixture
def banner_file(tmp_path):
    """A picture that is too wide for the feed."""
    path = tmp_path / "banner.jpg"
    Image.new("RGB", (1200, 200), (20, 90, 160)).save(path, "JPEG")
    return path


def choose_kind(form, label):
    form.get_by_role("radio", name=label, exact=True).check()


def choose_files(form, *files):
    """Fill the items of the form, adding those that are missing."""
    items = form.locator("[data-item]")
    for index, file in enumerate(files):
        if items.count() == index:
            form.get_by_role("button", name="Add an item").click()
        items.nth(index).locator("input[type=file]").set_input_files(file)


def send_post(form):
    form.get_by_role("button", name="Post", exact=True).click()
    expect(form.get_by_role("status").get_by_text("The post is on its way.")).to_be_visible()


def item_titles(form):
    return form.locator("[data-item] legend").all_text_contents()


def chosen_file_names(form):
    script = "inputs => inputs.map((input) => input.files[0]?.name ?? '')"
    return form.locator("[data-item-part=file] input").evaluate_all(script)


def test_an_image_is_published_and_followed_on_the_page(publish_form, image_file, take_screenshot):
    choose_files(publish_form, image_file)
    expect(publish_form.locator("[data-item] img")).to_be_visible()
    publish_form.get_by_label("Description for people who cannot see the image").first.fill("Red")
    publish_form.fill("#caption", "Fresh bread #bread #morning @grace.grows")
    expect(publish_form.locator("#counts")).to_contain_text("40 of 2200 characters")
    expect(publish_form.locator("#counts")).to_contain_text("2 of 30 hashtags")
    expect(publish_form.locator("#counts")).to_contain_text("1 of 20 mentions")
    take_screenshot("publish-image")
    send_post(publish_form)
    post = publish_form.locator('[data-part="follow"]')
    expect(post.get_by_text("It is on Instagram.")).to_be_visible()
    expect(post.locator('a[href*="instagram.com/p/"]')).to_be_visible()
    expect(post.locator("ol.steps .done").last).to_contain_text("Published")
    take_screenshot("publish-done")


def test_a_carousel_is_put_in_order_by_keyboard(
    publish_form, image_file, video_file, take_screenshot
):
    choose_kind(publish_form, "Carousel")
    expect(publish_form.locator("[data-item]")).to_have_count(2)
    choose_files(publish_form, image_file, video_file, image_file)
    assert chosen_file_names(publish_form) == ["red.jpg", "holiday.mp4", "red.jpg"]
    publish_form.get_by_role("button", name="Move item 2 up").focus()
    publish_form.keyboard.press("Enter")
    assert chosen_file_names(publish_form) == ["holiday.mp4", "red.jpg", "red.jpg"]
    assert item_titles(publish_form) == ["Item 1", "Item 2", "Item 3"]
    expect(publish_form.locator('[data-part="announcement"]')).to_have_text(
        "The item is now number 1."
    )
    focused = publish_form.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "Move item 1 down"  # there is no further up
    publish_form.get_by_role("button", name="Remove item 3").press("Enter")
    expect(publish_form.get_by_role("button", name="Remove item 2")).to_be_disabled()
    take_screenshot("publish-carousel")
    publish_form.fill("#caption", "A carousel")
    send_post(publish_form)
    post = publish_form.locator('[data-part="follow"]')
    expect(post.get_by_text("It is on Instagram.")).to_be_visible()
    publish_form.get_by_role("link", name="Follow the post").click()
    publish_form.wait_for_url(POST_URL)
    expect(publish_form.locator("ol.items > li")).to_contain_text([", ready"] * 2)
    expect(publish_form.locator("ol.items .thumb img").first).to_be_visible()
    expect(publish_form.get_by_text("Carousel").first).to_be_visible()
    take_screenshot("post-carousel")


def test_a_reel_has_its_own_fields_and_a_story_no_text(publish_form, video_file, take_screenshot):
    choose_kind(publish_form, "Reel")
    expect(publish_form.get_by_label("Also show in the feed")).to_be_checked()
    expect(publish_form.get_by_label("Trial reel")).to_be_visible()
    take_screenshot("publish-reel")
    choose_kind(publish_form, "Story")
    expect(publish_form.locator("#caption")).to_be_hidden()
    expect(publish_form.get_by_label("Also show in the feed")).to_be_hidden()
    choose_files(publish_form, video_file)
    send_post(publish_form)
    expect(publish_form.get_by_text("It is on Instagram.").first).to_be_visible()


def test_too_many_hashtags_are_refused_before_anything_is_sent(publish_form, image_file):
    choose_files(publish_form, image_file)
    publish_form.fill("#caption", " ".join(f"#tag{number}" for number in range(31)))
    expect(publish_form.locator('[data-part="hashtags"]')).to_have_class(re.compile("over"))
    publish_form.get_by_role("button", name="Post", exact=True).click()
    expect(publish_form.get_by_role("alert")).to_contain_text("at most 30 hashtags")


def test_a_missing_file_is_named_by_its_item(publish_form, image_file):
    choose_kind(publish_form, "Carousel")
    choose_files(publish_form, image_file)
    publish_form.get_by_role("button", name="Post", exact=True).click()
    expect(publish_form.get_by_role("alert")).to_contain_text("Item 2: please choose a file.")


def test_a_picture_that_instagram_would_refuse_is_explained(publish_form, banner_file):
    choose_files(publish_form, banner_file)
    publish_form.get_by_role("button", name="Post", exact=True).click()
    expect(publish_form.get_by_role("alert")).to_contain_text("too narrow or too wide")
    publish_form.errors.clear()  # the browser reports the expected 400


def test_the_limits_of_the_account_are_displayed(publish_form):
    meter = publish_form.get_by_role("meter", name="Posts in 24 hours")
    expect(meter).to_be_visible()
