"""Connecting an account: from our redirect over TikTok's consent page to an encrypted grant."""

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import func

from core.accounts.connect import complete_connection, start_connection
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.errors import OperationFailed
from core.jobs.runner import run_jobs
from db.session import Database
from tests.platforms.sandbox_client import (
    CLIENT_KEY,
    CLIENT_SECRET,
    REDIRECT_URI,
    fetch_page,
    run_tiktok_sandbox,
)
from tests.support.row_factory import HOUR, RowFactory, make_services

DAY = 24 * HOUR
ALL_SCOPES = ("user.info.basic", "video.upload", "video.publish")


@pytest.fixture(scope="module")
def running_sandbox():
    with run_tiktok_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox):
    for control in ("log", "faults", "settings"):
        running_sandbox.control(control, method="DELETE")
    return running_sandbox


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def services_factory(database_url, redis_url, sandbox):
    def make(**environ):
        return make_services(
            database_url,
            sandbox.url,
            REDIS_URL=redis_url,
            TIKTOK_CLIENT_KEY=CLIENT_KEY,
            TIKTOK_CLIENT_SECRET=CLIENT_SECRET,
            TIKTOK_REDIRECT_URI=REDIRECT_URI,
            TIKTOK_SCOPES=",".join(ALL_SCOPES),
            **environ,
        )

    return make


@pytest.fixture
def services(services_factory):
    return services_factory()


@pytest.fixture
def factory(database, services):
    return RowFactory(database, services.key_ring)


@pytest.fixture
def open_id(sandbox):
    open_id = "-000creator"
    sandbox.control("creators", open_id=open_id)
    return open_id


def submit_consent(url, open_id, scopes=ALL_SCOPES):
    """Give consent as the creator does; return the query parameters of the callback."""
    form_fields = [
        ("creator", open_id),
        ("decision", "allow"),
        *(("scopes", value) for value in scopes),
    ]
    status, headers, _ = fetch_page(url, urlencode(form_fields).encode())
    assert status == 302
    return {name: value[0] for name, value in parse_qs(urlsplit(headers["Location"]).query).items()}


@pytest.fixture
def connect_account(database, services, factory, open_id):
    user_id = factory.create_user()

    def connect(*, with_services=services, creator_id=open_id, scopes=ALL_SCOPES):
        with database.transaction() as session:
            redirect = start_connection(
                session, with_services, user_id=user_id, provider="tiktok", switch_account=True
            )
        callback = submit_consent(redirect.url, creator_id, scopes)
        assert callback["state"] == redirect.state
        callback_arguments = {"code": callback["code"], "state": callback["state"]}
        return complete_connection(
            database, with_services, user_id=user_id, provider="tiktok", **callback_arguments
        ).account_id

    return connect


def test_a_desktop_app_connects_with_a_challenge_in_hex(
    services_factory, sandbox, connect_account, factory
):
    sandbox.control("settings", desktop=True, strict_verifier=True)
    assert (
        factory.account(connect_account(with_services=services_factory(TIKTOK_PKCE="on"))).status
        == "ACTIVE"
    )


def test_without_a_challenge_the_platform_shows_an_error_page(database, services, sandbox, factory):
    sandbox.control("settings", desktop=True)
    with database.transaction() as session:
        redirect = start_connection(
            session, services, user_id=factory.create_user(), provider="tiktok"
        )
    status, headers, page = fetch_page(redirect.url)
    assert (status, headers["Location"]) == (400, None)
    assert "code_challenge" in page


@pytest.mark.parametrize(
    ("profile", "lifetimes"),
    [
        ("current", (2 * HOUR, 180 * DAY, 1.5 * HOUR)),
        ("older", (DAY, 365 * DAY, 23 * HOUR)),
    ],
)
def test_both_token_lifetime_profiles_are_followed(
    database, services, sandbox, factory, connect_account, profile, lifetimes
):
    access_lifetime, refresh_lifetime, refresh_delay = lifetimes
    sandbox.control("settings", profile=profile)
    account = connect_account()
    tolerance = timedelta(minutes=10)
    for _ in range(2):
        row = factory.account(account)
        refreshed_at = row.last_refreshed_at
        assert abs(row.expires_at - refreshed_at - access_lifetime) < tolerance
        assert abs(row.refresh_expires_at - refreshed_at - refresh_lifetime) < tolerance
        assert abs(row.due_at - refreshed_at - refresh_delay) < tolerance
        before = factory.decrypted_tokens(account)
        factory.update_account(account, due_at=func.now())
        run_jobs(REFRESH_JOB_TYPE, database, services, row_id=account)
        assert factory.decrypted_tokens(account)[0] != before[0]
    assert factory.account(account).token_version == 2
    assert factory.load_notifications(factory.account(account).user_id) == []


def test_a_scope_granted_later_resolves_its_notification(connect_account, factory):
    account = connect_account(scopes=ALL_SCOPES[:1])
    (notification,) = factory.load_notifications(factory.account(account).user_id)
    assert notification.payload["why"] == "video.upload,video.publish"
    assert connect_account() == account
    assert factory.account(account).scope == ",".join(ALL_SCOPES)
    (notification,) = factory.load_notifications(factory.account(account).user_id)
    assert notification.read_at is not None


def test_one_user_has_several_accounts_and_each_keeps_its_row(sandbox, connect_account, factory):
    sandbox.control("creators", open_id="-000another")
    first, second = connect_account(), connect_account(creator_id="-000another")
    assert first != second
    assert (connect_account(), connect_account(creator_id="-000another")) == (first, second)
    assert factory.account(first).user_id == factory.account(second).user_id


@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_refused_code_is_recognised_under_any_status(
    database, services, sandbox, factory, status
):
    sandbox.control("settings", oauth_status=status)
    user = factory.create_user()
    with database.transaction() as session:
        state = start_connection(session, services, user_id=user, provider="tiktok").state
    with pytest.raises(OperationFailed) as caught:
        complete_connection(
            database, services, user_id=user, provider="tiktok", code="spent*!1", state=state
        )
    assert caught.value.code == "token_exchange_failed"


def test_an_exchange_without_a_response_can_be_started_again(sandbox, connect_account, factory):
    sandbox.control("faults", endpoint="token", kind="drop_after")
    with pytest.raises(OperationFailed) as caught:
        connect_account()
    assert caught.value.code == "platform_error"
    assert len(sandbox.log("token")) == 1, "the code is sent only once"
    assert factory.account(connect_account()).status == "ACTIVE"
