"""The form of TikTok alone in a browser: checks, direct posts, progress, broken connections."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import POST_URL, choose_file, send_post

CHUNK_URL_PATTERN = re.compile(r"/api/media/\d+$")
PRIVATE_BRANDED_TEXT = "Branded content visibility cannot be set to private."
NO_DISCLOSURE_TEXT = (
    "You need to indicate if your content promotes yourself, a third party, or both."
)
DROP_FILE_SCRIPT = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(["x".repeat(2048)], "dropped.mp4", {type: "video/mp4"}));
  const options = {dataTransfer, bubbles: true, cancelable: true};
  for (const name of ["dragenter", "dragover", "drop"])
    document.querySelector('[data-part="drop"]').dispatchEvent(new DragEvent(name, options));
}"""
SELECT_OPEN_ID = (
    "SELECT open_id FROM oauth_accounts WHERE status = 'ACTIVE' AND provider = 'tiktok' LIMIT 1"
)


def option(form, name):
    return form.locator(f'[data-field="{name}"]')


def choose_direct_mode(form):
    form.locator('[data-field="mode"][value="DIRECT"]').check(force=True)
    expect(option(form, "privacy_level")).to_be_visible()


def checks_of(form):
    return form.locator('[data-part="checks"]')


def status_of_file(form):
    return form.locator('[data-file-part="status"]')


def count_posts(stack):
    return stack.query_value("SELECT count(*) FROM posts")


def load_request(stack, title):
    return stack.query("SELECT kind, payload_json FROM posts WHERE title = %s", title)[0]


def test_the_remaining_quota_is_displayed_before_anything_is_sent(
    upload_form, stack, take_screenshot
):
    stack.query("UPDATE posts SET has_slot = false WHERE has_slot")  # of earlier tests
    upload_form.reload()
    meter = upload_form.get_by_role("meter", name=re.compile("Drafts in the inbox"))
    expect(meter).to_have_attribute("value", "0")
    expect(checks_of(upload_form)).to_contain_text("0 of 5")
    take_screenshot("upload")


def test_a_full_quota_counts_down_to_the_next_free_slot(upload_form, insert_post, take_screenshot):
    for _ in range(5):
        insert_post("In the way", state="PROCESSING", step="PROCESSING", slot=True)
    upload_form.reload()
    countdown = checks_of(upload_form).locator("[data-until]").first
    expect(countdown).to_have_text(re.compile(r"23 h 5\d min|24 h 0 min"))
    take_screenshot("upload-full")


def test_a_file_is_sent_with_its_progress_and_the_form_is_empty_again(
    upload_form, stack, video_file
):
    choose_file(upload_form, video_file, "Cleared afterwards")
    expect(upload_form.locator('[data-file-part="name"]')).to_have_text("holiday.mp4")
    expect(upload_form.locator('[data-part="player"]')).to_be_visible()
    send_post(upload_form)
    upload_form.goto("/platforms/tiktok/upload")
    expect(upload_form.locator("#text")).to_have_value("")
    expect(upload_form.locator("[data-file]")).to_have_count(0)


