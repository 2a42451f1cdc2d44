"""What all pages share: sign-in, keyboard, updates, shortcuts, themes, the policy, their size."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import add_cookies, save_screenshot, sign_in
from tests.browser.test_accessibility import find_axe_violations, find_exceeded_widths

MAX_FIRST_LOAD = 150_000  # bytes on the wire
PAGES = ("/", "/posts", "/platforms", "/notifications", "/settings", "/settings/notifications")
REFRESH = (
    "document.querySelector('[data-live]').dispatchEvent(new Event('refresh-now', {bubbles: true}))"
)
WIDTHS = (360, 320)
"""Of a phone, and of a window of 1280 pixels at 400 % zoom."""
MERGE = """async () => {
  const { mergeChildren } = await import('/static/merge.js');
  const old = document.createElement('div');
  const list = (...items) => `<ul>${items.map((item) => `<li id="${item[0]}">${item}</li>`)}</ul>`;
  old.innerHTML = '<details id="d"><summary>a</summary></details>' + list('x', 'y');
  document.body.append(old);
  old.querySelector('details').open = true;
  const kept = old.querySelector('#y');
  const next = document.createElement('template');
  next.innerHTML = '<details id="d"><summary>b</summary></details>' + list('y!', 'z');
  mergeChildren(old, next.content);
  const isSame = old.querySelector('#y') === kept;
  const result = [isSame, old.querySelector('details').open, old.textContent];
  old.remove();
  return result;
}"""
FOCUS_OUTLINE = "() => getComputedStyle(document.activeElement).outlineStyle"


@pytest.mark.statement(1)
def test_a_wrong_password_is_one_alert_and_the_cursor_is_in_the_password(page, stack):
    page.goto("/login")
    page.fill("#email", stack.info["user"])
    page.fill("#password", "wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.get_by_role("alert")).to_contain_text("E-mail or password is wrong")
    assert page.title().startswith("Error:")
    assert page.input_value("#email") == stack.info["user"]
    assert page.input_value("#password") == ""
    expect(page.locator("#password")).to_be_focused()
    page.errors.clear()  # the browser reports the expected 401


@pytest.mark.parametrize(
    ("locale", "scheme"),
    [
        ("en-GB", "light"),
        ("fr-FR", "dark"),
        pytest.param("en-GB", "dark", marks=pytest.mark.chaos),
        pytest.param("fr-FR", "light", marks=pytest.mark.chaos),
    ],
)
def test_the_states_of_the_frame_are_accessible(open_page, cookies, locale, scheme):
    """The refused sign-in, a missing page, the list of shortcuts, the open bar of a phone."""
    page = open_page(locale=locale, color_scheme=scheme, reduced_motion="reduce")
    found = {}

    def look_at(name):
        save_screenshot(page, f"{name}-{locale[:2]}-{scheme}")
        found[name] = find_axe_violations(page)

    page.goto("/login")
    page.fill("#email", "nobody@example.org")
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    look_at("login-refused")
    add_cookies(page, cookies).goto("/nothing")
    look_at("missing")
    page.errors.clear()  # the browser reports the expected 401 and 404
    page.goto("/settings")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    look_at("shortcuts")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 360, "height": 800})
    page.locator(".tabs-bottom summary").click()
    look_at("more")
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_password_can_be_made_visible(page):
    page.goto("/login")
    page.fill("#password", "a password")
    page.get_by_role("button", name="Show the password").click()
    expect(page.locator("#password")).to_have_attribute("type", "text")
    expect(page.get_by_role("button", name="Show the password")).to_have_attribute(
        "aria-pressed", "true"
    )


@pytest.mark.statement(38)
def test_one_signs_in_with_the_keyboard_alone_and_sees_the_focus(page, stack):
    page.goto("/login")
    expect(page.locator("#email")).to_be_focused()
    page.keyboard.type(stack.info["user"])
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUS_OUTLINE) != "none"
    page.keyboard.type(stack.info["password"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_zone_of_the_browser_is_that_of_the_pages(open_page, stack):
    stack.query("UPDATE users SET time_zone = NULL WHERE email = %s", stack.info["user"])
    page = sign_in(open_page(timezone_id="Asia/Kathmandu"), stack.info)
    page.goto("/settings")
    expect(page.locator("time").last).to_contain_text("UTC+05:45")
    page.select_option("#time-zone", "UTC")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".message.good")).to_have_text("Your settings are saved.")
    expect(page.locator("time").last).to_contain_text(" UTC")


def test_a_chosen_theme_and_language_come_before_the_systems(open_page, cookies):
    page = add_cookies(open_page(color_scheme="light", locale="en-GB"), cookies)
    page.goto("/settings")
    page.get_by_label("Dark").check()
    page.select_option("#language", "fr")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Réglages")).to_be_visible()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(12, 17, 29)"
    page.get_by_label("Comme le système").check()
    page.select_option("#language", "")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_shortcuts_are_listed_lead_on_and_stay_off_in_fields(signed_in):
    signed_in.goto("/")
    signed_in.keyboard.press("?")
    dialog = signed_in.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    signed_in.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    signed_in.keyboard.press("g")
    signed_in.keyboard.press("p")
    signed_in.wait_for_url("**/posts")
    signed_in.locator("main input[type=search]").first.focus()
    signed_in.keyboard.type("g hn?")
    expect(signed_in).to_have_url(re.compile("/posts$"))
    expect(signed_in.get_by_role("dialog")).to_be_hidden()


def test_what_did_not_change_stays_when_a_fragment_is_merged(signed_in):
    signed_in.goto("/settings")
    assert signed_in.evaluate(MERGE) == [True, True, "by!,z"]


def test_a_lost_connection_is_announced_and_ends(account_page):
    account_page.goto("/")
    bar = account_page.locator("#connection-lost")
    expect(bar).to_be_hidden()
    account_page.evaluate("document.querySelector('[data-refresh]').dataset.refresh = '0.05'")
    pattern = re.compile(r"/$|/overview|/home|/state")
    account_page.route(pattern, lambda route: route.abort())
    account_page.evaluate(REFRESH)
    expect(bar).to_contain_text("No connection to signalpost since")
    account_page.unroute(pattern)
    account_page.evaluate(REFRESH)
    expect(bar).to_be_hidden()
    account_page.errors.clear()  # the browser reports the failed requests


def test_the_page_of_a_missing_address_says_where_to_go(signed_in):
    signed_in.goto("/nothing")
    expect(signed_in.get_by_role("heading", level=1)).to_be_visible()
    signed_in.errors.clear()  # the browser reports the expected 404
    signed_in.get_by_role("main").get_by_role("link", name="Home").click()
    signed_in.wait_for_url("**/")


def test_on_phones_more_leads_to_the_other_pages_without_script(open_page, cookies):
    phone = {"viewport": {"width": 360, "height": 800}, "java_script_enabled": False}
    page = add_cookies(open_page(**phone), cookies)
    page.goto("/")
    page.locator("summary", has_text="More").click()
    page.locator(".sheet").get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_no_page_of_the_frame_is_wider_than_a_phone_or_a_zoomed_window(open_page, cookies, locale):
    page = add_cookies(open_page(locale=locale), cookies)
    for path in PAGES:
        page.goto(path)
        assert find_exceeded_widths(page, WIDTHS) == [], path


@pytest.mark.statement(40)
@pytest.mark.parametrize("path", PAGES)
def test_the_first_load_of_a_page_is_small(open_page, cookies, path):
    """HTML plain, files compressed, pictures of accounts aside."""
    page = add_cookies(open_page(reduced_motion="reduce"), cookies)
    sizes = []
    page.on(
        "requestfinished",
        lambda request: sizes.append(request.sizes()["responseBodySize"]),
    )
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert len(sizes) > 4
    assert sum(sizes) <= MAX_FIRST_LOAD
    assert page.evaluate("document.getAnimations().length") == 0
