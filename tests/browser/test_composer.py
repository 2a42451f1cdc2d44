"""The composer in a browser: one post for several accounts, its files, texts, times and drafts."""

import re
from hashlib import sha256

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.composer_form import (
    add_files,
    checks_of,
    choose_accounts,
    choose_later,
    open_direct_settings,
)
from tests.browser.conftest import (
    POST_URL,
    add_cookies,
    connect_account,
    connect_instagram,
    open_composer,
    save_screenshot,
)
from tests.browser.test_accessibility import find_axe_violations

CHUNK_URL_PATTERN = re.compile(r"/api/media/\d+$")
GROUP_URL = re.compile(r"/compose/sent/[0-9a-f-]{36}$")
FIND_COVERED_FIELDS = """() => {
  const fields = '#composer :is(input, button, a, textarea, select, summary)';
  return [...document.querySelectorAll(fields)]
  .filter((field) => field.checkVisibility() && !field.disabled && !field.closest('.quick'))
  .filter((field) => {
    const bar = document.querySelector('.quick').getBoundingClientRect();
    scrollBy(0, field.getBoundingClientRect().top - bar.top - 1); // it begins below the bar
    field.focus();
    const { bottom, height } = field.getBoundingClientRect();
    return document.activeElement === field && height < bar.top && bottom > bar.top;
  })
  .map((field) => field.name || field.textContent);
}"""
SELECT_POSTS = "SELECT provider, kind, group_id, id FROM posts WHERE title = %s ORDER BY provider"


@pytest.mark.statement(14)
def test_one_video_is_published_to_tiktok_and_instagram_and_the_posts_lead_to_each_other(
    composer, stack, video_file, take_screenshot
):
    choose_accounts(composer, "tiktok", "instagram")
    add_files(composer, video_file)
    composer.fill("#text", "For both #harbour")
    take_screenshot("composer")
    composer.get_by_role("button", name="Publish 2 posts").click()
    composer.wait_for_url(GROUP_URL)
    take_screenshot("composer-sent")
    instagram, tiktok = stack.query(SELECT_POSTS, "For both #harbour")
    assert (instagram[:2], tiktok[:2]) == (("instagram", "REELS"), ("tiktok", "INBOX_VIDEO"))
    assert instagram[2] == tiktok[2]
    expect(composer.locator("main").get_by_text("In TikTok inbox")).to_be_visible()
    expect(composer.locator("main").get_by_text("Published", exact=True)).to_be_visible()
    composer.get_by_role("link", name="TikTok: For both #harbour").click()
    for other in (instagram, tiktok):
        together = composer.get_by_role("region", name="Sent together")
        expect(together.get_by_role("link")).to_have_count(1)
        together.get_by_role("link").click()
        composer.wait_for_url(f"**/posts/{other[3]}")


@pytest.mark.statement(18)
def test_direct_settings_have_no_preset_and_the_exact_sentences(composer, take_screenshot):
    open_direct_settings(composer)
    block = composer.locator("[data-own-block]")
    expect(composer.get_by_label("Who can see it")).to_have_value("")
    assert block.locator("[data-choices] [type=checkbox]:checked").count() == 0
    button = composer.locator('[data-part="send"]')
    expect(composer.locator('.consent [lang="en"]').first).to_have_text(
        "By posting, you agree to TikTok's Music Usage Confirmation"
    )
    block.locator('[data-field="disclose"]').check()
    expect(button).to_be_disabled()
    expect(composer.locator("#stop")).to_have_text(
        "You need to indicate if your content promotes yourself, a third party, or both."
    )
    block.locator('[data-field="brand_organic_toggle"]').check()
    expect(block.locator('[data-brand="own"] [lang="en"]')).to_have_text(
        "Your photo/video will be labeled as 'Promotional content'"
    )
    block.locator('[data-field="brand_content_toggle"]').check()
    expect(block.locator('[data-brand="paid"] [lang="en"]')).to_have_text(
        "Your photo/video will be labeled as 'Paid partnership'"
    )
    expect(composer.locator('[data-consent-of="paid"] [lang="en"]').first).to_have_text(
        "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation"
    )
    expect(block.locator("option[value=SELF_ONLY]")).to_be_disabled()
    expect(button).to_be_enabled()
    take_screenshot("composer-direct")
    expect(checks_of(composer).get_by_text("Choose who can see it on TikTok.")).to_be_visible()


