"""Pages as a browser without scripts gets them: who may see what, in which language."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from app.http.i18n import load_catalogue
from app.pages import badges, notifications, timeline_view
from core.accounts.grant_lifecycle import RESOLVED_BY_RECONNECT
from core.accounts.view import AccountHealth
from core.post_state.transitions import DELIVERED_NOTIFICATION, NOTIFICATION_KINDS
from db.accounts.accounts import Account, AccountStatus
from db.identity.notifications import Notifications
from db.posts.posts import POST_STATES
from tests.support.row_factory import RowFactory

CORE_FOLDER = Path(__file__).parents[2] / "core"
FRENCH_HEADERS = {"Accept-Language": "fr"}
PUBLIC_PATHS = (
    "/static/",
    "/api/",
    "/login",
    "/docs",
    "/openapi.json",
    "/healthz",
    "/readyz",
    "/metrics",
)
PUBLIC_PATHS += ("/m/", "/data-deletion/")
TIMELINE_CALL = re.compile(r'(?:\.line|\.add|line|add)\(\s*post,\s*"([a-z]+)"')


@pytest.fixture
def factory(container):
    return RowFactory(container.database, container.services.key_ring)


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def alice_browser(sign_in, alice):
    """Alice's browser."""
    return sign_in(alice)


@pytest.fixture
def make_notification(container, alice):
    def make(kind="post_failed", **facts):
        with container.database.transaction() as session:
            Notifications(session).add(alice.id, kind, cause=f"{kind}{facts}", **facts)
            return session.scalar(text("SELECT max(id) FROM notifications"))

    return make


def test_no_page_is_shown_to_a_stranger(app, client):
    """Whatever page there is, now or later."""
    paths = [
        re.sub(r"<int[^>]*>", "1", re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule))
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and not rule.rule.startswith(PUBLIC_PATHS)
    ]
    assert len(paths) > 15
    answers = {path: client.get(path) for path in paths if "<" not in path}
    assert {path for path, response in answers.items() if response.status_code != 302} == set()
    assert all("/login?next=" in response.location for response in answers.values())


def test_a_page_says_which_language_it_is_in(alice_browser):
    english, french = alice_browser.get("/"), alice_browser.get("/", headers=FRENCH_HEADERS)
    assert '<html lang="en">' in english.text
    assert '<html lang="fr">' in french.text
    assert french.headers["Content-Language"] == "fr"
    assert "Accept-Language" in french.headers["Vary"]
    assert "Vos publications" in french.text


def test_an_account_that_is_no_longer_mine_is_not_found(alice_browser, factory, make_user):
    theirs = factory.create_account(make_user("mallory@example.org").id)
    for path in (
        f"/platforms/tiktok/disconnect/{theirs}",
        f"/platforms/tiktok/upload/quota?account_id={theirs}",
    ):
        assert alice_browser.get(path).status_code == 404
    assert alice_browser.post(f"/platforms/tiktok/disconnect/{theirs}").status_code == 404


def test_the_form_shows_what_is_left_before_anything_is_sent(alice_browser, factory, alice):
    factory.create_account(alice.id)
    form = alice_browser.get("/platforms/tiktok/upload").text
    assert re.search(
        r'<meter min="0" max="5"[^>]* value="0" aria-label="Drafts in the inbox"', form
    )
    assert "0 of 5 used" in form


def test_without_an_account_the_form_is_a_way_to_one(alice_browser):
    form = alice_browser.get("/platforms/tiktok/upload").text
    assert "<form data-upload" not in form
    assert "No TikTok account is connected, so there is nowhere to post to." in form


def test_an_id_that_is_none_names_no_account(alice_browser, factory, alice):
    factory.create_account(alice.id)
    for nonsense in ("x", "-1", "\N{FULLWIDTH DIGIT NINE}", "9" * 40):
        response = alice_browser.get(f"/platforms/tiktok/upload/quota?account_id={nonsense}")
        assert response.status_code == 200  # as if none had been named


def test_what_an_account_is_called_is_text_and_nothing_else(
    alice_browser, factory, alice, container
):
    account = factory.create_account(alice.id)
    with container.database.transaction() as session:
        session.get(Account, account).details = {"display_name": "<script>alert(1)</script>"}
    for path in ("/", "/platforms", "/platforms/connect/tiktok", "/widgets/tiktok"):
        assert "<script>alert" not in alice_browser.get(path).text


