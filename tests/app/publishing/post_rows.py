"""Posts in the rows that pages list, and how a test reads and posts these pages."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func

from db.posts.posts import Post

NEW_POST = {
    "provider": "tiktok",
    "kind": "DIRECT_VIDEO",
    "source": "FILE_UPLOAD",
    "sent_by": "SIGNALPOST",
}


@pytest.fixture
def alice_browser(sign_in, alice):
    return sign_in(alice)


@pytest.fixture
def add_post(container, alice, factory):
    ends_at = func.now() + timedelta(days=300)
    account_id = factory.create_account(alice.id, refresh_expires_at=ends_at)

    def add(title="A video", **values):
        with container.database.transaction() as session:
            post = Post(
                **{**NEW_POST, "oauth_account_id": account_id, **values},
                user_id=alice.id,
                title=title,
            )
            session.add(post)
            session.flush()
            return post.id

    return add


def listed_titles(page):
    return re.findall(r'<a href="/posts/\d+">([^<]*)</a>', page.text)


def page_link(page, rel):
    found = re.search(rf'<a href="([^"]*)" rel="{rel}">', page.text)
    return found and found[1].replace("&amp;", "&")


def post_form(browser, path, **fields):
    token = re.search(r'name="csrf_token" value="([^"]*)"', browser.get("/posts").text)[1]
    return browser.post(path, data={"csrf_token": token, **fields})
