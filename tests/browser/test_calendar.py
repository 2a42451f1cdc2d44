"""The calendar in a browser: dragging, keys, the dialog that moves a post, phones, no scripts."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import add_cookies, connect_account, save_screenshot
from tests.browser.test_accessibility import find_axe_violations
from tests.flows.brokers import wait_until

ZONE = ZoneInfo("Europe/Paris")
TITLE = "Clay, glaze, fire"
WEDNESDAY = 2
INSERT_SCHEDULED = """INSERT INTO posts
    (user_id, oauth_account_id, provider, kind, source, sent_by, title, state, publish_at, due_at)
  SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'PULL_FROM_URL', 'PLATFORM', %s, %s, %s, %s
    FROM oauth_accounts WHERE status = 'ACTIVE' AND provider = 'tiktok' LIMIT 1"""
DELETE_POSTS = "DELETE FROM posts WHERE title = ANY(%s)"
REFRESH_SCRIPT = """document.getElementById("calendar")
  .dispatchEvent(new CustomEvent("refresh-now", {bubbles: true}))"""
HOLD_ANSWERS_SCRIPT = """() => {
  const request = window.fetch;
  window.fetch = async (...parameters) => {
    const response = await request(...parameters);
    const read = response.json.bind(response);
    response.json = () => new Promise((done) => { window.releaseAnswer = () => done(read()); });
    return response;
  };
}"""
PHONE = {"viewport": {"width": 360, "height": 780}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def paris(stack):
    """The user's zone, for this module."""
    before = stack.query("SELECT id, time_zone FROM users")
    stack.query("UPDATE users SET time_zone = %s", ZONE.key)
    yield
    for user_id, name in before:
        stack.query("UPDATE users SET time_zone = %s WHERE id = %s", name, user_id)


@pytest.fixture
def calendar(signed_in, stack, paris):
    """A page of a user with an account; scheduled posts of the test are deleted afterwards."""
    yield connect_account(signed_in, stack)
    stack.query(DELETE_POSTS, [TITLE, "Others"])


@pytest.fixture
def noon():
    """Half past twelve on a Wednesday that is not today."""
    local = datetime.now(ZONE).replace(hour=12, minute=30, second=0, microsecond=0)
    return local + timedelta(days=1 + (WEDNESDAY - local.weekday() - 1) % 7)


@pytest.fixture
def schedule(stack, calendar):
    def insert(at, title=TITLE, state="QUEUED"):
        due_at = at if state == "QUEUED" else None
        stack.query(INSERT_SCHEDULED, title, state, at, due_at)
        return stack.query_value("SELECT max(id) FROM posts")

    return insert


def read_time(stack, post_id):
    at = stack.query_value(f"SELECT publish_at FROM posts WHERE id = {post_id}")
    return at.astimezone(ZONE)


def find_day(page, at):
    return page.locator(f'td[data-date="{at:%Y-%m-%d}"]')


def open_month(page, at):
    page.goto(f"/calendar?day={at:%Y-%m-%d}")
    return page


@pytest.mark.statement(24)
def test_dragging_keeps_the_time_of_day_and_can_be_undone(calendar, stack, schedule, noon):
    post_id, thursday = schedule(noon), noon + timedelta(days=1)
    open_month(calendar, noon)

    calendar.locator(f"#chip-{post_id}").drag_to(find_day(calendar, thursday))

    toast = calendar.locator("#toasts")
    expect(toast).to_contain_text(f"Moved {TITLE} to Thursday {thursday.day}")
    expect(find_day(calendar, thursday).locator(f"#chip-{post_id}")).to_contain_text("12:30")
    assert read_time(stack, post_id) == thursday

    toast.get_by_role("button", name="Undo").click()

    expect(find_day(calendar, noon).locator(f"#chip-{post_id}")).to_be_visible()
    assert read_time(stack, post_id) == noon


@pytest.mark.statement(24)
def test_a_post_that_is_being_sent_jumps_back_with_a_sentence(calendar, stack, schedule, noon):
    post_id = schedule(noon)
    open_month(calendar, noon)
    stack.query("UPDATE posts SET state = 'SENDING', due_at = NULL WHERE id = %s", post_id)

    calendar.locator(f"#chip-{post_id}").drag_to(find_day(calendar, noon + timedelta(days=1)))

    expect(calendar.locator("#toasts")).to_contain_text("It is already being sent")
    expect(find_day(calendar, noon).locator(f"#chip-{post_id}")).to_be_visible()
    expect(calendar.locator(f"#mover-{post_id}")).to_have_count(0)
    assert read_time(stack, post_id) == noon


