"""Pages as a browser without scripts gets them: who may see what, in which language."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from app.http.i18n import load_catalogue
from app.notification_texts import DELIVERED_KINDS, KIND_SENTENCES
from app.pages import badges, timeline_view
from core.accounts.grant_lifecycle import RESOLVED_BY_RECONNECT
from core.accounts.view import AccountHealth
from core.post_state.transitions import NOTIFICATION_KINDS
from db.accounts.accounts import Account, AccountStatus
from db.identity.notifications import Notifications
from db.posts.posts import POST_STATES

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
    "/statusz",
    "/metrics",
    "/m/",
    "/data-deletion/",
)
TIMELINE_CALL = re.compile(
    r'(?:PostEvents\(session\)\.add|\.add_timeline_entry)\(\s*[^"]+?,\s*"([a-z]+)"'
)


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


def test_every_page_needs_a_login(app, client):
    """All pages, including those added later."""
    paths = [
        re.sub(r"<int[^>]*>", "1", re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule))
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and not rule.rule.startswith(PUBLIC_PATHS)
    ]
    assert len(paths) > 15
    responses = {path: client.get(path) for path in paths if "<" not in path}
    assert {path for path, response in responses.items() if response.status_code != 302} == set()
    assert all("/login?next=" in response.location for response in responses.values())


def test_a_page_says_which_language_it_is_in(alice_browser):
    english, french = alice_browser.get("/"), alice_browser.get("/", headers=FRENCH_HEADERS)
    assert '<html lang="en"' in english.text
    assert '<html lang="fr"' in french.text
    assert french.headers["Content-Language"] == "fr"
    assert "Accept-Language" in french.headers["Vary"]
    assert "trois étapes" in french.text


def test_an_account_of_another_user_is_not_found(alice_browser, factory, make_user):
    other_id = factory.create_account(make_user("mallory@example.org").id)
    assert alice_browser.get(f"/platforms/tiktok/disconnect/{other_id}").status_code == 404
    assert alice_browser.post(f"/compose/blocks/tiktok-a{other_id}").status_code == 404
    assert alice_browser.post(f"/platforms/tiktok/disconnect/{other_id}").status_code == 404


def test_the_checks_contain_the_remaining_quota(alice_browser, factory, alice):
    key = f"tiktok-a{factory.create_account(alice.id)}"
    checks = alice_browser.post("/compose/checks", data={"account": key}).text
    assert re.search(r'<meter [^>]*value="0" aria-label="[^"]*Drafts in the inbox"', checks)
    assert "0 of 5" in checks


def test_without_an_account_the_upload_page_links_to_connecting_one(alice_browser):
    form = alice_browser.get("/platforms/tiktok/upload").text
    assert 'id="composer"' not in form
    assert "No account of TikTok is connected, so there is nowhere to post to." in form


def test_a_malformed_account_counts_as_none(alice_browser, factory, alice):
    factory.create_account(alice.id)
    for malformed in ("x", "tiktok-a-1", "\N{FULLWIDTH DIGIT NINE}", "9" * 40):
        response = alice_browser.post("/compose/checks", data={"account": malformed})
        assert "Choose an account to publish to." in response.text


def test_an_account_name_is_escaped(alice_browser, factory, alice, container):
    account = factory.create_account(alice.id)
    with container.database.transaction() as session:
        session.get(Account, account).details = {"display_name": "<script>alert(1)</script>"}
    for path in ("/", "/platforms", "/platforms/connect/tiktok", "/widgets/tiktok"):
        assert "<script>alert" not in alice_browser.get(path).text


@pytest.mark.parametrize(
    "query", ["?state=NOTHING", "?from=2026-13-45", "?to=9999-12-31", "?cursor=x", "?q=%25_"]
)
def test_meaningless_filters_of_the_post_list_are_ignored(alice_browser, query):
    assert alice_browser.get(f"/posts{query}").status_code == 200


def test_a_notification_has_its_reason_and_a_link(alice_browser, make_notification):
    make_notification(post_id=7, title="<b>Video</b>", code="duration_check_failed")
    page_text = alice_browser.get("/notifications").text
    assert "“&lt;b&gt;Video&lt;/b&gt;” was not posted." in page_text
    assert "longer or shorter" in page_text
    assert 'href="/posts/7"' in page_text
    french = alice_browser.get("/notifications", headers=FRENCH_HEADERS).text
    assert "n&#39;a pas été publiée." in french


@pytest.mark.parametrize(
    ("facts", "name"), [({"platform": "instagram"}, "Instagram"), ({}, "the platform")]
)
def test_a_notification_names_the_platform_if_it_is_known(
    alice_browser, make_notification, facts, name
):
    make_notification(kind="post_unconfirmed", title="A video", **facts)
    assert f"It is being checked with {name}." in alice_browser.get("/notifications").text


def test_only_its_owner_can_mark_a_notification_as_read(
    alice_browser, make_notification, sign_in, make_user
):
    notification_id = make_notification()
    mallory = sign_in(make_user("mallory@example.org"))
    assert mallory.post(f"/notifications/{notification_id}/read").status_code == 404
    assert alice_browser.post(f"/notifications/{notification_id}/read").status_code == 302
    assert ">New<" not in alice_browser.get("/notifications").text


def test_every_form_needs_its_csrf_token(alice_browser, make_notification):
    notification_id = make_notification()
    browser_without_token = alice_browser.without_csrf_token()
    for path in (
        f"/notifications/{notification_id}/read",
        "/notifications/read-all",
        "/settings/keys",
    ):
        assert browser_without_token.post(path).status_code == 403


def test_a_key_cannot_have_a_scope_that_its_owner_lacks(alice_browser):
    response = alice_browser.post("/settings/keys", data={"name": "bold", "scope": ["admin"]})
    assert response.status_code == 400
    assert "Choose at least one scope that you have yourself." in response.text


@pytest.mark.parametrize("name", ["", "\u200b", "\u202e\u0301", "x" * 101])
def test_a_key_needs_a_name_that_can_be_read(alice_browser, name):
    response = alice_browser.post("/settings/keys", data={"name": name, "scope": ["posts:read"]})
    assert response.status_code == 400
    assert "Give the key a name of at most 100 characters." in response.text


def test_a_key_of_another_user_cannot_be_revoked(alice_browser, container, make_user, make_api_key):
    make_api_key(make_user("mallory@example.org"))
    with container.database.transaction() as session:
        other_id = session.scalar(text("SELECT max(id) FROM api_keys"))
    assert alice_browser.post(f"/settings/keys/{other_id}/revoke").status_code == 404


def test_every_state_has_a_badge():
    assert set(POST_STATES) <= badges.POST_BADGES.keys()
    assert {str(status) for status in AccountStatus} <= badges.ACCOUNT_BADGES.keys()
    assert {str(health) for health in AccountHealth} - {
        "ended"
    } == badges.ACTIVE_ACCOUNT_BADGES.keys()
    colours = {state: badge.colour for state, badge in badges.POST_BADGES.items()}
    assert colours["PUBLISHED"] == "good"
    assert colours["PROCESSING"] == "busy"
    assert colours["FAILED"] == "bad"
    assert colours["QUEUED"] == badges.DRAFT_COLOUR == "wait"
    assert colours["UNCONFIRMED"] == "ask"
    assert colours["SCHEDULED"] == colours["CANCELLED"] == "calm"


def test_every_notification_kind_has_a_sentence():
    kinds = {*NOTIFICATION_KINDS.values(), *DELIVERED_KINDS, *RESOLVED_BY_RECONNECT}
    assert kinds - KIND_SENTENCES.keys() == set()


def test_every_kind_of_timeline_event_has_a_label():
    sources = [path.read_text(encoding="utf-8") for path in CORE_FOLDER.rglob("*.py")]
    kinds = {kind for source in sources for kind in TIMELINE_CALL.findall(source)} - {"state"}
    assert kinds >= {"request", "started", "found", "restart", "contradiction", "cancel"}
    assert kinds - timeline_view.EVENT_LABELS.keys() == set()


def test_notes_of_core_in_a_timeline_are_translated():
    sources = [path.read_text(encoding="utf-8") for path in CORE_FOLDER.rglob("*.py")]
    notes = {note for source in sources for note in re.findall(r'note="([^"{}]+)"', source)}
    assert notes
    assert notes - timeline_view.NOTE_TEXTS.keys() == set()
    french = load_catalogue("fr")
    assert all(french.gettext(text) != text for text in timeline_view.NOTE_TEXTS.values())
