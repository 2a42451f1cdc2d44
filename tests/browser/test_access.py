"""Everybody can use the pages: by keyboard, in both languages, on a telephone, in the dark."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import A_POST, PATIENCE, admit, connect, picture, sign_in

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
PLACES = {
    "home": "/",
    "accounts": "/platforms",
    "connects": "/platforms/connect",
    "connect": "/platforms/connect/tiktok",
    "instagram": "/platforms/connect/instagram",
    "tiktok": "/platforms/tiktok",
    "upload": "/platforms/tiktok/upload",
    "posts": "/posts",
    "notices": "/notifications",
    "keys": "/settings/keys",
    "endpoints": "/settings/endpoints",
}
LONG = "Ein_sehr_langer_Titel_ohne_Leerzeichen_" * 4 + " 🌊🎉"
FAILED = "failed-post"
READERS = {
    "english": ("en-GB", 1280, "light"),
    "english-phone-dark": ("en-GB", 390, "dark"),
    "french-dark": ("fr-FR", 1280, "dark"),
    "french-phone-dark": ("fr-FR", 390, "dark"),
    "french-phone": ("fr-FR", 390, "light"),
}
A_NOTICE = (
    "INSERT INTO notifications (user_id, kind, cause, payload) VALUES (%s, %s, 'access', %s)"
    " ON CONFLICT DO NOTHING"
)
HERE = "(({id, name, textContent}) => id || name || textContent.trim())(document.activeElement)"
LISTEN = """() => {
  const place = document.querySelector('[data-part="spoken"]');
  window.heard = [];
  const hear = () => window.heard.push(place.textContent);
  new MutationObserver(hear).observe(place, {childList: true});
}"""
STRICT = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def furnished(browser, house, cookies):
    """Somebody with an account, a post with a long title and notices; for every later visitor."""
    context = browser.new_context(base_url=house.told["web"])
    context.set_default_timeout(PATIENCE)
    connect(admit(context.new_page(), cookies), house)
    context.close()
    house.rows(A_POST, LONG, "FAILED", None, False, "duration_check_failed")
    user, number = house.rows("SELECT user_id, id FROM posts ORDER BY id DESC LIMIT 1")[0]
    told = {"post_id": number, "title": LONG[:100], "name": "Ada", "code": "duration_check_failed"}
    for kind in ("post_failed", "post_published", "needs_reconnect"):
        house.rows(A_NOTICE, user, kind, json.dumps(told))
    return {**PLACES, FAILED: f"/posts/{number}"}


def faults_of(page):
    """What axe finds, as sentences."""
    page.evaluate(AXE)
    found = page.evaluate("options => axe.run(document, options)", STRICT)
    return [
        f"{fault['id']}: {fault['help']}: {node['html'][:120]}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


@pytest.fixture(scope="module")
def readers(browser, house, furnished, cookies):
    """Both languages, wide and narrow, light and dark."""
    found = {}
    for name, (locale, width, scheme) in READERS.items():
        context = browser.new_context(
            base_url=house.told["web"],
            locale=locale,
            color_scheme=scheme,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        found[name] = admit(context.new_page(), cookies)
    yield found
    for page in found.values():
        page.context.close()


@pytest.mark.parametrize("place", [*PLACES, FAILED])
@pytest.mark.parametrize("reader", ["english", "french-phone-dark"])
def test_every_page_is_open_to_everybody(readers, furnished, reader, place):
    """Contrast, names, landmarks, order of headings."""
    page = readers[reader]
    page.goto(furnished[place])
    assert "\n".join(faults_of(page)) == ""


@pytest.mark.parametrize("reader", READERS)
def test_no_page_is_wider_than_its_window(readers, furnished, reader):
    page = readers[reader]
    wide = []
    for name, path in furnished.items():
        page.goto(path)
        picture(page, f"{name}-{reader}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(name)
    assert wide == []


def test_axe_would_find_something(page):
    page.goto("/login")
    page.evaluate("document.querySelector('label').remove()")
    assert any(fault.startswith("label") for fault in faults_of(page))


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_the_form_for_direct_posts_is_open_to_everybody(a_page, cookies, furnished, locale):
    page = admit(a_page(locale=locale, reduced_motion="reduce"), cookies)
    page.goto("/platforms/tiktok/upload")
    page.check("[name=mode][value=DIRECT]")
    expect(page.locator("#privacy")).to_be_visible()
    page.check("[name=disclose]")
    page.check("[name=brand_content_toggle]")
    picture(page, f"direct-{locale[:2]}")
    assert faults_of(page) == []
    for sentence in (
        "Branded content visibility cannot be set to private.",
        "Your photo/video will be labeled as 'Paid partnership'",
        "By posting, you agree to TikTok's Branded Content Policy and Music Usage Confirmation",
    ):  # TikTok's own words stay word for word in every language
        expect(page.get_by_text(sentence).locator("visible=true").first).to_be_visible()


def test_pages_follow_the_browsers_language_and_say_so(a_page, cookies, furnished):
    french = admit(a_page(locale="fr-FR"), cookies)
    french.goto("/")
    assert french.get_attribute("html", "lang") == "fr"
    expect(french.get_by_role("heading", name="Accueil")).to_be_visible()
    french.goto(furnished["failed-post"])
    expect(french.get_by_text("Elle n'a pas été publiée.").first).to_be_visible()
    expect(french.get_by_text("La vidéo").first).to_be_visible()
    german = a_page(locale="de-DE")
    german.goto("/login")
    assert german.get_attribute("html", "lang") == "en"


def test_the_form_speaks_french_too(a_page, cookies, furnished):
    page = admit(a_page(locale="fr-FR"), cookies)
    page.goto("/platforms/tiktok/upload")
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Donnez un titre à la publication.")


def test_a_film_can_be_sent_with_the_keyboard_alone(form, film):
    # From the beginning: asked for only now, the browser may hear of the key first.
    form.on("filechooser", lambda chooser: chooser.set_files(film))
    form.keyboard.press("Tab")
    assert form.evaluate("document.activeElement.className") == "skip"
    form.keyboard.press("Enter")
    seen = []
    for _ in range(60):
        form.keyboard.press("Tab")
        here = form.evaluate(HERE)
        seen.append(here)
        if here == "video":
            form.keyboard.press("Enter")
            expect(form.locator('[data-part="chosen"]')).to_contain_text("holiday.mp4")
        if here == "title":
            form.keyboard.type("By keyboard")
        if here == "Upload" and "title" in seen:
            form.keyboard.press("Enter")
            break
    expect(form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    assert form.evaluate("document.activeElement.dataset.part") == "message"
    assert {"account", "mode", "video", "title", "publish_at"} <= set(seen)


def test_progress_is_told_to_those_who_do_not_see_it(form, heavy):
    form.evaluate(LISTEN)
    form.set_input_files("#video", heavy)
    form.fill("#title", "Heard")
    form.get_by_role("button", name="Upload", exact=True).click()
    expect(form.get_by_text("on its way to your TikTok inbox")).to_be_visible()
    assert any(re.fullmatch(r"\d+ per cent sent", said) for said in form.evaluate("window.heard"))


def test_nothing_moves_for_whoever_wants_it_still(a_page, cookies, furnished):
    page = admit(a_page(reduced_motion="reduce"), cookies)
    page.goto("/platforms/tiktok")
    moving = page.evaluate("document.getAnimations().length")
    assert moving == 0


def test_everything_but_uploading_works_without_a_script(a_page, house, furnished):
    page = sign_in(a_page(java_script_enabled=False), house.told)
    for path in furnished.values():
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
    page.goto("/platforms/tiktok/upload")
    assert (
        "Uploading needs JavaScript" in page.content()
    )  # drawn by browsers without, not by this one
    page.goto("/platforms/connect/tiktok")
    page.get_by_role("link", name=re.compile("^Disconnect")).click()
    expect(page.get_by_role("heading", name=re.compile("^Disconnect .*\\?$"))).to_be_visible()
    page.get_by_role("link", name="Keep it connected").click()
    page.goto("/notifications")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.locator(".message[role=status]")).to_contain_text("All notices are marked as read.")


def test_the_back_button_finds_a_page_that_can_be_used(connected):
    connected.goto("/platforms/connect/tiktok")
    link = connected.locator("a[data-busy]").last
    link.click()
    expect(connected.get_by_role("button", name="Allow")).to_be_visible()
    connected.go_back()
    expect(connected.locator("a[data-busy]").last).not_to_have_attribute("aria-disabled", "true")
    expect(connected.locator("a[data-busy]").last).to_contain_text("Connect")
