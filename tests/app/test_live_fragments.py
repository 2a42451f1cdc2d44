"""Parts of pages that refresh themselves: a browser that has the newest is sent nothing."""

import re
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import template_rendered
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


@pytest.fixture
def rendered_templates(app):
    """The names of the templates that were rendered."""
    names = []

    def note_template(_app, template, **_):
        names.append(template.name)

    with template_rendered.connected_to(note_template, app):
        yield names


@pytest.mark.parametrize(
    ("address", "template"),
    [
        ("/widgets/overview", "_overview.html"),
        ("/posts/{post_id}/state", "_post.html"),
        ("/posts/{post_id}/state?part=verdict", "_post_short.html"),
    ],
)
def test_a_part_that_has_not_changed_is_not_even_rendered(
    browser, post_id, rendered_templates, address, template
):
    live = address.format(post_id=post_id)
    for _ in range(2):  # ages are in minutes: a new one may begin between the two
        first = browser.get(live)
        rendered_templates.clear()
        again = browser.get(live, headers={"If-None-Match": first.headers["ETag"]})
        if again.status_code == 304:
            break
    assert (again.status_code, rendered_templates) == (304, [])
    browser.get(live)
    assert rendered_templates == [template]


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Next week"},
        {"hold_reason": "operator"},
        {"publish_at": func.now() + timedelta(days=2)},
        {"publish_at": func.now() - timedelta(minutes=5)},
        {"state": "FAILED", "error_code": "duration_check_failed", "finished_at": func.now()},
    ],
)
def test_each_change_of_a_post_is_sent(browser, post_id, container, change):
    for live in ("/widgets/overview", f"/posts/{post_id}/state"):
        with container.database.transaction() as session:
            session.execute(update(Post).values(title="Tomorrow", hold_reason=None))
        first = browser.get(live)
        with container.database.transaction() as session:
            session.execute(update(Post).values(**change))
        again = browser.get(live, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 200, live
