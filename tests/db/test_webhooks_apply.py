"""What becomes of stored notices: effect and mark together, each once, whatever their order."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.event import listen, remove

from core.backoff import Policy, seconds
from core.webhooks import process, replay
from core.webhooks.apply import WORK
from db.posts import Post
from db.webhooks import Wanted
from tests.db.hearing import Hearing, told
from tests.flows.brokers import until
from tests.tenants import a_world
from tests.tiktok_sender import an_envelope

HOUR = timedelta(hours=1)
AT_ONCE = Policy(seconds(*[0.0] * len(WORK.policy.steps)))


@pytest.fixture
def house(database, database_url):
    world = a_world(database_url, "http://127.0.0.1:9")
    return Hearing(database, world.keys, world)


@pytest.fixture
def account(house):
    return house.an_account()


def test_news_and_its_mark_are_one_commit(house, account):
    post = house.a_publication(account)
    (event,) = house.deliver(told("complete"))
    report = house.apply()
    assert (report.claimed, report.recorded) == (1, 1)
    assert (house.post(post).state, house.post(post).step) == ("PUBLISHED", "PUBLISHED")
    assert house.record(post).status == "PUBLISH_COMPLETE"
    assert "webhook_received_at" in house.record(post).details
    row = house.event(event)
    assert (row.status, row.attempts, row.last_error, row.due_at) == ("done", 1, None, None)
    assert row.processed_at is not None
    assert row.leased_until is None
    with house.database.transaction() as session:
        writers = text(
            "SELECT DISTINCT xmin::text FROM webhook_events WHERE status = 'done'"
            " UNION SELECT xmin::text FROM posts"
        )
        assert len(session.execute(writers).all()) == 1


def test_a_done_event_is_never_claimed_again(house, account):
    house.a_publication(account)
    house.deliver(told("complete"))
    house.apply()
    assert house.apply().claimed == 0


@pytest.mark.parametrize(
    ("news", "state", "error"),
    [
        (told("failed", content={"reason": "internal"}), "FAILED", "internal"),
        (told("failed", content={"reason": "publish_cancelled"}), "CANCELLED", "publish_cancelled"),
        (told("inbox_delivered"), "PUBLISHED", None),
    ],
    ids=["failed", "cancelled", "delivered"],
)
def test_each_end_becomes_the_post_s_state(house, account, news, state, error):
    post = house.a_publication(account)
    house.deliver(news)
    house.apply()
    assert (house.post(post).state, house.post(post).error_code) == (state, error)


NEWS = [
    told("inbox_delivered"),
    told("complete"),
    told("publicly_available", content={"post_id": "77"}),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("batch", [200, 1], ids=["together", "apart"])
def test_any_order_of_arrival_ends_the_same(house, account, order, batch):
    post = house.a_publication(account)
    house.deliver(*(NEWS[number] for number in order))
    for _ in range(3):
        house.apply(batch=batch)
    assert house.post(post).state == "PUBLISHED"
    assert house.post(post).platform_post_id == "77"
    record = house.record(post)
    assert (record.status, record.publicly_available) == ("PUBLISH_COMPLETE", True)
    assert record.details["publicaly_available_post_id"] == ["77"]


def test_a_late_delivery_of_a_draft_does_not_reopen_what_is_published(house, account):
    post = house.a_publication(account)
    house.deliver(told("complete"))
    house.apply()
    before = house.timeline(post)
    house.deliver(told("inbox_delivered"))
    house.apply()
    assert house.post(post).state == "PUBLISHED"
    assert house.post(post).step == "PUBLISHED"
    assert house.timeline(post) == before


def test_a_notice_pulls_the_next_question_forward(house, account):
    post = house.a_publication(account, state="SENDING", step="RECEIVING", due_at=func.now() + HOUR)
    house.deliver(told("publicly_available"))  # no post id yet: published all the same
    house.apply()
    assert house.post(post).state == "PUBLISHED"
    contradicted = house.a_publication(account, "v_pub~2", state="FAILED", step="FAILED")
    house.deliver(told("complete", "v_pub~2"))
    house.apply()
    assert house.post(contradicted).state == "FAILED"
    assert house.post(contradicted).due_at is not None


def test_an_unknown_publication_waits_and_is_found_when_its_post_is_there(house, account):
    (event,) = house.deliver(told("complete"))
    house.apply()
    row = house.event(event)
    assert (row.status, row.processed_at, row.attempts) == ("pending", None, 1)
    assert row.last_error.startswith("unknown_publication")
    assert row.due_at is not None
    post = house.a_publication(account)
    house.set(event, due_at=func.now())
    house.apply()
    assert house.post(post).state == "PUBLISHED"
    assert house.event(event).status == "done"


def test_an_unknown_publication_is_dead_after_a_day_and_not_before(house):
    (event,) = house.deliver(told("complete"), created_at=func.now() - 23 * HOUR)
    for _ in range(WORK.policy.attempts + 1):
        house.set(event, due_at=func.now())
        house.apply(policy=AT_ONCE)
    row = house.event(event)
    assert row.dead_at is None
    assert row.due_at - row.created_at == 24 * HOUR
    house.set(event, due_at=func.now(), created_at=func.now() - 25 * HOUR)
    house.apply()
    row = house.event(event)
    assert (row.status, row.due_at, row.processed_at) == ("dead", None, None)
    assert row.dead_at is not None
    assert house.apply().claimed == 0


def test_a_start_whose_answer_was_lost_is_woken_by_news_of_its_account(house, account):
    lost = house.a_post(account, state="UNCONFIRMED", due_at=func.now() + HOUR)
    other = house.a_post(house.an_account(), state="UNCONFIRMED", due_at=func.now() + HOUR)
    before = house.post(other).due_at
    house.deliver(told("complete", user_openid=house.open_id(account)))
    house.apply()
    with house.database.transaction() as session:
        due = select(Post.id).where(Post.due_at <= func.now())
        assert list(session.scalars(due)) == [lost]
    assert house.post(other).due_at == before


def test_what_nothing_follows_from_is_never_due(house):
    (event,) = house.deliver(an_envelope("tiktok.ping"))
    assert house.apply().claimed == 0
    assert house.event(event).event_type == "tiktok.ping"


def test_a_payload_that_cannot_be_read_any_more_is_dead_at_once(house, account):
    post = house.a_publication(account)
    bad, good = house.deliver(told("complete", "v_pub~2"), told("complete"))
    house.set(bad, payload_json={"no": "event"})
    house.apply()
    assert house.event(bad).status == "dead"
    assert house.event(bad).last_error.startswith("unreadable")
    assert house.post(post).state == "PUBLISHED"
    assert house.event(good).status == "done"


def break_posts_titled(session, title):
    """The database itself refuses any change of such a post: the worst kind of poison."""
    session.execute(
        text(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.title = '{title}' THEN RAISE 'poison'; END IF; RETURN NEW; END $$"
        )
    )
    session.execute(
        text("CREATE TRIGGER refuse BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION refuse()")
    )


def test_a_poisoned_event_costs_itself_and_not_its_neighbours(house, account):
    posts = [
        house.a_publication(account, f"p{n}", title="poison" if n == 2 else "") for n in range(5)
    ]
    with house.database.transaction() as session:
        break_posts_titled(session, "poison")
    events = house.deliver(*(told("complete", f"p{n}") for n in range(5)))
    report = house.apply()
    assert (report.recorded, report.failed) == (4, 1)
    assert [house.event(event).status for event in events].count("done") == 4
    assert house.event(events[2]).status == "pending"
    assert house.event(events[2]).attempts == 1
    assert [house.post(post).state for post in posts].count("PUBLISHED") == 4


def test_patience_runs_out_and_a_replay_gives_it_back(house, account):
    post = house.a_publication(account, title="poison")
    with house.database.transaction() as session:
        break_posts_titled(session, "poison")
    (event,) = house.deliver(told("complete"))
    for _ in range(WORK.policy.attempts + 2):
        house.set(event, due_at=func.now()) if house.event(event).due_at else None
        house.apply(policy=AT_ONCE)
    assert house.event(event).status == "dead"
    assert house.event(event).attempts == WORK.policy.attempts
    with house.database.transaction() as session:
        session.execute(text("DROP TRIGGER refuse ON posts"))
    assert replay(house.database, Wanted(status="dead")) == [event]
    house.apply()
    assert house.event(event).status == "done"
    assert house.post(post).state == "PUBLISHED"


def test_waits_follow_the_curve(house, account):
    house.a_publication(account, title="poison")
    with house.database.transaction() as session:
        break_posts_titled(session, "poison")
    house.deliver(told("complete"), attempts=2)
    with house.database.transaction() as session:
        began = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    house.apply()
    with house.database.transaction() as session:
        due = text("SELECT next_attempt_at, now() FROM webhook_events")
        again, ended = session.execute(due).one()
    assert began < again <= ended + timedelta(seconds=4)


def test_a_platform_that_is_switched_off_costs_no_patience(house, account, database_url):
    (event,) = house.deliver(told("complete"))
    house.world = a_world(database_url, "http://127.0.0.1:9", TIKTOK_CLIENT_SECRET="")
    house.apply()
    row = house.event(event)
    assert (row.status, row.attempts, row.dead_at) == ("pending", 0, None)


def test_two_workers_never_apply_one_event_twice(house, account):
    """Counted by a trigger of the test: the timeline has no unique key that could hide it."""
    count = 60
    for number in range(count):
        house.a_publication(account, f"p{number}")
    house.deliver(*(told("complete", f"p{number}") for number in range(count)))
    together = Barrier(4)

    def work():
        together.wait()
        while house.apply(batch=7).claimed:
            pass

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with house.database.transaction() as session:
        heard = "SELECT post_id, count(*) FROM post_events WHERE kind = 'webhook' GROUP BY 1"
        assert [n for _, n in session.execute(text(heard))] == [1] * count
        assert (
            session.execute(
                text("SELECT count(*) FROM webhook_events WHERE status = 'done'")
            ).scalar_one()
            == count
        )


def test_batches_over_the_same_posts_lock_them_in_one_order(house, account):
    """Who has to wait for the first post must not hold the second meanwhile."""
    first, second = (house.a_publication(account, of) for of in ("p2", "p1"))
    with house.database.transaction() as session:  # now it lies behind, and is named behind
        session.execute(update(Post).where(Post.id == first).values(title="moved"))
    house.deliver(told("complete", "p2"), told("complete", "p1"))
    with ThreadPoolExecutor(1) as threads:
        with house.database.transaction() as session:
            lock(session, first)
            applied = threads.submit(house.apply)
            until(lambda: held_up(house), what="the batch waiting for the first post")
            lock(session, second)
        assert applied.result().recorded == 2


def lock(session, post_id):
    session.execute(select(Post.id).where(Post.id == post_id).with_for_update(nowait=True))


def held_up(house):
    with house.database.transaction() as session:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'transactionid'"
        )
        return session.execute(waiting).scalar_one()


def test_one_manual_run_takes_at_most_its_limit(house, account):
    house.deliver(*(told("complete", f"p{number}") for number in range(5)))
    assert process(house.database, house.world, limit=3).claimed == 3


def test_the_inbox_is_asked_once_for_a_whole_batch(house, account):
    """Claim, fence and mark are one statement each, however many notices there are."""
    assert statements(house, account, 5, of="p") == statements(house, account, 50, of="q")


def statements(house, account, count, *, of):
    for number in range(count):
        house.a_publication(account, f"{of}{number}")
    house.deliver(*(told("complete", f"{of}{number}") for number in range(count)))
    asked = []

    def note(_connection, _cursor, statement, *_):
        if "webhook_events" in statement:
            asked.append(statement)

    engine = house.database._engine
    listen(engine, "before_cursor_execute", note)
    assert house.apply().recorded == count
    remove(engine, "before_cursor_execute", note)
    return len(asked)
