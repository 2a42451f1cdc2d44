"""The upload form: what it demands, what it shows, and what becomes of it when things go wrong."""

import re

import pytest
from playwright.sync_api import expect

PIECES = re.compile(r"/api/media/\d+$")
CANNOT = "Branded content visibility cannot be set to private."
NEITHER = "You need to indicate if your content promotes yourself, a third party, or both."
DROPPED = """() => {
  const carried = new DataTransfer();
  carried.items.add(new File(["x".repeat(2048)], "dropped.mp4", {type: "video/mp4"}));
  const how = {dataTransfer: carried, bubbles: true, cancelable: true};
  for (const name of ["dragenter", "dragover", "drop"])
    document.querySelector('[data-part="drop"]').dispatchEvent(new DragEvent(name, how));
}"""
HEAVY = 20 * 1024 * 1024
AN_OPEN_ID = "SELECT open_id FROM oauth_accounts WHERE status = 'ACTIVE' LIMIT 1"
UPLOAD = {"name": "Upload", "exact": True}


def choose(form, film, title="A film"):
    form.set_input_files("#video", film)
    form.fill("#title", title)


def go_direct(form):
    form.check("[name=mode][value=DIRECT]")
    expect(form.locator("#privacy")).to_be_visible()


def count_posts(house):
    return house.one("SELECT count(*) FROM posts")


def wish_of(house, title):
    return house.rows("SELECT kind, payload_json FROM posts WHERE title = %s", title)[0]


def test_what_is_left_is_shown_before_anything_is_sent(form, house, photograph):
    meter = form.get_by_role("meter", name="Drafts in the inbox")
    expect(meter).to_have_attribute("value", "0")
    expect(form.get_by_text("0 of 5 used")).to_be_visible()
    photograph("upload")


def test_a_full_quota_counts_down_to_the_next_free_place(form, a_post, photograph):
    for _ in range(5):
        a_post("In the way", state="PROCESSING", step="PROCESSING", slot=True)
    form.reload()
    gauge = form.locator(".gauge").first
    expect(gauge.get_by_text("Full.")).to_be_visible()
    first = gauge.locator("[data-until]").text_content()
    assert re.fullmatch(r"23 h 5\d min|24 h 0 min", first)
    photograph("upload-full")