def test_dragging_in_the_week_chooses_a_quarter_of_an_hour(calendar, stack, schedule, noon):
    post_id = schedule(noon)
    calendar.goto(f"/calendar?view=week&day={noon:%Y-%m-%d}")
    cell = calendar.locator(f'td[data-date="{noon + timedelta(days=1):%Y-%m-%d}"][data-hour="14"]')
    box = cell.bounding_box()

    calendar.locator(f"#chip-{post_id}").drag_to(
        cell, target_position={"x": box["width"] / 2, "y": box["height"] * 0.8}
    )

    expect(calendar.locator("#toasts")).to_contain_text("14:45")
    assert read_time(stack, post_id) == (noon + timedelta(days=1)).replace(hour=14, minute=45)


def test_a_full_day_is_said_before_anything_is_saved(calendar, stack, schedule, noon):
    thursday = noon + timedelta(days=1)
    post_id = schedule(noon + timedelta(days=2))
    for _ in range(5):
        schedule(thursday - timedelta(hours=1), "Others")
    open_month(calendar, noon)

    calendar.locator(f"#chip-{post_id}").drag_to(find_day(calendar, thursday))

    dialog = calendar.get_by_role("dialog")
    expect(dialog).to_contain_text("5 of 5 places are used")
    expect(dialog).to_contain_text("It would go out on Friday")
    assert read_time(stack, post_id) == noon + timedelta(days=2)
    assert "\n".join(find_axe_violations(calendar)) == ""
    save_screenshot(calendar, "calendar-full")

    dialog.get_by_role("button", name="Move anyway").click()

    expect(calendar.locator("#toasts")).to_contain_text(f"Moved {TITLE}")
    assert read_time(stack, post_id) == thursday


@pytest.mark.statement(25)
@pytest.mark.statement(38)
def test_keys_alone_move_a_post_and_the_move_is_announced(calendar, stack, schedule, noon):
    post_id, friday = schedule(noon), noon + timedelta(days=2)
    open_month(calendar, noon)
    calendar.locator(f"#d-{noon:%Y-%m-%d}").focus()
    for _ in range(6):
        calendar.keyboard.press("Tab")
        if calendar.evaluate("document.activeElement.id") == f"chip-{post_id}":
            break

    calendar.keyboard.press("m")
    expect(calendar.locator("#move-date")).to_be_focused()
    calendar.locator("#move-date").fill(f"{friday:%Y-%m-%d}")
    expect(calendar.get_by_role("dialog")).to_contain_text(
        f"Friday {friday.day} {friday:%B}, 12:30 (UTC"
    )
    calendar.keyboard.press("Enter")

    expect(calendar.locator('#toasts[role="status"]')).to_contain_text(
        f"Moved {TITLE} to Friday {friday.day} {friday:%B}, 12:30."
    )
    expect(calendar.locator(f"#chip-{post_id}")).to_be_focused()
    assert read_time(stack, post_id) == friday


@pytest.mark.statement(38)
def test_escape_closes_the_dialog_and_returns_the_focus(calendar, schedule, noon):
    post_id = schedule(noon)
    open_month(calendar, noon)
    calendar.locator(f"#mover-{post_id}").focus()
    calendar.keyboard.press("Enter")
    expect(calendar.get_by_role("dialog")).to_be_visible()

    calendar.keyboard.press("Escape")

    expect(calendar.get_by_role("dialog")).to_have_count(0)
    expect(calendar.locator(f"#mover-{post_id}")).to_be_focused()


def test_what_the_server_says_of_a_time_is_dropped_once_the_dialog_is_closed(
    calendar, schedule, noon
):
    post_id = schedule(noon)
    open_month(calendar, noon)
    calendar.evaluate(HOLD_ANSWERS_SCRIPT)
    calendar.locator(f"#mover-{post_id}").click()
    wait_until(lambda: calendar.evaluate("Boolean(window.releaseAnswer)"))
    calendar.keyboard.press("Escape")
    expect(calendar.get_by_role("dialog")).to_have_count(0)
    calendar.evaluate("window.releaseAnswer()")  # an error of the page fails the test at its end
    expect(calendar.locator(f"#mover-{post_id}")).to_be_focused()


def test_a_time_that_cannot_be_used_is_refused_in_words(calendar, stack, schedule, noon):
    post_id = schedule(noon)
    open_month(calendar, noon)
    calendar.locator(f"#chip-{post_id}").focus()
    calendar.keyboard.press("m")
    calendar.locator("#move-date").fill("2020-01-01")
    calendar.evaluate("document.querySelector('[data-move-form]').noValidate = true")
    calendar.get_by_role("button", name="Move", exact=True).click()

    expect(calendar.get_by_role("dialog")).to_contain_text("Choose a time in the future")
    assert read_time(stack, post_id) == noon