@pytest.mark.statement(17)
def test_captions_are_counted_as_each_platform_counts_and_may_differ(composer, stack, video_file):
    choose_accounts(composer, "instagram")
    open_direct_settings(composer)
    composer.get_by_label("Who can see it").select_option("PUBLIC_TO_EVERYONE")
    add_files(composer, video_file)
    composer.fill("#text", "🌊🌊 wave")
    expect(composer.locator('[data-count="tiktok"]')).to_contain_text("9 of 2,200")
    expect(composer.locator('[data-count="instagram"]')).to_contain_text("7 of 2,200")
    composer.get_by_role("tab", name="Instagram").click()
    composer.fill("#text-instagram", "Another wave")
    expect(composer.get_by_role("tab", name=re.compile("Instagram ?, own text"))).to_be_visible()
    expect(composer.locator('[data-count="instagram"]')).to_contain_text("12 of 2,200")
    composer.get_by_role("button", name="Publish 2 posts").click()
    composer.wait_for_url(GROUP_URL)
    assert stack.query(SELECT_POSTS, "Another wave")[0][0] == "instagram"
    published = composer.locator("main .badge", has_text="Published")
    expect(published).to_have_count(2)
    titles = [post["post_info"].get("title") for post in stack.sandbox.control("posts")["posts"]]
    captions = [each["caption"] for each in stack.sandbox.control("instagram/media")["media"]]
    assert ("🌊🌊 wave" in titles, "🌊🌊 wave" in captions) == (True, False)
    assert ("Another wave" in captions, "Another wave" in titles) == (True, False)


def test_a_recent_file_is_used_again_without_sending_it(composer, stack, video_file):
    add_files(composer, video_file)
    open_composer(composer)
    chunks = []
    composer.on("request", lambda request: request.method == "PATCH" and chunks.append(request))
    choose_accounts(composer, "tiktok")
    composer.get_by_text("Recent files").click()
    recent = composer.locator('[data-part="recent"]')
    media_id = recent.get_by_role("checkbox").first.get_attribute("value")
    recent.get_by_role("checkbox").first.check(force=True)
    expect(composer.locator('[data-file-part="name"]')).to_have_text("holiday.mp4")
    composer.fill("#text", "Used again")
    composer.get_by_role("button", name="Publish", exact=True).click()
    composer.wait_for_url(POST_URL)
    stored = stack.query_value("SELECT media_id FROM posts WHERE title = 'Used again'")
    assert (stored, chunks) == (int(media_id), [])


def file_names(composer):
    return composer.locator('[data-file-part="name"]').all_text_contents()


