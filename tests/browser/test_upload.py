"""The upload form in a browser: its checks, direct posts, progress, and broken connections."""

import json
import re

import pytest
from playwright.sync_api import expect

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
SELECT_OPEN_ID = "SELECT open_id FROM oauth_accounts WHERE status = 'ACTIVE' LIMIT 1"
UPLOAD_BUTTON = {"name": "Upload", "exact": True}


def choose_file(form, video, title="A video"):
    form.set_input_files("#video", video)
    form.fill("#title", title)


def choose_direct_mode(form):
    form.check("[name=mode][value=DIRECT]")
    expect(form.locator("#privacy")).to_be_visible()


def count_posts(stack):
    return stack.query_value("SELECT count(*) FROM posts")


def load_request(stack, title):
    return stack.query("SELECT kind, payload_json FROM posts WHERE title = %s", title)[0]


def test_the_remaining_quota_is_displayed_before_anything_is_sent(
    upload_form, stack, take_screenshot
):
    meter = upload_form.get_by_role("meter", name="Drafts in the inbox")
    expect(meter).to_have_attribute("value", "0")
    expect(upload_form.get_by_text("0 of 5 used")).to_be_visible()
    take_screenshot("upload")


def test_a_full_quota_counts_down_to_the_next_free_slot(upload_form, insert_post, take_screenshot):
    for _ in range(5):
        insert_post("In the way", state="PROCESSING", step="PROCESSING", slot=True)
    upload_form.reload()
    gauge = upload_form.locator(".gauge").first
    expect(gauge.get_by_text("Full.")).to_be_visible()
    first = gauge.locator("[data-until]").text_content()
    assert re.fullmatch(r"23 h 5\d min|24 h 0 min", first)
    take_screenshot("upload-full")


def test_a_file_is_sent_with_its_progress_and_the_form_is_empty_again(
    upload_form, stack, video_file, take_screenshot
):
    choose_file(upload_form, video_file, "Cleared afterwards")
    expect(upload_form.locator('[data-part="chosen"]')).to_contain_text("holiday.mp4")
    expect(upload_form.locator('[data-part="preview"]')).to_be_visible()
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    take_screenshot("upload-done")
    expect(upload_form.locator("#title")).to_have_value("")
    expect(upload_form.locator('[data-part="chosen"]')).to_have_text("")


@pytest.mark.parametrize(
    ("files", "error_text"),
    [
        ([], "Please choose a video file."),
        (
            [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"}],
            "That file is not a video.",
        ),
        ([{"name": "a.mp4", "mimeType": "video/mp4", "buffer": b""}], "That file is empty."),
    ],
    ids=["none", "text", "empty"],
)
def test_an_invalid_file_is_refused_and_nothing_is_sent(upload_form, stack, files, error_text):
    before = count_posts(stack)
    upload_form.fill("#title", "No video")
    upload_form.set_input_files("#video", files)
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_role("alert")).to_contain_text(error_text)
    expect(upload_form.locator("#video")).to_have_attribute("aria-invalid", "true")
    assert count_posts(stack) == before


def test_four_gigabytes_and_one_byte_are_refused_before_a_byte_is_sent(upload_form, tmp_path):
    giant = tmp_path / "giant.mp4"
    with giant.open("wb") as file:
        file.truncate(4_000_000_001)  # sparse: nothing is written
    upload_form.set_input_files("#video", giant)
    expect(upload_form.get_by_role("alert")).to_contain_text("That file has 4 GB")


def test_a_title_that_is_blank_or_too_long_is_refused(upload_form, video_file):
    upload_form.set_input_files("#video", video_file)
    upload_form.fill("#title", "  ")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_role("alert")).to_contain_text("Please give the post a title.")
    upload_form.fill("#title", "🌊" * 76)
    expect(upload_form.locator("#count")).to_have_text("152 of 150")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_role("alert")).to_contain_text("longer than 150 characters")


def test_a_url_has_to_be_valid(upload_form):
    upload_form.fill("#title", "From elsewhere")
    upload_form.check("[name=source][value=PULL_FROM_URL]")
    upload_form.fill("#video_url", "http://videos.example.com/a.mp4")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_role("alert")).to_contain_text("it begins with https://")


def test_a_file_can_be_dropped(upload_form, video_file):
    upload_form.evaluate(DROP_FILE_SCRIPT)
    expect(upload_form.locator('[data-part="chosen"]')).to_contain_text("dropped.mp4, 3 kB")