def test_arrows_go_from_day_to_day_and_into_the_next_month(calendar):
    calendar.goto("/calendar?day=2026-11-29")
    calendar.locator("#d-2026-11-29").focus()
    for key, day in (
        ("ArrowLeft", "2026-11-28"),
        ("ArrowUp", "2026-11-21"),
        ("Home", "2026-11-16"),
        ("End", "2026-11-22"),
        ("ArrowDown", "2026-11-29"),
        ("PageDown", "2026-12-29"),
        ("PageUp", "2026-11-29"),
        ("ArrowDown", "2026-12-06"),
        ("ArrowRight", "2026-12-07"),
    ):
        calendar.keyboard.press(key)
        expect(calendar.locator(f"#d-{day}")).to_be_focused()
    assert calendar.locator('a[data-day][tabindex="0"]').count() == 1


def test_a_changed_state_appears_without_reloading_and_keeps_the_focus(
    calendar, stack, schedule, noon
):
    post_id = schedule(noon)
    open_month(calendar, noon)
    chip = calendar.locator(f"#chip-{post_id}")
    expect(chip).to_contain_text("Scheduled")
    chip.focus()

    stack.query("UPDATE posts SET state = 'PUBLISHED', due_at = NULL WHERE id = %s", post_id)
    calendar.evaluate(REFRESH_SCRIPT)

    expect(chip).to_contain_text("Published")
    expect(chip).to_be_focused()


def find_month_end(noon):
    """The midnight between this month and the next one."""
    return (noon.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0)


@pytest.mark.statement(23)
@pytest.mark.parametrize("is_month_end", [False, True], ids=["midnight", "end of month"])
def test_the_same_posts_are_in_month_week_and_list(calendar, schedule, noon, is_month_end):
    midnight = find_month_end(noon) if is_month_end else noon.replace(hour=0, minute=0)
    times = [midnight + timedelta(minutes=minutes) for minutes in (-1, 0, 1)]
    expected = {schedule(at): f"{at:%Y-%m-%d}" for at in times}
    for view in ("month", "week"):
        days = {}
        for day in sorted(set(expected.values())):
            calendar.goto(f"/calendar?view={view}&day={day}")
            days |= find_chips(calendar)
        assert days == expected
    calendar.goto(f"/calendar?view=list&day={min(expected.values())}")
    links = calendar.locator(".day-list .title").filter(has_text=TITLE).all()
    assert {read_post_id(link) for link in links} == set(expected)


def find_chips(page):
    """The days on which the table of the calendar shows the posts of this test."""
    chips = page.locator("td[data-date] .chip").filter(has_text=TITLE).all()
    read_day = "chip => chip.closest('td').dataset.date"
    return {read_post_id(chip): chip.evaluate(read_day) for chip in chips}


def read_post_id(link):
    return int(re.search(r"\d+$", link.get_attribute("href"))[0])


def test_on_a_phone_the_month_has_icons_and_the_chosen_day_is_a_list(
    open_page, cookies, schedule, noon
):
    post_id = schedule(noon)
    phone = add_cookies(open_page(**PHONE), cookies)
    open_month(phone, noon)

    expect(phone.locator(f"#chip-{post_id}")).to_be_hidden()
    expect(phone.locator(f"#d-{noon:%Y-%m-%d} .dots svg").first).to_be_visible()
    expect(phone.locator(".day-list")).to_contain_text(TITLE)
    assert not phone.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert "\n".join(find_axe_violations(phone)) == ""
    save_screenshot(phone, "calendar-phone")

    phone.locator(".day-list [data-moves-post]").first.click()
    expect(phone.get_by_role("dialog")).to_be_visible()
    save_screenshot(phone, "calendar-phone-move")


@pytest.mark.parametrize(
    ("view", "scheme", "locale"),
    [("month", "light", "en-GB"), ("week", "dark", "fr-FR"), ("list", "dark", "en-GB")],
)
def test_every_view_and_the_dialog_are_accessible(
    open_page, cookies, schedule, noon, view, scheme, locale
):
    post_id = schedule(noon)
    options = {"locale": locale, "color_scheme": scheme, "viewport": {"width": 1280, "height": 900}}
    page = add_cookies(open_page(**options), cookies)
    page.goto(f"/calendar?view={view}&day={noon:%Y-%m-%d}")
    assert "\n".join(find_axe_violations(page)) == ""
    save_screenshot(page, f"calendar-{view}-{scheme}")

    opener = page.locator(f"#mover-{post_id}" if view != "list" else "[data-moves-post]").first
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert "\n".join(find_axe_violations(page)) == ""
    save_screenshot(page, f"calendar-{view}-{scheme}-move")


@pytest.mark.statement(39)
def test_without_scripts_a_post_is_moved_by_a_form(open_page, cookies, stack, schedule, noon):
    post_id, thursday = schedule(noon), noon + timedelta(days=1)
    page = add_cookies(open_page(java_script_enabled=False), cookies)
    open_month(page, noon)

    page.locator(f"#mover-{post_id}").click(force=True)
    page.fill("#move-date", f"{thursday:%Y-%m-%d}")
    page.get_by_role("button", name="Move", exact=True).click()

    expect(page.locator(".message.good")).to_contain_text(f"Moved {TITLE}")
    assert read_time(stack, post_id) == thursday