@pytest.mark.parametrize(
    "asked", ["?state=NOTHING", "?from=2026-13-45", "?to=9999-12-31", "?cursor=x", "?q=%25_"]
)
def test_a_question_that_makes_no_sense_still_has_an_answer(alice_browser, asked):
    assert alice_browser.get(f"/posts{asked}").status_code == 200


def test_a_notification_says_what_happened_and_where_to_go(alice_browser, make_notification):
    make_notification(post_id=7, title="<b>Film</b>", code="duration_check_failed")
    shown = alice_browser.get("/notifications").text
    assert "“&lt;b&gt;Film&lt;/b&gt;” was not posted." in shown
    assert "longer or shorter" in shown
    assert 'href="/posts/7"' in shown
    french = alice_browser.get("/notifications", headers=FRENCH_HEADERS).text
    assert "n&#39;a pas été publiée." in french


def test_a_notification_is_read_by_its_owner_alone(
    alice_browser, make_notification, sign_in, make_user
):
    notice = make_notification()
    mallory = sign_in(make_user("mallory@example.org"))
    assert mallory.post(f"/notifications/{notice}/read").status_code == 404
    assert alice_browser.post(f"/notifications/{notice}/read").status_code == 302
    assert "New" not in alice_browser.get("/notifications").text


def test_a_form_of_ours_needs_its_token(alice_browser, make_notification):
    notice = make_notification()
    other_user = alice_browser.without_csrf_token()
    for path in (f"/notifications/{notice}/read", "/notifications/read-all", "/settings/keys"):
        assert other_user.post(path).status_code == 403


def test_a_key_may_no_more_than_its_maker(alice_browser):
    response = alice_browser.post("/settings/keys", data={"name": "bold", "scope": ["admin"]})
    assert response.status_code == 400
    assert "Choose at least one permission that you have yourself." in response.text


def test_a_key_of_somebody_else_cannot_be_revoked(
    alice_browser, container, make_user, make_api_key
):
    make_api_key(make_user("mallory@example.org"))
    with container.database.transaction() as session:
        theirs = session.scalar(text("SELECT max(id) FROM api_keys"))
    assert alice_browser.post(f"/settings/keys/{theirs}/revoke").status_code == 404


def test_every_state_has_a_word_and_a_colour():
    assert set(POST_STATES) <= badges.POST_BADGES.keys()
    assert {str(status) for status in AccountStatus} <= badges.ACCOUNT_BADGES.keys()
    assert {str(each) for each in AccountHealth} - {"ended"} == badges.ACTIVE_ACCOUNT_BADGES.keys()
    colours = {state: look.colour for state, look in badges.POST_BADGES.items()}
    assert colours["PUBLISHED"] == "good"
    assert colours["PROCESSING"] == "busy"
    assert colours["FAILED"] == "bad"
    assert colours["QUEUED"] == colours["IN_INBOX"] == "wait"
    assert colours["CANCELLED"] == "none"


def test_every_notification_kind_has_a_sentence():
    told = {*NOTIFICATION_KINDS.values(), DELIVERED_NOTIFICATION, *RESOLVED_BY_RECONNECT}
    assert told - notifications.KIND_SENTENCES.keys() == set()


def test_every_line_of_a_timeline_has_words():
    sources = [path.read_text(encoding="utf-8") for path in CORE_FOLDER.rglob("*.py")]
    kinds = {kind for source in sources for kind in TIMELINE_CALL.findall(source)} - {"state"}
    assert len(kinds) > 5
    assert kinds - timeline_view.EVENT_LABELS.keys() == set()


def test_notes_of_core_in_a_timeline_are_translated():
    sources = [
        path.read_text(encoding="utf-8") for path in (CORE_FOLDER / "publishing").rglob("*.py")
    ]
    notes = {note for source in sources for note in re.findall(r'note="([^"{}]+)"', source)}
    assert notes
    assert notes - timeline_view.NOTE_TEXTS.keys() == set()
    french = load_catalogue("fr")
    assert all(french.gettext(say) != say for say in timeline_view.NOTE_TEXTS.values())