def test_no_option_of_a_direct_post_is_preset(upload_form, take_screenshot):
    choose_direct_mode(upload_form)
    expect(upload_form.locator("#privacy")).to_have_value("")
    assert upload_form.locator('[data-part="direct"] [type=checkbox]:checked').count() == 0
    expect(upload_form.get_by_text("Posting as")).to_contain_text(re.compile(r"\w"))
    expect(upload_form.get_by_role("button", name="Post to TikTok")).to_be_disabled()
    expect(upload_form.locator("#not-ready")).to_have_text("Please choose who can see it.")
    consent = upload_form.locator('[data-part="consent"] [lang=en]').first
    expect(consent).to_have_text("By posting, you agree to TikTok's Music Usage Confirmation")
    take_screenshot("upload-direct")


def test_paid_content_is_disclosed_in_tiktoks_own_sentences(upload_form, take_screenshot):
    choose_direct_mode(upload_form)
    button = upload_form.get_by_role("button", name="Post to TikTok")
    upload_form.select_option("#privacy", "PUBLIC_TO_EVERYONE")
    expect(button).to_be_enabled()
    upload_form.check("[name=disclose]")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", NO_DISCLOSURE_TEXT)
    upload_form.check("[name=brand_organic_toggle]")
    expect(upload_form.locator('[data-part="brand-own"]')).to_have_text(
        "Your photo/video will be labeled as 'Promotional content'"
    )
    upload_form.check("[name=brand_content_toggle]")
    expect(upload_form.locator('[data-part="brand-paid"]')).to_have_text(
        "Your photo/video will be labeled as 'Paid partnership'"
    )
    expect(upload_form.locator('[data-part="brand-own"]')).to_be_hidden()
    expect(upload_form.locator('[data-part="consent-paid"] [lang=en]').first).to_have_text(
        "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation"
    )
    expect(upload_form.locator("#privacy option[value=SELF_ONLY]")).to_be_disabled()
    expect(upload_form.locator("#private-hint")).to_have_text(PRIVATE_BRANDED_TEXT)
    take_screenshot("upload-paid")
    upload_form.uncheck("[name=brand_content_toggle]")
    upload_form.select_option("#privacy", "SELF_ONLY")
    expect(upload_form.locator("[name=brand_content_toggle]")).to_be_disabled()


def test_a_direct_post_has_exactly_the_chosen_options(upload_form, stack, video_file):
    choose_file(upload_form, video_file, "Directly")
    choose_direct_mode(upload_form)
    upload_form.select_option("#privacy", "SELF_ONLY")
    upload_form.check("[name=allow_duet]")
    upload_form.fill("#cover", "1.5")
    upload_form.get_by_role("button", name="Post to TikTok").click()
    expect(upload_form.get_by_text("It is on its way.")).to_be_visible()
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


def test_options_that_the_creator_has_disabled_are_greyed(upload_form, stack):
    open_id = stack.query_value(SELECT_OPEN_ID)
    stack.sandbox.control("creators", open_id=open_id, comment_disabled=True)
    choose_direct_mode(upload_form)
    expect(upload_form.locator("[name=allow_comment]")).to_be_disabled()
    expect(upload_form.locator("[name=allow_duet]")).to_be_enabled()
    stack.sandbox.control("creators", open_id=open_id, comment_disabled=False)


def test_a_video_longer_than_the_creator_may_post_is_refused(upload_form, stack, video_file):
    open_id = stack.query_value(SELECT_OPEN_ID)
    stack.sandbox.control("creators", open_id=open_id, max_video_post_duration_sec=2)
    choose_file(upload_form, video_file, "Longer than allowed")
    choose_direct_mode(upload_form)
    upload_form.select_option("#privacy", "SELF_ONLY")
    upload_form.get_by_role("button", name="Post to TikTok").click()
    expect(upload_form.get_by_role("alert")).to_contain_text("this account may post up to 2 s")
    stack.sandbox.control("creators", open_id=open_id, max_video_post_duration_sec=300)


def test_direct_posts_are_blocked_while_tiktok_cannot_be_queried(upload_form, stack):
    stack.sandbox.control("faults", endpoint="creator_info", kind="http_500", times=0)
    upload_form.check("[name=mode][value=DIRECT]")
    expect(upload_form.locator("[data-blocked]")).to_be_visible()
    expect(upload_form.get_by_role("button", name="Post to TikTok")).to_be_disabled()
    stack.sandbox.control("faults", method="DELETE")


