"""From our first redirect over TikTok's consent page to a sealed grant."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import func

from core.accounts.connect import begin, complete
from core.accounts.refresh import WORK
from core.engine.work import run
from core.errors import Failed
from db.session import Database
from tests.platforms.stage import CLIENT_KEY, CLIENT_SECRET, REDIRECT, browse, tiktok
from tests.tenants import HOUR, Tenants, a_world

DAY = 24 * HOUR
ALL = ("user.info.basic", "video.upload", "video.publish")


@pytest.fixture(scope="module")
def platform():
    with tiktok() as stage:
        yield stage


@pytest.fixture
def stage(platform):
    for what in ("log", "faults", "settings"):
        platform.control(what, method="DELETE")
    return platform


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def a_house(database_url, redis_url, stage):
    def make(**environ):
        return a_world(
            database_url,
            stage.url,
            REDIS_URL=redis_url,
            TIKTOK_CLIENT_KEY=CLIENT_KEY,
            TIKTOK_CLIENT_SECRET=CLIENT_SECRET,
            TIKTOK_REDIRECT_URI=REDIRECT,
            TIKTOK_SCOPES=",".join(ALL),
            **environ,
        )

    return make


@pytest.fixture
def world(a_house):
    return a_house()


@pytest.fixture
def tenants(database, world):
    return Tenants(database, world.keys)


@pytest.fixture
def creator(stage):
    name = "-000somebody"
    stage.control("creators", open_id=name)
    return name


def consented(url, creator, scopes=ALL):
    """What the callback is asked with."""
    pressed = [("creator", creator), ("decision", "allow"), *(("scopes", one) for one in scopes)]
    status, headers, _ = browse(url, urlencode(pressed).encode())
    assert status == 302
    return {name: one[0] for name, one in parse_qs(urlsplit(headers["Location"]).query).items()}


@pytest.fixture
def connect(database, world, tenants, creator):
    user = tenants.a_user()

    def once(*, by=world, who=creator, scopes=ALL):
        with database.transaction() as session:
            departure = begin(session, by, user_id=user, provider="tiktok", switch=True)
        back = consented(departure.url, who, scopes)
        assert back["state"] == departure.state
        asked = {"code": back["code"], "state": back["state"]}
        return complete(database, by, user_id=user, provider="tiktok", **asked).account_id

    return once


def test_a_desktop_app_connects_with_a_challenge_in_hex(a_house, stage, connect, tenants):
    stage.control("settings", desktop=True, strict_verifier=True)
    assert tenants.account(connect(by=a_house(TIKTOK_PKCE="on"))).status == "ACTIVE"


def test_and_without_one_the_platform_shows_a_page_of_its_own(database, world, stage, tenants):
    stage.control("settings", desktop=True)
    with database.transaction() as session:
        departure = begin(session, world, user_id=tenants.a_user(), provider="tiktok")
    status, headers, page = browse(departure.url)
    assert (status, headers["Location"]) == (400, None)
    assert "code_challenge" in page


@pytest.mark.parametrize(
    ("profile", "lifetimes"),
    [
        ("current", (2 * HOUR, 180 * DAY, 1.5 * HOUR)),
        ("older", (DAY, 365 * DAY, 23 * HOUR)),
    ],
)
def test_both_profiles_of_lifetimes_are_lived_by(
    database, world, stage, tenants, connect, profile, lifetimes
):
    access, refresh, due = lifetimes
    stage.control("settings", profile=profile)
    account = connect()
    little = timedelta(minutes=10)
    for _ in range(2):
        row = tenants.account(account)
        began = row.last_refreshed_at
        assert abs(row.expires_at - began - access) < little
        assert abs(row.refresh_expires_at - began - refresh) < little
        assert abs(row.due_at - began - due) < little
        before = tenants.tokens(account)
        tenants.change(account, due_at=func.now())
        run(WORK, database, world, only=account)
        assert tenants.tokens(account)[0] != before[0]
    assert tenants.account(account).token_version == 2
    assert tenants.notices(tenants.account(account).user_id) == []


def test_a_permission_comes_later_and_the_notice_about_it_goes(connect, tenants):
    account = connect(scopes=ALL[:1])
    (notice,) = tenants.notices(tenants.account(account).user_id)
    assert notice.payload["why"] == "video.upload,video.publish"
    assert connect() == account
    assert tenants.account(account).scope == ",".join(ALL)
    (notice,) = tenants.notices(tenants.account(account).user_id)
    assert notice.read_at is not None


def test_one_user_has_several_accounts_and_each_keeps_its_row(stage, connect, tenants):
    stage.control("creators", open_id="-000another")
    first, second = connect(), connect(who="-000another")
    assert first != second
    assert (connect(), connect(who="-000another")) == (first, second)
    assert tenants.account(first).user_id == tenants.account(second).user_id


@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_refusal_is_one_under_any_status(database, world, stage, tenants, status):
    stage.control("settings", oauth_status=status)
    user = tenants.a_user()
    with database.transaction() as session:
        state = begin(session, world, user_id=user, provider="tiktok").state
    with pytest.raises(Failed) as caught:
        complete(database, world, user_id=user, provider="tiktok", code="spent*!1", state=state)
    assert caught.value.code == "token_exchange_failed"


def test_an_exchange_without_an_answer_is_begun_anew_and_nothing_is_half_there(
    stage, connect, tenants
):
    stage.control("faults", endpoint="token", kind="drop_after")
    with pytest.raises(Failed) as caught:
        connect()
    assert caught.value.code == "platform_error"
    assert len(stage.log("token")) == 1, "a code is shown once"
    assert tenants.account(connect()).status == "ACTIVE"