@pytest.mark.statement(19)
def test_files_are_put_in_order_by_buttons_keys_and_pointer_and_sent_in_it(
    composer, stack, image_files
):
    choose_accounts(composer, "instagram")
    add_files(composer, *image_files)
    for path in (image_files[0], image_files[2]):
        card = composer.locator("[data-file]", has_text=path.name)
        card.get_by_text("Description and details").click()
        card.get_by_label("Description for people who cannot see the picture").fill(path.stem)
        card.get_by_text("Description and details").click()
    composer.get_by_role("button", name="Move 2.jpg up").click()
    assert file_names(composer) == ["2.jpg", "1.jpg", "3.jpg", "4.jpg"]
    expect(composer.locator("#announcer")).to_have_text("Picture 1 of 4")
    composer.get_by_role("button", name="Remove 4.jpg").focus()
    composer.keyboard.press("Alt+ArrowUp")
    assert file_names(composer) == ["2.jpg", "1.jpg", "4.jpg", "3.jpg"]
    drag_file(composer, 3, 0)
    assert file_names(composer) == ["3.jpg", "2.jpg", "1.jpg", "4.jpg"]
    composer.fill("#text", "In order")
    composer.get_by_role("button", name="Publish", exact=True).click()
    composer.wait_for_url(POST_URL)
    query = """SELECT media.filename, part.alt_text FROM post_parts part
      JOIN media ON media.id = part.media_id JOIN posts ON posts.id = part.post_id
      WHERE posts.title = 'In order' ORDER BY part.position"""
    expected = [("3.jpg", "3"), ("2.jpg", None), ("1.jpg", "1"), ("4.jpg", None)]
    assert [tuple(row) for row in stack.query(query)] == expected
    expect(composer.locator(".say")).to_have_text("It is on Instagram.")
    sent = [sha256(image_files[int(name[0]) - 1].read_bytes()).hexdigest() for name, _ in expected]
    assert list_sent_items(stack, "In order") == sent


def list_sent_items(stack, caption):
    """The checksums of the items of a carousel, as Instagram has them."""
    containers = stack.sandbox.control("instagram/containers")["containers"]
    checksums = {each["id"]: each["sha256"] for each in containers}
    carousel = next(each for each in containers if each["caption"] == caption)
    return [checksums[item] for item in carousel["children"]]


def drag_file(composer, index, to_index):
    handles = composer.locator("[data-file] .thumb")
    start, end = handles.nth(index).bounding_box(), handles.nth(to_index).bounding_box()
    composer.mouse.move(start["x"] + 10, start["y"] + 10)
    composer.mouse.down()
    composer.mouse.move(end["x"] + 10, end["y"] + 2, steps=4)
    composer.mouse.up()


@pytest.fixture
def image_files(tmp_path):
    """Four pictures, named by their numbers."""
    paths = [tmp_path / f"{number}.jpg" for number in range(1, 5)]
    for number, path in enumerate(paths):
        Image.new("RGB", (640, 640), (60 * number, 90, 160)).save(path, "JPEG")
    return paths


@pytest.mark.statement(16)
def test_a_file_that_breaks_a_limit_is_named_before_a_platform_learns_of_it(
    composer, stack, tmp_path
):
    banner = tmp_path / "banner.jpg"
    Image.new("RGB", (1200, 200), (20, 90, 160)).save(banner, "JPEG")
    before = stack.query_value("SELECT count(*) FROM posts")
    choose_accounts(composer, "instagram")
    stack.sandbox.control("log", method="DELETE")
    add_files(composer, banner)
    check = checks_of(composer).get_by_role("listitem").filter(has_text="too narrow or too wide")
    expect(check).to_contain_text("Instagram, ada.bakes")
    expect(check).to_contain_text("Use a ratio between 4:5 and 1.91:1.")
    composer.get_by_role("button", name="Publish", exact=True).click()
    expect(composer.get_by_role("alert")).to_contain_text("too narrow or too wide")
    assert composer.title().startswith("Error:")
    assert stack.query_value("SELECT count(*) FROM posts") == before
    endpoints = {call["endpoint"] for call in stack.sandbox.control("log")["log"]}
    assert {name for name in endpoints if "init" in name or "container" in name} == set()
    composer.errors.clear()  # the browser reports the expected 422


