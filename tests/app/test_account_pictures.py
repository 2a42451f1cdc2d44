"""Our copies of the pictures of accounts over HTTP: for their owner, and kept by browsers."""

import pytest
from sqlalchemy import insert, text

from app.http.context import CONTAINER_KEY
from db.accounts.pictures import AccountPicture
from tests.support.media_samples import encode_picture

INSERT_ACCOUNT = """INSERT INTO oauth_accounts
  (user_id, provider, open_id, scope, access_token_encrypted, metadata)
  VALUES (:user_id, 'tiktok', 'someone', '', 'x', '{"display_name": "Alice"}') RETURNING id"""


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def account_id(app, alice):
    """A login of Alice's with a picture of its own and one of an account behind it."""
    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        account_id = session.scalar(text(INSERT_ACCOUNT), {"user_id": alice.id})
        for destination_id, digest in ((None, "abc"), (7, "def")):
            values = {
                "oauth_account_id": account_id,
                "destination_id": destination_id,
                "url": "https://cdn.example.com/x.jpg",
                "image": encode_picture("JPEG", size=(128, 128)),
                "digest": digest,
            }
            session.execute(insert(AccountPicture).values(values))
    return account_id


def test_the_owner_gets_the_pictures_and_may_keep_them(sign_in, alice, account_id):
    browser = sign_in(alice)
    for path, digest in ((f"{account_id}", "abc"), (f"{account_id}/7", "def")):
        response = browser.get(f"/avatars/{path}")
        assert (response.status_code, response.mimetype) == (200, "image/jpeg")
        assert response.cache_control.private
        assert response.headers["ETag"] == f'"{digest}"'
        headers = {"If-None-Match": f'"{digest}"'}
        assert browser.get(f"/avatars/{path}", headers=headers).status_code == 304


def test_nobody_else_gets_a_picture(client, sign_in, make_user, account_id):
    mallory = sign_in(make_user("mallory@example.org"))
    for path in (f"{account_id}", f"{account_id}/7"):
        assert mallory.get(f"/avatars/{path}").status_code == 404
        assert client.get(f"/avatars/{path}").status_code == 302


def test_an_account_without_a_picture_has_no_address_for_one(sign_in, alice, account_id):
    page = sign_in(alice).get("/platforms").text
    assert f'src="/avatars/{account_id}?v=abc"' in page
    assert sign_in(alice).get(f"/avatars/{account_id}/8").status_code == 404
