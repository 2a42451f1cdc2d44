"""The operators' page of platforms: settings without values, limits with their use."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.app.conftest import BrowserClient

INSERT_ACCOUNT = text(
    "INSERT INTO oauth_accounts (user_id, provider, open_id, scope, expires_at,"
    " access_token_encrypted) VALUES (:user, 'tiktok', 'open-1', 'video.upload',"
    " now() + interval '1 day', 'v1.x') RETURNING id"
)


@pytest.fixture
def root(make_user):
    return make_user("root@example.org", is_admin=True)


def read_limit_row(browser):
    """The row of `init`, the calls that begin a post at TikTok."""
    page = browser.get("/admin/platforms").text
    return page.partition('<th scope="row">init</th>')[2].partition("</tr>")[0]


def test_settings_are_named_without_values(sign_in, root):
    page = sign_in(root).get("/admin/platforms").text
    assert "TIKTOK_CLIENT_SECRET" in page
    assert "client-secret" not in page


def test_the_account_that_is_nearest_to_a_limit_is_named(sign_in, root, make_user, container):
    alice, browser = make_user(), sign_in(root)
    with container.database.transaction() as session:
        account_id = session.scalar(INSERT_ACCOUNT, {"user": alice.id})
    assert '<td class="n">0</td>' in read_limit_row(browser)
    for _ in range(5):
        container.services.rate_limits.acquire(account_id, "init")
    row = read_limit_row(browser)
    assert '<td class="n">5</td>' in row
    assert f"account {account_id}" in row
    assert f'href="/admin/users/{alice.id}"' in row
    assert "data-until" not in row
    container.services.rate_limits.acquire(account_id, "init")
    assert "Used up" in read_limit_row(browser)
    assert "data-until" in read_limit_row(browser)
    container.services.rate_limits.block(account_id, "init", timedelta(seconds=50))
    assert "Refused by the platform" in read_limit_row(browser)


def test_without_redis_the_use_of_limits_is_said_to_be_unknown(app_factory, root, valkey_server):
    server = valkey_server()
    app = app_factory.create_app(REDIS_URL=server.url())
    browser = BrowserClient(app, app.response_class, use_cookies=True).sign_in(root)
    sentence = "Redis, which counts the calls, does not answer."
    assert sentence not in browser.get("/admin/platforms").text
    server.kill()
    page = browser.get("/admin/platforms")
    assert page.status_code == 200
    assert sentence in page.text
    assert '<td class="n">\N{EN DASH}</td>' in read_limit_row(browser)
