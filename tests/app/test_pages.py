"""Pages as a browser without scripts gets them: who may see what, in which language."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from app.language import catalogue
from app.pages import happened, looks, notices
from core.accounts.grants import SOLVED
from core.accounts.health import Health
from core.ledger.endings import DELIVERED, NOTICES
from db.accounts import Account, AccountStatus
from db.notices import Notifications
from db.posts import STATES
from tests.tenants import Tenants

CORE = Path(__file__).parents[2] / "core"
FRENCH = {"Accept-Language": "fr"}
OPEN = ("/static/", "/api/", "/login", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics")
OPEN += ("/m/", "/data-deletion/")
LINES = re.compile(r'(?:\.line|\.add|line|add)\(\s*post,\s*"([a-z]+)"')


@pytest.fixture
def tenants(house):
    return Tenants(house.database, house.world.keys)


@pytest.fixture
def alice(a_user):
    return a_user()


@pytest.fixture
def page(signed_in, alice):
    """Alice's browser."""
    return signed_in(alice)


@pytest.fixture
def a_notice(house, alice):
    def make(kind="post_failed", **told):
        with house.database.transaction() as session:
            Notifications(session).tell(alice.id, kind, cause=f"{kind}{told}", **told)
            return session.scalar(text("SELECT max(id) FROM notifications"))

    return make


def test_no_page_is_shown_to_a_stranger(app, client):
    """Whatever page there is, now or later."""
    paths = [
        re.sub(r"<int[^>]*>", "1", re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule))
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and not rule.rule.startswith(OPEN)
    ]
    assert len(paths) > 15
    answers = {path: client.get(path) for path in paths if "<" not in path}
    assert {path for path, answer in answers.items() if answer.status_code != 302} == set()
    assert all("/login?next=" in answer.location for answer in answers.values())


def test_a_page_says_which_language_it_is_in(page):
    english, french = page.get("/"), page.get("/", headers=FRENCH)
    assert '<html lang="en">' in english.text
    assert '<html lang="fr">' in french.text
    assert french.headers["Content-Language"] == "fr"
    assert "Accept-Language" in french.headers["Vary"]
    assert "Vos publications" in french.text


def test_an_account_that_is_no_longer_mine_is_not_found(page, tenants, a_user):
    theirs = tenants.an_account(a_user("mallory@example.org").id)
    for path in (
        f"/platforms/tiktok/disconnect/{theirs}",
        f"/platforms/tiktok/upload/quota?account_id={theirs}",
    ):
        assert page.get(path).status_code == 404
    assert page.post(f"/platforms/tiktok/disconnect/{theirs}").status_code == 404


def test_the_form_shows_what_is_left_before_anything_is_sent(page, tenants, alice):
    tenants.an_account(alice.id)
    form = page.get("/platforms/tiktok/upload").text
    assert re.search(
        r'<meter min="0" max="5"[^>]* value="0" aria-label="Drafts in the inbox"', form
    )
    assert "0 of 5 used" in form


def test_without_an_account_the_form_is_a_way_to_one(page):
    form = page.get("/platforms/tiktok/upload").text
    assert "<form data-upload" not in form
    assert "No TikTok account is connected, so there is nowhere to post to." in form


def test_an_id_that_is_none_names_no_account(page, tenants, alice):
    tenants.an_account(alice.id)
    for nonsense in ("x", "-1", "\N{FULLWIDTH DIGIT NINE}", "9" * 40):
        answer = page.get(f"/platforms/tiktok/upload/quota?account_id={nonsense}")
        assert answer.status_code == 200  # as if none had been named


def test_what_an_account_is_called_is_text_and_nothing_else(page, tenants, alice, house):
    account = tenants.an_account(alice.id)
    with house.database.transaction() as session:
        session.get(Account, account).details = {"display_name": "<script>alert(1)</script>"}
    for path in ("/", "/platforms", "/platforms/connect/tiktok", "/widgets/tiktok"):
        assert "<script>alert" not in page.get(path).text


@pytest.mark.parametrize(
    "asked", ["?state=NOTHING", "?from=2026-13-45", "?to=9999-12-31", "?cursor=x", "?q=%25_"]
)
def test_a_question_that_makes_no_sense_still_has_an_answer(page, asked):
    assert page.get(f"/posts{asked}").status_code == 200


def test_a_notice_says_what_happened_and_where_to_go(page, a_notice):
    a_notice(post_id=7, title="<b>Film</b>", code="duration_check_failed")
    shown = page.get("/notifications").text
    assert "“&lt;b&gt;Film&lt;/b&gt;” was not posted." in shown
    assert "longer or shorter" in shown
    assert 'href="/posts/7"' in shown
    french = page.get("/notifications", headers=FRENCH).text
    assert "n&#39;a pas été publiée." in french


def test_a_notice_is_read_by_its_owner_alone(page, a_notice, signed_in, a_user):
    notice = a_notice()
    mallory = signed_in(a_user("mallory@example.org"))
    assert mallory.post(f"/notifications/{notice}/read").status_code == 404
    assert page.post(f"/notifications/{notice}/read").status_code == 302
    assert "New" not in page.get("/notifications").text


def test_a_form_of_ours_needs_its_token(page, a_notice):
    notice = a_notice()
    stranger = page.without_token()
    for path in (f"/notifications/{notice}/read", "/notifications/read-all", "/settings/keys"):
        assert stranger.post(path).status_code == 403


def test_a_key_may_no_more_than_its_maker(page):
    answer = page.post("/settings/keys", data={"name": "bold", "scope": ["admin"]})
    assert answer.status_code == 400
    assert "Choose at least one permission that you have yourself." in answer.text


def test_a_key_of_somebody_else_cannot_be_revoked(page, house, a_user, an_api_key):
    an_api_key(a_user("mallory@example.org"))
    with house.database.transaction() as session:
        theirs = session.scalar(text("SELECT max(id) FROM api_keys"))
    assert page.post(f"/settings/keys/{theirs}/revoke").status_code == 404


def test_every_state_has_a_word_and_a_colour():
    assert set(STATES) <= looks.POSTS.keys()
    assert {str(status) for status in AccountStatus} <= looks.ACCOUNTS.keys()
    assert {str(each) for each in Health} - {"ended"} == looks.ACTIVE.keys()
    colours = {state: look.colour for state, look in looks.POSTS.items()}
    assert colours["PUBLISHED"] == "good"
    assert colours["PROCESSING"] == "busy"
    assert colours["FAILED"] == "bad"
    assert colours["QUEUED"] == colours["IN_INBOX"] == "wait"
    assert colours["CANCELLED"] == "none"


def test_every_notice_that_core_gives_has_a_sentence():
    told = {*NOTICES.values(), DELIVERED, *SOLVED}
    assert told - notices.SENTENCES.keys() == set()


def test_every_line_of_a_timeline_has_words():
    sources = [path.read_text(encoding="utf-8") for path in CORE.rglob("*.py")]
    kinds = {kind for source in sources for kind in LINES.findall(source)} - {"state"}
    assert len(kinds) > 5
    assert kinds - happened.HAPPENED.keys() == set()


def test_notes_of_core_in_a_timeline_are_translated():
    sources = [path.read_text(encoding="utf-8") for path in (CORE / "posts").rglob("*.py")]
    notes = {note for source in sources for note in re.findall(r'note="([^"{}]+)"', source)}
    assert notes
    assert notes - happened.NOTES.keys() == set()
    french = catalogue("fr")
    assert all(french.gettext(say) != say for say in happened.NOTES.values())
