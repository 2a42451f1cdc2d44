"""The calendar as a browser without scripts gets it: views, filters, and moving a post."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text

from db.posts.posts import Post
from tests.support.publishing_harness import PublishingHarness
from tests.support.row_factory import RowFactory

ZONE = ZoneInfo("Europe/Paris")
JSON = {"Accept": "application/json"}
HOUR = timedelta(hours=1)


@pytest.fixture
def alice(make_user, container):
    user = make_user()
    set_zone(container, user.id, ZONE.key)
    return user


def set_zone(container, user_id, name):
    with container.database.transaction() as session:
        values = {"name": name, "id": user_id}
        session.execute(text("UPDATE users SET time_zone = :name WHERE id = :id"), values)


@pytest.fixture
def publisher(container):
    factory = RowFactory(container.database, container.services.key_ring)
    return PublishingHarness(container.database, container.services, factory, None)


@pytest.fixture
def account_id(publisher, alice):
    return publisher.factory.create_account(alice.id)


@pytest.fixture
def browser(sign_in, alice):
    return sign_in(alice)


@pytest.fixture
def noon():
    """Noon on the reader's clock, the day after tomorrow."""
    local = datetime.now(ZONE) + timedelta(days=2)
    return local.replace(hour=12, minute=0, second=0, microsecond=0).astimezone(UTC)


@pytest.fixture
def make_post(publisher, account_id):
    def make(publish_at, title="A video", account_id=account_id, **columns):
        columns = {"publish_at": publish_at, "due_at": publish_at, "title": title, **columns}
        return publisher.factory.create_post(account_id, **columns)

    return make


def local_day(at):
    return at.astimezone(ZONE).date()


def days_with(html, title):
    """The days under which a list shows a post."""
    parts = re.split(r'<h3 class="day">', html)
    return [
        part.partition("</h3>")[0].strip() for part in parts if title in part.partition("</h3>")[2]
    ]


def test_a_post_is_on_its_day_at_its_local_time(browser, make_post, noon):
    make_post(noon, "Lunch")

    html = browser.get(f"/calendar?day={local_day(noon)}").text

    cell = re.search(rf'data-date="{local_day(noon)}".*?</td>', html, re.DOTALL)[0]
    assert "<b>12:00</b>" in cell
    assert "Lunch" in cell


@pytest.mark.parametrize("minutes", [-1, 1])
def test_all_views_agree_around_midnight(browser, make_post, noon, minutes):
    midnight = noon.astimezone(ZONE).replace(hour=0).astimezone(UTC)
    at = midnight + timedelta(minutes=minutes)
    post_id = make_post(at, "Late")
    day = local_day(at)

    for view in ("month", "week", "list"):
        html = browser.get(f"/calendar?view={view}&day={day}").text
        assert f"/posts/{post_id}" in html, view
    month = browser.get(f"/calendar?day={day}").text
    cell = re.search(rf'data-date="{day}".*?</td>', month, re.DOTALL)[0]
    assert f"chip-{post_id}" in cell


def test_posts_of_a_group_have_one_chip(browser, make_post, noon, publisher, alice):
    other_id, group = publisher.factory.create_account(alice.id), uuid4()
    first = make_post(noon, "Both", group_id=group)
    second = make_post(noon, "Both", other_id, group_id=group)

    html = browser.get(f"/calendar?view=week&day={local_day(noon)}").text

    assert f"chip-{first}" in html
    assert f"chip-{second}" not in html


def test_a_day_shows_three_chips_and_says_how_many_more(browser, make_post, noon):
    for number in range(5):
        make_post(noon + number * HOUR, f"Post {number}")

    html = browser.get(f"/calendar?day={local_day(noon)}").text
    cell = re.search(rf'data-date="{local_day(noon)}".*?</td>', html, re.DOTALL)[0]

    assert cell.count('class="chip"') == 3
    assert "2 more" in cell
    assert "5 posts" in cell