@pytest.mark.parametrize(
    ("file", "error_text"),
    [
        (
            {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"},
            "That file is neither a picture nor a video.",
        ),
        ({"name": "a.mp4", "mimeType": "video/mp4", "buffer": b""}, "That file is empty."),
    ],
    ids=["text", "empty"],
)
def test_an_invalid_file_is_refused_and_nothing_is_sent(upload_form, stack, file, error_text):
    before = count_posts(stack)
    choose_file(upload_form, file, "No video")
    expect(status_of_file(upload_form)).to_have_text(error_text)
    expect(upload_form.locator('[data-part="send"]')).to_be_disabled()
    assert count_posts(stack) == before


def test_without_a_file_nothing_is_sent(upload_form, stack):
    before = count_posts(stack)
    upload_form.fill("#text", "No video")
    upload_form.get_by_role("button", name="Publish", exact=True).click()
    expect(upload_form.get_by_role("alert")).to_contain_text("Add files")
    assert count_posts(stack) == before
    upload_form.errors.clear()  # the browser reports the expected 422


def test_four_gigabytes_and_one_byte_are_refused_before_a_byte_is_sent(upload_form, tmp_path):
    giant = tmp_path / "giant.mp4"
    with giant.open("wb") as file:
        file.truncate(4_000_000_001)  # sparse: nothing is written
    upload_form.set_input_files("#file-input", giant)
    expect(status_of_file(upload_form)).to_contain_text("larger than any platform accepts")
    upload_form.errors.clear()  # the browser reports the expected 413


def test_a_title_that_is_blank_or_too_long_is_refused(upload_form, video_file):
    choose_file(upload_form, video_file, "  ")
    expect(checks_of(upload_form)).to_contain_text("Write a caption.")
    upload_form.fill("#text", "🌊" * 76)
    expect(upload_form.locator('[data-count="tiktok"]')).to_contain_text("152 of 150")
    expect(checks_of(upload_form)).to_contain_text("The caption is longer than 150 characters.")


def give_addresses(form, addresses):
    form.get_by_text("Give an address instead").click()
    form.fill("#addresses", addresses)
    form.get_by_role("button", name="Add these").click()


def test_a_url_has_to_be_valid(upload_form):
    upload_form.fill("#text", "From elsewhere")
    give_addresses(upload_form, "http://videos.example.com/a.mp4")
    expect(checks_of(upload_form)).to_contain_text("https")


def test_a_file_can_be_dropped(upload_form):
    upload_form.evaluate(DROP_FILE_SCRIPT)
    expect(upload_form.locator('[data-file-part="name"]')).to_have_text("dropped.mp4")
    expect(upload_form.locator('[data-file-part="size"]')).to_have_text("3 kB")


@pytest.mark.statement(18)
def test_no_option_of_a_direct_post_is_preset(upload_form, take_screenshot):
    choose_direct_mode(upload_form)
    expect(option(upload_form, "privacy_level")).to_have_value("")
    assert upload_form.locator("[data-choices] [type=checkbox]:checked").count() == 0
    expect(upload_form.get_by_text("Posting as")).to_contain_text(re.compile(r"\w"))
    expect(checks_of(upload_form)).to_contain_text("Choose who can see it on TikTok.")
    consent = upload_form.locator(".consent [lang=en]").first
    expect(consent).to_have_text("By posting, you agree to TikTok's Music Usage Confirmation")
    take_screenshot("upload-direct")


@pytest.mark.statement(18)
def test_paid_content_is_disclosed_in_tiktoks_own_sentences(upload_form, take_screenshot):
    choose_direct_mode(upload_form)
    button = upload_form.locator('[data-part="send"]')
    option(upload_form, "privacy_level").select_option("PUBLIC_TO_EVERYONE")
    expect(button).to_be_enabled()
    option(upload_form, "disclose").check()
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", NO_DISCLOSURE_TEXT)
    expect(upload_form.locator("#stop")).to_have_text(NO_DISCLOSURE_TEXT)
    option(upload_form, "brand_organic_toggle").check()
    own, paid = (
        upload_form.locator('[data-brand="own"]'),
        upload_form.locator('[data-brand="paid"]'),
    )
    expect(own).to_have_text("Your photo/video will be labeled as 'Promotional content'")
    option(upload_form, "brand_content_toggle").check()
    expect(paid).to_have_text("Your photo/video will be labeled as 'Paid partnership'")
    expect(own).to_be_hidden()
    expect(upload_form.locator('[data-consent-of="paid"] [lang=en]').first).to_have_text(
        "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation"
    )
    expect(upload_form.locator("option[value=SELF_ONLY]")).to_be_disabled()
    expect(upload_form.locator("[data-private-hint]")).to_have_text(PRIVATE_BRANDED_TEXT)
    take_screenshot("upload-paid")
    option(upload_form, "brand_content_toggle").uncheck()
    option(upload_form, "privacy_level").select_option("SELF_ONLY")
    expect(option(upload_form, "brand_content_toggle")).to_be_disabled()


def test_a_direct_post_has_exactly_the_chosen_options(upload_form, stack, video_file):
    choose_file(upload_form, video_file, "Directly")
    choose_direct_mode(upload_form)
    option(upload_form, "privacy_level").select_option("SELF_ONLY")
    option(upload_form, "allow_duet").check()
    option(upload_form, "cover").fill("1.5")
    send_post(upload_form)
    kind, payload = load_request(stack, "Directly")
    settings = payload["settings"]
    assert kind == "DIRECT_VIDEO"
    assert settings["privacy_level"] == "SELF_ONLY"
    assert [settings[f"disable_{name}"] for name in ("comment", "duet", "stitch")] == [
        True,
        False,
        True,
    ]
    assert settings["video_cover_timestamp_ms"] == 1500


@pytest.mark.statement(18)
def test_options_that_the_creator_has_disabled_are_greyed(upload_form, stack):
    open_id = stack.query_value(SELECT_OPEN_ID)
    stack.sandbox.control("creators", open_id=open_id, comment_disabled=True)
    choose_direct_mode(upload_form)
    expect(option(upload_form, "allow_comment")).to_be_disabled()
    expect(option(upload_form, "allow_duet")).to_be_enabled()
    stack.sandbox.control("creators", open_id=open_id, comment_disabled=False)


def test_a_video_longer_than_the_creator_may_post_is_refused(upload_form, stack, video_file):
    open_id = stack.query_value(SELECT_OPEN_ID)
    stack.sandbox.control("creators", open_id=open_id, max_video_post_duration_sec=2)
    choose_file(upload_form, video_file, "Longer than allowed")
    choose_direct_mode(upload_form)
    option(upload_form, "privacy_level").select_option("SELF_ONLY")
    expect(upload_form.locator("#stop")).to_contain_text("this account may post up to 2 s")
    expect(upload_form.locator('[data-part="send"]')).to_be_disabled()
    stack.sandbox.control("creators", open_id=open_id, max_video_post_duration_sec=300)


@pytest.mark.statement(18)
def test_direct_posts_are_blocked_while_tiktok_cannot_be_queried(upload_form, stack):
    stack.sandbox.control("faults", endpoint="creator_info", kind="http_500", times=0)
    upload_form.locator('[data-field="mode"][value="DIRECT"]').check(force=True)
    expect(upload_form.locator("[data-blocked]")).to_be_visible()
    expect(upload_form.locator('[data-part="send"]')).to_be_disabled()
    stack.sandbox.control("faults", method="DELETE")


def test_photos_are_entered_by_their_urls(upload_form, stack):
    upload_form.fill("#text", "Two photos")
    give_addresses(upload_form, "https://videos.example.com/1.jpg\nnot-an-address")
    expect(checks_of(upload_form)).to_contain_text("https")
    upload_form.get_by_role("button", name="Remove not-an-address").click()
    upload_form.fill("#addresses", "https://videos.example.com/2.jpg")
    upload_form.get_by_role("button", name="Add these").click()
    upload_form.get_by_label("Cover: number of the photo").fill("3")
    expect(checks_of(upload_form)).to_contain_text("There is no photo with this number")
    upload_form.get_by_label("Cover: number of the photo").fill("2")
    send_post(upload_form)
    kind, payload = load_request(stack, "Two photos")
    assert (kind, payload["photo_cover_index"]) == ("INBOX_PHOTO", 1)


def test_a_double_click_makes_one_post(upload_form, stack, video_file):
    before = count_posts(stack)
    choose_file(upload_form, video_file, "Twice")
    upload_form.get_by_role("button", name="Publish", exact=True).dblclick()
    upload_form.wait_for_url(POST_URL)
    assert count_posts(stack) == before + 1


def hold_chunk_after(form, count):
    """Let `count` chunks pass and hold the next one; return the list of held routes."""
    held_routes, chunks = [], []

    def hold_or_continue(route):
        if route.request.method != "PATCH":
            return route.continue_()
        chunks.append(route)
        return held_routes.append(route) if len(chunks) == count + 1 else route.continue_()

    form.route(CHUNK_URL_PATTERN, hold_or_continue)
    return held_routes


def wait_for_held_chunk(form, held_routes):
    form.wait_for_function("() => document.querySelector('[data-file-part=bar]')?.value > 0")
    while not held_routes:
        form.wait_for_timeout(50)


def test_an_upload_resumes_after_a_broken_connection(
    upload_form, large_video_file, stack, take_screenshot
):
    held_routes = hold_chunk_after(upload_form, 1)
    choose_file(upload_form, large_video_file, "Through a tunnel")
    wait_for_held_chunk(upload_form, held_routes)
    upload_form.context.set_offline(True)
    held_routes[0].abort("internetdisconnected")
    expect(status_of_file(upload_form)).to_contain_text(
        "The connection is interrupted. Nothing is lost"
    )
    take_screenshot("upload-offline")
    upload_form.context.set_offline(False)
    send_post(upload_form)
    assert (
        stack.query_value("SELECT bytes_total FROM posts WHERE title = 'Through a tunnel'")
        == 20 * 1024 * 1024
    )
    upload_form.errors.clear()  # the browser reports the chunk that was aborted


def test_an_upload_can_be_paused_and_resumed(upload_form, large_video_file, take_screenshot):
    held_routes = hold_chunk_after(upload_form, 1)
    choose_file(upload_form, large_video_file, "With a pause")
    wait_for_held_chunk(upload_form, held_routes)
    pause = upload_form.get_by_role("button", name="Pause the upload")
    expect(pause).to_have_attribute("aria-pressed", "false")
    pause.click()
    expect(upload_form.get_by_role("button", name="Resume the upload")).to_be_visible()
    take_screenshot("upload-paused")
    upload_form.get_by_role("button", name="Resume the upload").click()
    send_post(upload_form)
    upload_form.errors.clear()


def test_a_removed_upload_makes_no_post(upload_form, large_video_file, stack):
    before = count_posts(stack)
    held_routes = hold_chunk_after(upload_form, 1)
    choose_file(upload_form, large_video_file, "Not after all")
    wait_for_held_chunk(upload_form, held_routes)
    upload_form.get_by_role("button", name="Remove heavy.mp4").click()
    expect(upload_form.locator("[data-file]")).to_have_count(0)
    expect(upload_form.locator('[data-part="send"]')).to_be_enabled()
    assert count_posts(stack) == before
    upload_form.errors.clear()


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (
            429,
            {"Retry-After": "1"},
            '{"error": {"code": "RATE_LIMIT_EXCEEDED", "retryable": true}}',
        ),
        (503, {}, "<html>a proxy of another kind</html>"),
        (
            507,
            {"Retry-After": "1"},
            '{"error": {"code": "INSUFFICIENT_STORAGE", "retryable": true}}',
        ),
    ],
)
def test_an_upload_that_is_refused_for_the_moment_goes_on_without_a_person(
    status, headers, body, upload_form, large_video_file, stack
):
    refusals = []

    def refuse_or_continue(route):
        is_first_try = route.request.method == "PATCH" and len(refusals) < 2
        if not is_first_try or not route.request.headers["upload-offset"].startswith("8"):
            return route.continue_()
        refusals.append(route.request.headers["upload-offset"])
        return route.fulfill(status=status, headers=headers, body=body)

    upload_form.route(CHUNK_URL_PATTERN, refuse_or_continue)
    title = f"Through {status}"
    choose_file(upload_form, large_video_file, title)
    send_post(upload_form)
    assert refusals == [str(8 * 1024 * 1024)] * 2
    query = "SELECT bytes_total FROM posts WHERE title = %s"
    assert stack.query_value(query, title) == 20 * 1024 * 1024
    upload_form.errors.clear()  # the browser reports the answers


def test_an_upload_that_is_refused_for_good_ends_with_the_reason(upload_form, large_video_file):
    error = {"code": "storage_budget_exceeded", "userMessage": "Too much.", "retryable": False}
    body = json.dumps({"error": error})
    upload_form.route(
        re.compile(r"/api/media$"), lambda route: route.fulfill(status=507, body=body)
    )
    choose_file(upload_form, large_video_file, "Beyond the budget")
    expect(status_of_file(upload_form)).to_contain_text("Too much.")
    expect(upload_form.locator('[data-part="send"]')).to_be_disabled()
    upload_form.errors.clear()


def test_a_video_without_a_type_is_not_refused_by_the_page(upload_form):
    movie = {"name": "IMG_0001.MOV", "mimeType": "", "buffer": b"x" * 2048}
    upload_form.set_input_files("#file-input", movie)
    expect(upload_form.get_by_text("IMG_0001.MOV")).to_be_visible()
    expect(status_of_file(upload_form)).to_have_text("Uploaded")
