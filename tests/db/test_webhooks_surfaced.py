"""Late news of a post that was found in the list of videos: nobody had told its publication."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, text

from core.ledger import records
from db.posts import Post
from db.records import Records
from tests.db.hearing import Hearing, told
from tests.tenants import a_world

HOUR = timedelta(hours=1)
VIDEO = "7602997517160123666"


@pytest.fixture
def house(database, database_url):
    world = a_world(database_url, "http://127.0.0.1:9")
    return Hearing(database, world.keys, world)


@pytest.fixture
def account(house):
    return house.an_account()


def surfaced(house, account, video=VIDEO, **columns):
    """Published by the list's word, as `reconcile` leaves it."""
    usual = {"state": "PUBLISHED", "step": "PUBLISHED", "kind": "DIRECT_VIDEO", "due_at": None}
    usual |= {"source": "PULL_FROM_URL", "sent_by": "PLATFORM", "finished_at": func.now()}
    return house.a_post(account, platform_post_id=video, **{**usual, **columns})


def available(house, account, publish_id="v_pub~1", video=VIDEO, name="publicly_available"):
    who = house.open_id(account)
    return told(name, publish_id, user_openid=who, content={"post_id": video})


def complete(house, account):
    return told("complete", user_openid=house.open_id(account))


def a_record(house, post, publish_id, ids=()):
    """What is known of a publication that no post has any more."""
    with house.database.transaction() as session:
        old = session.get_one(Post, post)
        old.publish_id = publish_id
        Records(session).open(old)
        session.flush()
        record = Records(session).of(post)
        records.add(record, {records.IDS: list(ids)})
        record.ledger_id, old.publish_id = None, None


def statuses(house, events):
    return [house.event(one).status for one in events]


def test_the_notice_names_the_post_and_is_done(house, account):
    post = surfaced(house, account)
    events = house.deliver(available(house, account))
    house.apply()
    assert statuses(house, events) == ["done"]
    found = house.post(post)
    assert (found.state, found.publish_id, found.due_at) == ("PUBLISHED", "v_pub~1", None)
    record = house.record(post)
    assert (record.publish_id, record.status) == ("v_pub~1", "PUBLISH_COMPLETE")
    assert record.details[records.IDS] == [VIDEO]
    assert (record.publicly_available, record.completed_at is None) == (True, False)
    assert house.timeline(post) == [("found", None)]


@pytest.mark.parametrize("batch", [200, 1], ids=["together", "apart"])
def test_all_news_of_the_publication_is_the_posts_from_then_on(house, account, batch):
    post = surfaced(house, account)
    events = house.deliver(complete(house, account), available(house, account))
    for _ in range(2):
        house.set(*events, due_at=func.now())  # one may have come before anybody knew whose it is
        house.apply(batch=batch)
        house.apply(batch=batch)
    events += house.deliver(available(house, account, name="no_longer_publicaly_available"))
    house.apply()
    assert statuses(house, events) == ["done"] * 3
    assert house.record(post).publicly_available is False
    assert [kind for kind, _ in house.timeline(post)].count("found") == 1


def test_it_is_recognised_among_posts_that_are_known(house, account):
    known = house.a_publication(account, "v_pub~0")
    post = surfaced(house, account)
    events = house.deliver(
        told("complete", "v_pub~0"), available(house, account), told("complete", "v_pub~9")
    )
    house.apply()
    assert statuses(house, events) == ["done", "done", "pending"]
    assert house.post(known).state == "PUBLISHED"
    assert house.post(post).publish_id == "v_pub~1"


@pytest.mark.parametrize(
    "columns",
    [{"video": "8"}, {"state": "UNCONFIRMED"}, {"publish_id": "v_pub~7"}],
    ids=["another video", "not out", "named already"],
)
def test_a_post_of_which_it_does_not_speak_is_left_alone(house, account, columns):
    post = surfaced(house, account, **columns)
    events = house.deliver(available(house, account))
    house.apply()
    assert statuses(house, events) == ["pending"]
    assert house.post(post).publish_id == columns.get("publish_id")


def test_nobody_elses_post_is_taken_for_it(house, account):
    post = surfaced(house, house.an_account())
    events = house.deliver(available(house, account))
    house.apply()
    assert statuses(house, events) == ["pending"]
    assert house.post(post).publish_id is None


@pytest.mark.parametrize(
    ("name", "ids"), [("v_pub~1", ()), ("v_pub~0", (VIDEO,))], ids=["the name", "the video"]
)
def test_what_another_publication_holds_is_left_to_it(house, account, name, ids):
    other = house.a_post(account, state="FAILED", due_at=None)
    a_record(house, other, name, ids)
    post = surfaced(house, account)
    events = house.deliver(available(house, account))
    house.apply()
    assert statuses(house, events) == ["pending"]
    assert house.post(post).publish_id is None


def test_two_publications_for_one_post_are_not_guessed_apart(house, account):
    post = surfaced(house, account)
    names = ("v_pub~1", "v_pub~2")
    events = house.deliver(*(available(house, account, name) for name in names))
    house.apply()
    assert statuses(house, events) == ["pending", "pending"]
    assert house.post(post).publish_id is None


def test_two_posts_for_one_publication_are_not_guessed_apart(house, account):
    posts = [surfaced(house, account) for _ in range(2)]
    events = house.deliver(available(house, account))
    house.apply()
    assert statuses(house, events) == ["pending"]
    assert {house.post(post).publish_id for post in posts} == {None}


@pytest.mark.parametrize("table", ["posts", "oauth_accounts"])
def test_it_waits_for_nobody_who_holds_the_post_or_its_account(house, account, table):
    post = surfaced(house, account)
    known = house.a_publication(house.an_account(), "v_pub~0")
    (late,) = house.deliver(available(house, account))
    house.deliver(told("complete", "v_pub~0"))
    row = {"posts": post, "oauth_accounts": account}[table]
    with house.database.transaction() as holder:
        holder.execute(text(f"SELECT 1 FROM {table} WHERE id = {row} FOR UPDATE"))
        house.apply()
        assert house.event(late).status == "pending"
        assert house.post(known).state == "PUBLISHED"
    house.set(late, due_at=func.now())
    house.apply()
    assert house.event(late).status == "done"
    assert house.post(post).publish_id == "v_pub~1"


def questions(house):
    """How often a batch asks whose accounts' posts its notices may be."""
    asked = []

    def count(_connection, _cursor, statement, *_):
        asked.append("FOR KEY SHARE OF oauth_accounts SKIP LOCKED" in statement)

    event.listen(house.database._engine, "before_cursor_execute", count)
    try:
        house.apply()
    finally:
        event.remove(house.database._engine, "before_cursor_execute", count)
    return sum(asked)


def test_one_question_a_batch_and_none_where_every_publication_is_known(house, account):
    for number in range(3):
        house.a_publication(account, f"known~{number}")
        house.deliver(available(house, account, f"known~{number}", video=str(number)))
    assert questions(house) == 0
    for number in range(3):
        house.deliver(available(house, account, f"stranger~{number}", video=f"1{number}"))
    assert questions(house) == 1


def test_whether_a_stranger_is_a_day_old_is_by_the_databases_clock(house, account):
    true = house.world.now
    for skew, age in ((3 * HOUR, 23 * HOUR), (-3 * HOUR, 25 * HOUR)):
        house.world = replace(house.world, now=lambda skew=skew: true() + skew)
        (late,) = house.deliver(available(house, account, f"v_pub~{age}"))
        house.set(late, created_at=func.now() - age)
        house.apply()
        assert (house.event(late).status == "dead") is (age > 24 * HOUR)