def test_photos_are_entered_by_their_urls(upload_form, stack):
    upload_form.check("[name=media_type][value=PHOTO]")
    expect(upload_form.locator("#video")).to_be_hidden()
    upload_form.fill("#title", "Two photos")
    upload_form.fill("#photo_images", "https://videos.example.com/1.jpg\nnot an address")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_role("alert")).to_contain_text("addresses of the photos")
    upload_form.fill(
        "#photo_images", "https://videos.example.com/1.jpg\nhttps://videos.example.com/2.jpg"
    )
    upload_form.fill("#photo_cover_index", "3")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_role("alert")).to_contain_text("no photo with this number")


def test_a_double_click_makes_one_post(upload_form, stack, video_file):
    before = count_posts(stack)
    choose_file(upload_form, video_file, "Twice")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).dblclick()
    expect(upload_form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
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
    form.wait_for_function("() => Number(document.querySelector('#bar').value) > 0")
    while not held_routes:
        form.wait_for_timeout(50)


def test_an_upload_resumes_after_a_broken_connection(
    upload_form, large_video_file, stack, take_screenshot
):
    held_routes = hold_chunk_after(upload_form, 1)
    choose_file(upload_form, large_video_file, "Through a tunnel")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    wait_for_held_chunk(upload_form, held_routes)
    upload_form.context.set_offline(True)
    held_routes[0].abort("internetdisconnected")
    expect(upload_form.get_by_role("alert")).to_contain_text(
        "The connection is interrupted. Nothing is lost"
    )
    take_screenshot("upload-offline")
    upload_form.context.set_offline(False)
    expect(upload_form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    assert (
        stack.query_value("SELECT bytes_total FROM posts WHERE title = 'Through a tunnel'")
        == 20 * 1024 * 1024
    )
    upload_form.errors.clear()  # the browser reports the chunk that was aborted


def test_an_upload_can_be_paused_and_resumed(upload_form, large_video_file, take_screenshot):
    held_routes = hold_chunk_after(upload_form, 1)
    choose_file(upload_form, large_video_file, "With a pause")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    wait_for_held_chunk(upload_form, held_routes)
    pause = upload_form.get_by_role("button", name="Pause")
    expect(pause).to_have_attribute("aria-pressed", "false")
    pause.click()
    expect(upload_form.get_by_role("button", name="Resume")).to_be_visible()
    take_screenshot("upload-paused")
    upload_form.get_by_role("button", name="Resume").click()
    expect(upload_form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    upload_form.errors.clear()


def test_a_cancelled_upload_makes_no_post(upload_form, large_video_file, stack):
    before = count_posts(stack)
    held_routes = hold_chunk_after(upload_form, 1)
    choose_file(upload_form, large_video_file, "Not after all")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    wait_for_held_chunk(upload_form, held_routes)
    upload_form.get_by_role("button", name="Cancel the upload").click()
    expect(upload_form.get_by_text("Cancelled. Nothing was posted.")).to_be_visible()
    expect(upload_form.get_by_role("button", **UPLOAD_BUTTON)).to_be_enabled()
    assert count_posts(stack) == before
    upload_form.errors.clear()


def test_after_a_reload_the_same_file_continues_where_it_stopped(
    upload_form, large_video_file, take_screenshot
):
    held_routes = hold_chunk_after(upload_form, 1)
    choose_file(upload_form, large_video_file, "Before the reload")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    wait_for_held_chunk(upload_form, held_routes)
    upload_form.on("dialog", lambda dialog: dialog.accept())  # whether to leave the page
    upload_form.reload()
    upload_form.unroute(CHUNK_URL_PATTERN)
    expect(upload_form.get_by_text("heavy.mp4: 8.4 MB of 21 MB uploaded")).to_be_visible()
    take_screenshot("upload-interrupted")
    offsets = []
    upload_form.on(
        "request",
        lambda request: (
            offsets.append(request.headers.get("upload-offset"))
            if request.method == "PATCH"
            else None
        ),
    )
    choose_file(upload_form, large_video_file, "After the reload")
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    assert offsets[0] == str(8 * 1024 * 1024)
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
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
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
    upload_form.get_by_role("button", **UPLOAD_BUTTON).click()
    expect(upload_form.get_by_role("alert")).to_contain_text("Too much.")
    upload_form.errors.clear()


def test_a_video_without_a_type_is_not_refused_by_the_page(upload_form):
    movie = {"name": "IMG_0001.MOV", "mimeType": "", "buffer": b"x" * 2048}
    upload_form.set_input_files("#video", movie)
    assert upload_form.evaluate("document.querySelector('#video').files[0].type") in {
        "",
        "video/quicktime",
    }
    expect(upload_form.get_by_text("IMG_0001.MOV")).to_be_visible()
    expect(upload_form.get_by_role("alert")).to_have_count(0)