@pytest.mark.statement(15)
def test_a_paused_upload_goes_on_after_a_reload_at_the_same_offset(
    composer, large_video_file, stack
):
    chunks, held = [], []

    def hold_second(route):
        if route.request.method != "PATCH":
            return route.continue_()
        chunks.append(route)
        return held.append(route) if len(chunks) == 2 else route.continue_()

    composer.route(CHUNK_URL_PATTERN, hold_second)
    open_direct_settings(composer)
    composer.get_by_label("Who can see it").select_option("PUBLIC_TO_EVERYONE")
    composer.fill("#text", "After the reload")
    composer.set_input_files("#file-input", large_video_file)
    while not held:
        composer.wait_for_timeout(50)
    composer.get_by_role("button", name="Pause the upload of heavy.mp4").click()
    expect(composer.get_by_text("Paused at")).to_be_visible()
    expect(composer.locator('[data-part="draft-state"]')).to_contain_text("Draft saved at")
    composer.on("dialog", lambda dialog: dialog.accept())  # whether to leave the page
    composer.reload()
    composer.unroute(CHUNK_URL_PATTERN)
    expect(composer.get_by_text("heavy.mp4: 8.4 MB of 21 MB uploaded")).to_be_visible()
    expect(composer.locator("#text")).to_have_value("After the reload")
    offsets = []
    composer.on(
        "request",
        lambda request: (
            offsets.append(request.headers.get("upload-offset"))
            if request.method == "PATCH"
            else None
        ),
    )
    add_files(composer, large_video_file)
    assert offsets[0] == str(8 * 1024 * 1024)
    composer.get_by_role("button", name="Publish", exact=True).click()
    composer.wait_for_url(POST_URL)
    query = "SELECT bytes_total FROM posts WHERE title = 'After the reload'"
    assert stack.query_value(query) == 20 * 1024 * 1024
    expect(composer.locator(".say")).to_have_text("It is on TikTok.")
    composer.errors.clear()  # the browser reports the chunk that was aborted


def test_without_a_script_addresses_are_sent_by_the_form(open_page, cookies, stack):
    page = add_cookies(open_page(java_script_enabled=False), cookies)
    page.goto("/compose")
    expect(page.get_by_text("Without JavaScript, files can only be given")).to_be_visible()
    page.locator('[name="account"][value^="tiktok-"]').check(force=True)
    page.get_by_text("Give an address instead").click()
    page.fill("#addresses", "https://videos.example.com/a.mp4")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Write a caption.")
    page.fill("#text", "By an address")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.wait_for_url(POST_URL)
    assert stack.query(SELECT_POSTS, "By an address")[0][1] == "INBOX_VIDEO"
    page.errors.clear()  # the browser reports the expected 422


@pytest.mark.parametrize(
    ("locale", "width", "scheme"),
    [("en-GB", 1280, "light"), ("fr-FR", 360, "dark"), ("fr-FR", 1280, "dark")],
)
def test_the_filled_form_is_accessible_and_fits_its_window(
    open_page, cookies, stack, video_file, locale, width, scheme
):
    viewport = {"width": width, "height": 900}
    page = add_cookies(
        open_page(locale=locale, viewport=viewport, color_scheme=scheme, reduced_motion="reduce"),
        cookies,
    )
    connect_instagram(connect_account(page, stack), stack)
    open_composer(page)
    open_direct_settings(page, privacy="Who can see it" if locale == "en-GB" else "Qui peut")
    choose_accounts(page, "instagram")
    page.set_input_files("#file-input", video_file)
    page.locator('[data-own-block] [data-field="disclose"]').check()
    choose_later(page)
    expect(checks_of(page).locator("li")).not_to_have_count(0)
    save_screenshot(page, f"composer-{locale[:2]}-{width}")
    assert find_axe_violations(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_one_platform_alone_is_offered_at_its_address(composer):
    open_composer(composer, "/compose?platform=tiktok")
    expect(composer.get_by_role("heading", level=1)).to_have_text("Post to TikTok")
    expect(composer.locator('[name="account"]')).to_have_count(1)
    expect(composer.locator('[name="account"]')).to_be_checked()
    expect(composer.locator("#composer")).not_to_contain_text("Instagram")


def test_no_field_that_takes_focus_on_a_phone_is_below_the_bottom_bar(open_page, cookies, stack):
    page = add_cookies(open_page(viewport={"width": 360, "height": 740}), cookies)
    open_composer(connect_account(page, stack))
    open_direct_settings(page)
    assert page.evaluate(FIND_COVERED_FIELDS) == []