def test_filters_are_kept_in_the_addresses_of_other_views(browser, make_post, noon, account_id):
    make_post(noon, "Scheduled")
    make_post(noon, "Parked", hold_reason="overdue", due_at=None)
    base = f"/calendar?view=list&day={local_day(noon)}&account={account_id}"

    assert days_with(browser.get(f"{base}&state=scheduled").text, "Scheduled")
    held = browser.get(f"{base}&state=held").text
    assert days_with(held, "Parked")
    assert not days_with(held, "Scheduled")
    assert f"view=week&amp;day={local_day(noon)}&amp;account={account_id}&amp;state=held" in held
    assert not days_with(browser.get(f"{base}&account={account_id + 1}").text, "Missing")


def test_an_empty_month_says_so_and_offers_a_post(browser):
    html = browser.get("/calendar?day=2024-11-05").text
    assert "No posts in November 2024." in html
    assert "New post" in html


@pytest.mark.parametrize(
    "query",
    ["day=x", "day=0001-01-01", "day=9999-12-31", "view=year", "account=a:b", "state=x"],
)
@pytest.mark.parametrize(
    "more", ["", "&cursor=1_2", "&cursor=2026-01-01T00:00:00Z_999999999999999999999"]
)
def test_a_meaningless_address_shows_the_calendar(browser, query, more):
    assert browser.get(f"/calendar?{query}{more}").status_code == 200


def test_the_list_goes_on_with_a_cursor(browser, make_post, noon):
    ids = [make_post(noon + timedelta(minutes=number), f"Post {number}") for number in range(60)]

    first = browser.get(f"/calendar?view=list&day={local_day(noon)}").text
    later = re.search(r'href="([^"]+cursor[^"]+)"', first)[1].replace("&amp;", "&")
    second = browser.get(later).text

    found = [
        int(post_id)
        for html in (first, second)
        for post_id in re.findall(r'class="title" href="/posts/(\d+)"', html)
    ]
    assert found == ids


def test_a_new_post_begins_with_the_day_of_the_calendar(browser, account_id, noon):
    day = local_day(noon)
    html = browser.get(f"/calendar?day={day}").text
    address = re.search(rf'href="([^"]+day={day}[^"]*)" aria-label="New post on', html)[1]

    form = browser.get(address.replace("&amp;", "&")).text

    assert f'name="day" value="{day}"' in form
    assert 'name="day" value=""' in browser.get("/compose?day=x").text


def test_days_too_far_ahead_are_closed(browser):
    far = (datetime.now(UTC) + timedelta(days=120)).date()
    html = browser.get(f"/calendar?day={far}").text
    assert f'data-date="{far}"' not in html
    assert "too far ahead to schedule" in html


def test_posts_of_others_are_missing(browser, make_user, publisher, noon):
    other = publisher.factory.create_account(make_user("mallory@example.org").id)
    post_id = publisher.factory.create_post(other, title="Secret", publish_at=noon)

    assert "Secret" not in browser.get(f"/calendar?view=list&day={local_day(noon)}").text
    assert browser.get(f"/calendar/move/{post_id}").status_code == 404
    assert browser.post(f"/calendar/move/{post_id}", data={"date": "2030-01-01"}).status_code == 404


def move(browser, post_id, **fields):
    return browser.post(f"/calendar/move/{post_id}", data=fields, headers=JSON).json


def test_a_move_to_another_day_keeps_the_time_of_day(browser, make_post, noon, publisher):
    post_id, day = make_post(noon, "Lunch"), local_day(noon) + timedelta(days=1)

    answer = move(browser, post_id, date=day.isoformat())

    assert answer["state"] == "moved"
    assert answer["text"].startswith("Moved Lunch to ")
    assert answer["text"].endswith("12:00.")
    moved = publisher.post(post_id).publish_at
    assert moved.astimezone(ZONE).strftime("%Y-%m-%d %H:%M") == f"{day} 12:00"
    assert datetime.fromisoformat(answer["undo"]) == noon

    move(browser, post_id, at=answer["undo"], anyway="1")
    assert publisher.post(post_id).publish_at == noon


