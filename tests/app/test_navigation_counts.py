"""The numbers beside places of the navigation: what waits for the reader, and nothing of others."""

import re

import pytest
from sqlalchemy import text

from app.pages.navigation_counts import MOST_COUNTED
from tests.support.row_factory import RowFactory

ADD_COMMENTS = """
WITH login AS (
  INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at)
  SELECT id, 'instagram', 'login', 'instagram_basic', 'x', now() + interval '1 day'
  FROM users WHERE email = '{email}' RETURNING id, user_id),
account AS (
  INSERT INTO instagram_accounts (user_id, oauth_account_id, ig_business_id, username,
    access_level, selected)
  SELECT user_id, id, 'business', 'ada.bakes', 'FULL', true FROM login RETURNING id),
item AS (
  INSERT INTO ig_media (instagram_account_id, ig_id, media_type, timestamp)
  SELECT id, 'item', 'IMAGE', now() FROM account RETURNING id)
INSERT INTO ig_comments (ig_media_id, ig_id, from_user, text, timestamp, is_own, handled_at)
SELECT id, 'comment-' || n, 'visitor', 'Nice', now(), n = 1, CASE WHEN n = 2 THEN now() END
FROM item, generate_series(1, {number}) AS n"""
ADD_NOTIFICATIONS = """INSERT INTO notifications (user_id, kind, cause, payload)
  SELECT id, 'post_failed', 'cause-' || n, '{{}}'
  FROM users, generate_series(1, {number}) AS n WHERE email = '{email}'"""
COUNTED_LINK = re.compile(
    r'<a class="nav" href="([^"]*)"[^>]*>(?:(?!</a>).)*<span class="count">'
    r'<span aria-hidden="true">([^<]*)</span><span class="unseen">([^<]*)</span>'
)


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def alice_browser(sign_in, alice):
    return sign_in(alice)


@pytest.fixture
def add_rows(container):
    def add(statement, user, number):
        with container.database.transaction() as session:
            session.execute(text(statement.format(email=user.email, number=number)))

    return add


def counts_of(browser, path="/settings", **headers):
    """Address of a place → the number beside it and what it counts, in the side bar."""
    page = browser.get(path, headers=headers).text
    return {url: counted for url, *counted in COUNTED_LINK.findall(page)}


def test_nothing_is_counted_where_nothing_waits(alice_browser):
    assert counts_of(alice_browser) == {}


def test_comments_accounts_and_notifications_that_wait_are_counted(
    alice_browser, alice, add_rows, container
):
    add_rows(ADD_COMMENTS, alice, 5)
    add_rows(ADD_NOTIFICATIONS, alice, 2)
    factory = RowFactory(container.database, container.services.key_ring)
    factory.create_account(alice.id)
    factory.create_account(alice.id, status="NEEDS_RECONNECT", status_cause="refresh_refused")
    assert counts_of(alice_browser) == {
        "/comments": ["3", "3 not handled"],
        "/platforms": ["1", "1 needs to be reconnected"],
        "/notifications": ["2", "2 not read"],
    }
    french = counts_of(alice_browser, **{"Accept-Language": "fr"})
    assert french["/platforms"] == ["1", "1 à reconnecter"]


def test_what_waits_for_others_is_not_counted(alice_browser, make_user, add_rows, container):
    other = make_user("mallory@example.org")
    add_rows(ADD_COMMENTS, other, 5)
    add_rows(ADD_NOTIFICATIONS, other, 2)
    factory = RowFactory(container.database, container.services.key_ring)
    factory.create_account(other.id, status="NEEDS_RECONNECT")
    assert counts_of(alice_browser) == {}


def test_more_than_99_are_not_counted_further(alice_browser, alice, add_rows):
    add_rows(ADD_COMMENTS, alice, MOST_COUNTED + 20)
    add_rows(ADD_NOTIFICATIONS, alice, MOST_COUNTED + 20)
    counts = counts_of(alice_browser)
    assert (counts["/comments"][0], counts["/notifications"][0]) == ("99+", "99+")
