"""Parts of pages that refresh themselves: a browser that has the newest is sent nothing."""

import re
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, update

from db.posts.posts import Post
from tests.support.row_factory import RowFactory

TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
LIVE_ADDRESS = re.compile(r'data-live="([^"]+)"')
GROUP_ID = uuid4()


@pytest.fixture
def operator(sign_in, make_user):
    return make_user(is_admin=True)


@pytest.fixture
def browser(sign_in, operator):
    return sign_in(operator)


@pytest.fixture
def post_id(container, operator):
    """A post of a group, for tomorrow."""
    factory = RowFactory(container.database, container.services.key_ring)
    tomorrow = func.now() + timedelta(days=1)
    return factory.create_post(
        factory.create_account(operator.id),
        title="Tomorrow",
        publish_at=tomorrow,
        due_at=tomorrow,
        group_id=GROUP_ID,
    )


def load_when_its_tokens_differ(browser, live, page):
    """Load a part, and again when the token of forms is another one, which it is each second."""
    first, token = browser.get(live), TOKEN.search(page)[1]
    while TOKEN.search(browser.get("/settings").text)[1] == token:
        time.sleep(0.05)
    return first, browser.get(live, headers={"If-None-Match": first.headers["ETag"]})


@pytest.mark.parametrize(
    "address",
    ["/", "/calendar", "/platforms/tiktok", "/posts/{post_id}", "/compose/sent/{group_id}"],
)
def test_a_part_that_has_not_changed_is_not_sent_again(browser, post_id, container, address):
    page = browser.get(address.format(post_id=post_id, group_id=GROUP_ID)).text
    live = LIVE_ADDRESS.search(page)[1].replace("&amp;", "&")
    first, again = load_when_its_tokens_differ(browser, live, page)
    if again.status_code == 200:  # ages are in minutes: a new one began between the two
        first, again = load_when_its_tokens_differ(browser, live, page)
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    with container.database.transaction() as session:
        session.execute(update(Post).values(state="CANCELLED", due_at=None, finished_at=func.now()))
    changed = browser.get(live, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200
    assert changed.text != first.text
