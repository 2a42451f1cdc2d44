"""The settings of a user: language, time zone, theme, shortcuts, notifications."""

import pytest

from core.identity.preferences import list_inhabited_zones
from db.identity.notifications import Notifications
from tests.app.test_identity_sessions import form_token

FRENCH = {"Accept-Language": "fr"}
PROFILE = {"locale": "", "time_zone": "Asia/Kathmandu", "theme": "dark", "has_shortcuts": "1"}


@pytest.fixture
def alice_browser(sign_in, make_user):
    return sign_in(make_user())


@pytest.fixture
def save_profile(alice_browser):
    def save(**fields):
        data = {**PROFILE, **fields}
        return alice_browser.post("/settings/profile", data=data)

    return save


def test_a_chosen_time_zone_is_that_of_all_times(alice_browser, save_profile):
    assert " UTC</time>" in alice_browser.get("/settings").text
    assert save_profile().status_code == 302
    page = alice_browser.get("/settings").text
    assert "UTC+05:45</time>" in page
    assert '<option value="Asia/Kathmandu" selected>' in page


def test_a_chosen_theme_is_written_by_the_server(alice_browser, save_profile):
    assert "data-theme" not in alice_browser.get("/settings").text
    save_profile(theme="light")
    page = alice_browser.get("/settings").text
    assert ' data-theme="light"' in page
    assert '<meta name="color-scheme" content="light">' in page


def test_a_chosen_language_comes_before_the_browsers(alice_browser, save_profile):
    assert '<html lang="fr"' in alice_browser.get("/settings", headers=FRENCH).text
    save_profile(locale="en")
    assert '<html lang="en"' in alice_browser.get("/settings", headers=FRENCH).text
    save_profile(locale="fr")
    page = alice_browser.get("/settings").text
    assert '<html lang="fr"' in page
    assert "Vos réglages sont enregistrés." in page


def test_the_api_answers_in_the_language_of_the_request(alice_browser, save_profile):
    save_profile(locale="fr")
    english = alice_browser.get("/api/posts/1", headers={"Accept-Language": "en"})
    french = alice_browser.get("/api/posts/1")
    assert english.json["error"]["userMessage"] != french.json["error"]["userMessage"]
    assert alice_browser.get("/api/auth/me").json["data"]["locale"] == "fr"


@pytest.mark.parametrize(
    "fields",
    [
        {"locale": "de"},
        {"time_zone": ""},
        {"time_zone": "Europe/Nowhere"},
        {"time_zone": "../../etc/passwd"},
        {"theme": "red"},
    ],
)
def test_what_is_not_in_the_lists_is_refused(save_profile, fields):
    response = save_profile(**fields)
    assert response.status_code == 400
    assert "<title>Error: Settings" in response.text
    assert 'role="alert"' in response.text


def test_shortcuts_are_switched_off(alice_browser, save_profile):
    assert "shortcuts.js" in alice_browser.get("/settings").text
    save_profile(has_shortcuts="")
    page = alice_browser.get("/settings").text
    assert "shortcuts.js" not in page
    assert 'id="shortcuts"' not in page


def test_there_is_a_zone_for_each_inhabited_place(alice_browser):
    zones = list_inhabited_zones()
    assert {"Europe/Paris", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham"} <= {*zones}
    page = alice_browser.get("/settings", headers=FRENCH).text
    assert '<optgroup label="Amérique">' in page
    assert "Katmandou" in page


def test_the_zone_of_the_browser_is_taken_once(client, make_user):
    alice = make_user()
    for sent, stored in (
        ("Nowhere", "UTC"),
        ("Europe/Paris", "Europe/Paris"),
        ("Asia/Tokyo", "Europe/Paris"),
    ):
        browser = client.application.test_client()
        token = form_token(browser.get("/login"))
        form = {"email": alice.email, "password": alice.password, "csrf_token": token}
        browser.post("/login", data={**form, "time_zone": sent})
        assert f'data-zone="{stored}"' in browser.get("/settings").text


def test_kinds_of_notifications_are_hidden_and_not_counted(alice_browser, container):
    with container.database.transaction() as session:
        for kind in ("post_published", "post_failed"):
            Notifications(session).add(1, kind, cause="test", title=kind)
    assert 'aria-hidden="true">2</span>' in alice_browser.get("/settings").text
    saved = alice_browser.post("/settings/notifications", data={"kind": ["post_failed"]})
    assert saved.status_code == 302
    page = alice_browser.get("/notifications").text
    assert "“post_failed” was not posted." in page
    assert "“post_published” is published." not in page
    assert 'aria-hidden="true">1</span>' in page
    listed = alice_browser.get("/api/notifications").json["data"]
    assert {each["kind"] for each in listed} == {"post_published", "post_failed"}


def test_notifications_are_listed_by_the_day_of_the_reader(alice_browser, container, run_sql):
    with container.database.transaction() as session:
        for cause in ("one", "two"):
            Notifications(session).add(1, "post_failed", cause=cause, title=cause)
    run_sql("UPDATE notifications SET created_at = '2026-01-31 23:30+00' WHERE cause = 'one'")
    run_sql("UPDATE users SET time_zone = 'Europe/Paris'")
    page = alice_browser.get("/notifications").text
    assert "Sunday 1 February" in page
    assert "Today, " in page


def test_older_addresses_of_the_settings_lead_to_them(alice_browser):
    response = alice_browser.get("/settings/sign-in")
    assert (response.status_code, response.location) == (301, "/settings")


def test_a_fragment_is_not_sent_to_a_signed_out_reader(client, alice_browser):
    live = {"X-Requested-With": "live"}
    assert client.application.test_client().get("/notifications", headers=live).status_code == 401
    assert alice_browser.get("/notifications", headers=live).status_code == 200