def test_a_file_is_sent_with_true_figures_and_the_form_is_empty_again(
    form, house, film, photograph
):
    choose(form, film, "Cleared afterwards")
    expect(form.locator('[data-part="chosen"]')).to_contain_text("holiday.mp4")
    expect(form.locator('[data-part="preview"]')).to_be_visible()
    form.get_by_role("button", **UPLOAD).click()
    expect(form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    photograph("upload-done")
    expect(form.locator("#title")).to_have_value("")
    expect(form.locator('[data-part="chosen"]')).to_have_text("")


@pytest.mark.parametrize(
    ("files", "says"),
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
def test_the_form_says_what_is_wrong_and_sends_nothing(form, house, files, says):
    before = count_posts(house)
    form.fill("#title", "No film")
    form.set_input_files("#video", files)
    form.get_by_role("button", **UPLOAD).click()
    expect(form.get_by_role("alert")).to_contain_text(says)
    expect(form.locator("#video")).to_have_attribute("aria-invalid", "true")
    assert count_posts(house) == before


def test_four_gigabytes_and_one_byte_are_refused_before_a_byte_is_sent(form, tmp_path):
    giant = tmp_path / "giant.mp4"
    with giant.open("wb") as file:
        file.truncate(4_000_000_001)  # sparse: nothing is written
    form.set_input_files("#video", giant)
    expect(form.get_by_role("alert")).to_contain_text("That file has 4 GB")


def test_a_title_that_is_blank_or_too_long_is_refused(form, film):
    form.set_input_files("#video", film)
    form.fill("#title", "  ")
    form.get_by_role("button", **UPLOAD).click()
    expect(form.get_by_role("alert")).to_contain_text("Please give the post a title.")
    form.fill("#title", "🌊" * 76)
    expect(form.locator("#count")).to_have_text("152 of 150")
    form.get_by_role("button", **UPLOAD).click()
    expect(form.get_by_role("alert")).to_contain_text("longer than 150 characters")


def test_an_address_has_to_be_one(form):
    form.fill("#title", "From elsewhere")
    form.check("[name=source][value=PULL_FROM_URL]")
    form.fill("#video_url", "http://videos.example.com/a.mp4")
    form.get_by_role("button", **UPLOAD).click()
    expect(form.get_by_role("alert")).to_contain_text("it begins with https://")


def test_a_file_can_be_dropped(form, film):
    form.evaluate(DROPPED)
    expect(form.locator('[data-part="chosen"]')).to_contain_text("dropped.mp4, 3 kB")


def test_nothing_of_a_direct_post_is_chosen_beforehand(form, photograph):
    go_direct(form)
    expect(form.locator("#privacy")).to_have_value("")
    assert form.locator('[data-part="direct"] [type=checkbox]:checked').count() == 0
    expect(form.get_by_text("Posting as")).to_contain_text(re.compile(r"\w"))
    expect(form.get_by_role("button", name="Post to TikTok")).to_be_disabled()
    expect(form.locator("#not-yet")).to_have_text("Please choose who can see it.")
    consent = form.locator('[data-part="consent"] [lang=en]').first
    expect(consent).to_have_text("By posting, you agree to TikTok's Music Usage Confirmation")
    photograph("upload-direct")


def test_what_is_paid_for_is_disclosed_in_tiktoks_own_words(form, photograph):
    go_direct(form)
    button = form.get_by_role("button", name="Post to TikTok")
    form.select_option("#privacy", "PUBLIC_TO_EVERYONE")
    expect(button).to_be_enabled()
    form.check("[name=disclose]")
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", NEITHER)
    form.check("[name=brand_organic_toggle]")
    expect(form.locator('[data-part="brand-own"]')).to_have_text(
        "Your photo/video will be labeled as 'Promotional content'"
    )
    form.check("[name=brand_content_toggle]")
    expect(form.locator('[data-part="brand-paid"]')).to_have_text(
        "Your photo/video will be labeled as 'Paid partnership'"
    )
    expect(form.locator('[data-part="brand-own"]')).to_be_hidden()
    expect(form.locator('[data-part="consent-paid"] [lang=en]').first).to_have_text(
        "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation"
    )
    expect(form.locator("#privacy option[value=SELF_ONLY]")).to_be_disabled()
    expect(form.locator("#private-hint")).to_have_text(CANNOT)
    photograph("upload-paid")
    form.uncheck("[name=brand_content_toggle]")
    form.select_option("#privacy", "SELF_ONLY")
    expect(form.locator("[name=brand_content_toggle]")).to_be_disabled()


def test_a_direct_post_is_what_was_ticked_and_nothing_else(form, house, film):
    choose(form, film, "Directly")
    go_direct(form)
    form.select_option("#privacy", "SELF_ONLY")
    form.check("[name=allow_duet]")
    form.fill("#cover", "1.5")
    form.get_by_role("button", name="Post to TikTok").click()
    expect(form.get_by_text("It is on its way.")).to_be_visible()
    kind, payload = wish_of(house, "Directly")
    said = payload["settings"]
    assert kind == "DIRECT_VIDEO"
    assert said["privacy_level"] == "SELF_ONLY"
    assert [said[f"disable_{name}"] for name in ("comment", "duet", "stitch")] == [
        True,
        False,
        True,
    ]
    assert said["video_cover_timestamp_ms"] == 1500


def test_what_the_creator_has_switched_off_is_greyed(form, house):
    open_id = house.one(AN_OPEN_ID)
    house.sandbox.control("creators", open_id=open_id, comment_disabled=True)
    go_direct(form)
    expect(form.locator("[name=allow_comment]")).to_be_disabled()
    expect(form.locator("[name=allow_duet]")).to_be_enabled()
    house.sandbox.control("creators", open_id=open_id, comment_disabled=False)


def test_a_video_longer_than_the_creator_may_post_is_refused(form, house, film):
    open_id = house.one(AN_OPEN_ID)
    house.sandbox.control("creators", open_id=open_id, max_video_post_duration_sec=2)
    choose(form, film, "Longer than allowed")
    go_direct(form)
    form.select_option("#privacy", "SELF_ONLY")
    form.get_by_role("button", name="Post to TikTok").click()
    expect(form.get_by_role("alert")).to_contain_text("this account may post up to 2 s")
    house.sandbox.control("creators", open_id=open_id, max_video_post_duration_sec=300)


def test_direct_posts_are_blocked_while_tiktok_allows_none(form, house):
    house.sandbox.control("faults", endpoint="creator_info", kind="http_500", times=0)
    form.check("[name=mode][value=DIRECT]")
    expect(form.locator("[data-blocked]")).to_be_visible()
    expect(form.get_by_role("button", name="Post to TikTok")).to_be_disabled()
    house.sandbox.control("faults", method="DELETE")


def test_photos_are_asked_for_by_their_addresses(form, house):
    form.check("[name=media_type][value=PHOTO]")
    expect(form.locator("#video")).to_be_hidden()
    form.fill("#title", "Two photos")
    form.fill("#photo_images", "https://videos.example.com/1.jpg\nnot an address")
    form.get_by_role("button", **UPLOAD).click()
    expect(form.get_by_role("alert")).to_contain_text("addresses of the photos")
    form.fill("#photo_images", "https://videos.example.com/1.jpg\nhttps://videos.example.com/2.jpg")
    form.fill("#photo_cover_index", "3")
    form.get_by_role("button", **UPLOAD).click()
    expect(form.get_by_role("alert")).to_contain_text("no photo with this number")


def test_a_double_click_is_one_post(form, house, film):
    before = count_posts(house)
    choose(form, film, "Twice")
    form.get_by_role("button", **UPLOAD).dblclick()
    expect(form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    assert count_posts(house) == before + 1


def held_after(form, count):
    """Lets `count` pieces pass, then holds the next; returns where it waits."""
    held, seen = [], []

    def judge(route):
        if route.request.method != "PATCH":
            return route.continue_()
        seen.append(route)
        return held.append(route) if len(seen) == count + 1 else route.continue_()

    form.route(PIECES, judge)
    return held


def wait_for_piece(form, held):
    form.wait_for_function("() => Number(document.querySelector('#bar').value) > 0")
    while not held:
        form.wait_for_timeout(50)


def test_a_connection_that_breaks_costs_nothing(form, heavy, house, photograph):
    held = held_after(form, 1)
    choose(form, heavy, "Through a tunnel")
    form.get_by_role("button", **UPLOAD).click()
    wait_for_piece(form, held)
    form.context.set_offline(True)
    held[0].abort("internetdisconnected")
    expect(form.get_by_role("alert")).to_contain_text("The connection is gone. Nothing is lost")
    photograph("upload-offline")
    form.context.set_offline(False)
    expect(form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    assert (
        house.one("SELECT bytes_total FROM posts WHERE title = 'Through a tunnel'")
        == 20 * 1024 * 1024
    )
    form.faults.clear()  # the browser reports the piece that we dropped


def test_an_upload_can_be_paused_and_goes_on_where_it_was(form, heavy, photograph):
    held = held_after(form, 1)
    choose(form, heavy, "With a pause")
    form.get_by_role("button", **UPLOAD).click()
    wait_for_piece(form, held)
    pause = form.get_by_role("button", name="Pause")
    expect(pause).to_have_attribute("aria-pressed", "false")
    pause.click()
    expect(form.get_by_role("button", name="Go on")).to_be_visible()
    photograph("upload-paused")
    form.get_by_role("button", name="Go on").click()
    expect(form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    form.faults.clear()


def test_an_upload_that_is_cancelled_leaves_nothing(form, heavy, house):
    before = count_posts(house)
    held = held_after(form, 1)
    choose(form, heavy, "Not after all")
    form.get_by_role("button", **UPLOAD).click()
    wait_for_piece(form, held)
    form.get_by_role("button", name="Cancel the upload").click()
    expect(form.get_by_text("Cancelled. Nothing was posted.")).to_be_visible()
    expect(form.get_by_role("button", **UPLOAD)).to_be_enabled()
    assert count_posts(house) == before
    form.faults.clear()


def test_after_a_reload_the_same_file_goes_on_where_it_stopped(form, heavy, photograph):
    held = held_after(form, 1)
    choose(form, heavy, "Before the reload")
    form.get_by_role("button", **UPLOAD).click()
    wait_for_piece(form, held)
    form.on("dialog", lambda dialog: dialog.accept())  # do you really want to leave
    form.reload()
    form.unroute(PIECES)
    expect(form.get_by_text("heavy.mp4: 8.4 MB of 21 MB are here")).to_be_visible()
    photograph("upload-interrupted")
    offsets = []
    form.on(
        "request",
        lambda asked: (
            offsets.append(asked.headers.get("upload-offset")) if asked.method == "PATCH" else None
        ),
    )
    choose(form, heavy, "After the reload")
    form.get_by_role("button", **UPLOAD).click()
    expect(form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    assert offsets[0] == str(8 * 1024 * 1024)
    form.faults.clear()