def test_posts_of_a_group_move_together_or_not_at_all(browser, make_post, noon, publisher, alice):
    other_id, group = publisher.factory.create_account(alice.id), uuid4()
    first = make_post(noon, "Both", group_id=group)
    second = make_post(noon, "Both", other_id, group_id=group)
    day = (local_day(noon) + timedelta(days=1)).isoformat()
    assert "2 posts are moved together" in browser.get(f"/calendar/move/{first}").text

    assert move(browser, first, date=day)["state"] == "moved"
    assert publisher.post(first).publish_at == publisher.post(second).publish_at != noon

    publisher.update_post(second, leased_until=func.now() + HOUR)
    before = publisher.post(first).publish_at
    assert move(browser, first, date=local_day(noon).isoformat())["state"] == "refused"
    assert publisher.post(first).publish_at == before


def test_a_post_that_is_being_sent_is_not_moved(browser, make_post, noon, publisher):
    post_id = make_post(noon, state="SENDING")

    answer = move(browser, post_id, date=local_day(noon).isoformat(), time="15:00")

    assert answer["state"] == "refused"
    assert answer["text"].startswith("It is already being sent")


def test_a_full_quota_is_said_before_and_can_be_overruled(browser, make_post, noon, publisher):
    for _ in range(5):
        make_post(noon - HOUR, "Others")
    post_id = make_post(noon + timedelta(days=3), "Late")
    when = {"date": local_day(noon).isoformat(), "time": "12:00"}

    answer = move(browser, post_id, **when)

    assert answer["state"] == "full"
    assert "5 of 5 places are used" in answer["text"]
    assert "It would go out on" in answer["text"]
    assert "11:00" in answer["text"]  # a day after the others
    assert publisher.post(post_id).publish_at == noon + timedelta(days=3)
    assert move(browser, post_id, anyway="1", **when)["state"] == "moved"


def test_a_forecast_says_what_would_be_and_moves_nothing(browser, make_post, noon, publisher):
    post_id, day = make_post(noon, "Lunch"), local_day(noon) + timedelta(days=1)
    address = f"/calendar/move/{post_id}/forecast"

    answer = browser.get(f"{address}?date={day}&time=08:30").json

    assert answer["state"] == "possible"
    assert answer["text"].endswith("08:30 (UTC+1). There is room at that time.") or (
        "08:30 (UTC+2)" in answer["text"]
    )
    assert browser.get(f"{address}?date=x").json["state"] == "invalid"
    assert publisher.post(post_id).publish_at == noon


@pytest.mark.parametrize("fields", [{}, {"date": "x"}, {"date": "2020-01-01"}, {"at": "x"}])
def test_a_time_that_cannot_be_used_is_refused_in_words(browser, make_post, noon, fields):
    answer = move(browser, make_post(noon), **fields)
    assert (answer["state"], answer["text"]) == (
        "invalid",
        "Choose a time in the future, at most 90 days ahead.",
    )


def test_without_a_script_moving_is_a_page(browser, make_post, noon, publisher):
    post_id, day = make_post(noon, "Lunch"), local_day(noon) + timedelta(days=1)
    fields = {"date": day.isoformat(), "time": "08:30"}

    page = browser.post(f"/calendar/move/{post_id}", data=fields, follow_redirects=True)

    assert "Moved Lunch to" in page.text
    assert publisher.one(select(Post.publish_at)).astimezone(ZONE).hour == 8
    refused = browser.post(f"/calendar/move/{post_id}", data={**fields, "date": "2020-01-01"})
    assert "Choose a time in the future" in refused.text
    assert "<title>Error: " in refused.text
