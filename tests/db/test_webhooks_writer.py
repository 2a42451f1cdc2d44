"""The group committer on a real Postgres: what it acknowledges is there, and only once."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.webhooks.writer import WAKE_INTERVAL_SECONDS, EventWriter, WriterBusy, WriteRejected
from db.session import Database
from db.webhooks.insert import NewEvent, insert_events
from tests.flows.brokers import wait_until


class WakeRecorder:
    def __init__(self):
        self.kinds = []

    def __call__(self, kind):
        self.kinds.append(kind)


def make_event(key, **fields):
    return NewEvent(
        **{
            "provider": "tiktok",
            "external_id": key,
            "event_type": "video.publish.complete",
            "payload_json": {"event": "post.publish.complete"},
            **fields,
        }
    )


def load_events(database):
    with database.transaction() as session:
        found = session.execute(text("SELECT * FROM webhook_events ORDER BY id"))
        return list(found.mappings())


@pytest.fixture
def wake_recorder():
    return WakeRecorder()


@pytest.fixture
def writer(database, wake_recorder):
    made = EventWriter(database, wake_recorder)
    yield made
    made.close()


def test_an_event_is_committed_when_put_returns(writer, database):
    (stored,) = writer.write([make_event("a", account="u", publish_id="p", late=True)])
    (row,) = load_events(database)
    assert (stored.id, stored.duplicate, stored.processed) == (row["id"], False, False)
    assert (row["status"], row["processed_at"], row["late"]) == ("pending", None, True)
    assert (row["account"], row["publish_id"]) == ("u", "p")
    assert row["next_attempt_at"] is not None


def test_an_ignored_event_is_never_due(writer, database):
    (stored,) = writer.write([make_event("a", ignored=True)])
    (row,) = load_events(database)
    assert stored.processed
    assert (row["status"], row["next_attempt_at"]) == ("ignored", None)
    assert row["processed_at"] is not None


def test_a_second_delivery_is_stored_once_and_says_so(writer, database):
    (first,) = writer.write([make_event("a")])
    (second,) = writer.write([make_event("a")])
    assert (second.id, second.duplicate, second.processed) == (first.id, True, False)
    assert len(load_events(database)) == 1


def test_a_duplicate_says_whether_it_was_applied_already(writer, database):
    writer.write([make_event("a")])
    with database.transaction() as session:
        session.execute(text("UPDATE webhook_events SET processed_at = now()"))
    assert writer.write([make_event("a")])[0].processed


def test_the_same_key_twice_in_one_delivery_is_one_row(writer, database):
    first, second = writer.write([make_event("a"), make_event("a")])
    assert (first.duplicate, second.duplicate) == (False, True)
    assert first.id == second.id
    assert len(load_events(database)) == 1


def test_the_same_key_of_two_platforms_is_two_rows(writer, database):
    writer.write([make_event("a"), make_event("a", provider="instagram")])
    assert len(load_events(database)) == 2


def test_answers_come_in_the_order_of_the_question(writer):
    writer.write([make_event("b")])
    stored = writer.write([make_event(key) for key in "cba"])
    assert [one.duplicate for one in stored] == [False, True, False]


def test_two_processes_storing_the_same_in_opposite_orders_do_not_deadlock(database, writer):
    """Who has to wait for one key must not hold the other meanwhile."""
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            insert_events(session, [make_event("a")])
            other = threads.submit(writer.write, [make_event("b"), make_event("a")])
            wait_until(lambda: count_lock_waits(database), what="the writer held up")
            insert_events(session, [make_event("b")])
        assert [one.duplicate for one in other.result()] == [True, True]


def test_ten_deliveries_of_each_of_many_at_once_are_one_row_each(database, wake_recorder):
    """From two processes' worth of inboxes."""
    inboxes = [EventWriter(database, wake_recorder), EventWriter(database, wake_recorder)]
    keys = [f"k{number}" for number in range(60)]
    work = [
        (inboxes[turn % 2], [make_event(key) for key in (pair if turn % 2 else pair[::-1])])
        for turn in range(10)
        for pair in zip(keys[::2], keys[1::2], strict=True)
    ]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda each: each[0].write(each[1]), work))
    for writer in inboxes:
        writer.close()
    fresh = [one.id for response in answers for one in response if not one.duplicate]
    assert len(fresh) == len(set(fresh)) == 60
    assert {one.id for response in answers for one in response} == {
        row["id"] for row in load_events(database)
    }


def test_many_that_wait_share_one_commit(database, wake_recorder):
    """While the first is held up, the others gather and go together."""
    writer = EventWriter(database, wake_recorder, timeout=timedelta(seconds=20))
    with database.transaction() as session, ThreadPoolExecutor(12) as threads:
        insert_events(session, [make_event("blocked")])
        first = threads.submit(writer.write, [make_event("blocked")])
        wait_until(lambda: count_lock_waits(database), what="the writer held up")
        others = [threads.submit(writer.write, [make_event(f"o{n}")]) for n in range(10)]
        wait_until(lambda: writer._threads.queue.qsize() == 10, what="ten letters waiting")
        session.rollback()
        first.result()
        for other in others:
            other.result()
    writer.close()
    with database.transaction() as session:
        groups = session.execute(
            text("SELECT xmin::text, count(*) FROM webhook_events GROUP BY 1 ORDER BY 2")
        )
        assert [count for _, count in groups] == [1, 10]


def count_lock_waits(database):
    with database.transaction() as session:
        found = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'transactionid'"
        )
        return session.execute(found).scalar_one()


def test_a_row_the_database_refuses_costs_its_neighbours_nothing(database, wake_recorder):
    writer = EventWriter(database, wake_recorder, timeout=timedelta(seconds=20))
    with database.transaction() as session, ThreadPoolExecutor(12) as threads:
        insert_events(session, [make_event("blocked")])
        first = threads.submit(writer.write, [make_event("blocked")])
        wait_until(lambda: count_lock_waits(database), what="the writer held up")
        good = [threads.submit(writer.write, [make_event(f"g{n}")]) for n in range(3)]
        bad = threads.submit(writer.write, [make_event("bad", payload_json={"text": "\0"})])
        wait_until(lambda: writer._threads.queue.qsize() == 4, what="all of them waiting")
        session.rollback()
        first.result()
        assert all(not response.result()[0].duplicate for response in good)
        with pytest.raises(WriteRejected):
            bad.result()
    writer.close()
    assert sorted(row["external_id"] for row in load_events(database)) == [
        "blocked",
        "g0",
        "g1",
        "g2",
    ]


def test_one_wake_up_follows_a_commit_and_none_a_duplicate(writer, wake_recorder):
    writer.write([make_event("a"), make_event("b")])
    wait_until(lambda: wake_recorder.kinds, what="the bell")
    writer.write([make_event("a")])
    writer.close()
    assert wake_recorder.kinds[:1] == ["webhooks"]
    assert len(wake_recorder.kinds) <= 2  # the last one is the closing


def test_a_burst_of_events_wakes_once_and_once_more_at_its_end(writer, wake_recorder):
    began = time.monotonic()
    for number in range(40):
        writer.write([make_event(str(number))])
    writer.close()
    assert len(wake_recorder.kinds) <= 2 + (time.monotonic() - began) / WAKE_INTERVAL_SECONDS


def test_deliveries_that_come_close_together_share_one_commit(writer, database):
    """One by one they would be forty commits."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: writer.write([make_event(str(number))]), range(40)))
    with database.transaction() as session:
        groups = session.execute(text("SELECT count(DISTINCT xmin::text) FROM webhook_events"))
        assert groups.scalar_one() < 30


def test_a_notifier_that_hangs_delays_no_delivery(database):
    let_go = threading.Event()
    writer = EventWriter(database, lambda _kind: let_go.wait(10))
    began = time.monotonic()
    for number in range(5):
        writer.write([make_event(str(number))])
    assert time.monotonic() - began < 1
    let_go.set()
    writer.close()


def test_a_delivery_that_waits_too_long_gets_a_retry_time(database, wake_recorder):
    writer = EventWriter(database, wake_recorder, timeout=timedelta(milliseconds=200))
    with database.transaction() as session:
        insert_events(session, [make_event("blocked")])
        began = time.monotonic()
        with pytest.raises(WriterBusy) as busy:
            writer.write([make_event("blocked")])
        assert time.monotonic() - began < 1
        assert busy.value.retry_after
        session.rollback()
    wait_until(lambda: len(load_events(database)) == 1, what="the writing all the same")
    writer.close()


def test_a_full_inbox_refuses_at_once(database, wake_recorder):
    writer = EventWriter(database, wake_recorder, timeout=timedelta(seconds=20), capacity=1)
    with database.transaction() as session, ThreadPoolExecutor(4) as threads:
        insert_events(session, [make_event("blocked")])
        first = threads.submit(writer.write, [make_event("blocked")])
        wait_until(lambda: count_lock_waits(database), what="the writer held up")
        second = threads.submit(writer.write, [make_event("waits")])
        wait_until(writer._threads.queue.full, what="a full queue")
        with pytest.raises(WriterBusy, match="full"):
            writer.write([make_event("too many")])
        session.rollback()
        first.result()
        second.result()
    writer.close()


def test_a_database_that_is_away_is_busy_within_two_seconds():
    nowhere = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    writer = EventWriter(nowhere, WakeRecorder())
    began = time.monotonic()
    with pytest.raises(WriterBusy):
        writer.write([make_event("a")])
    assert time.monotonic() - began < 2.5
    writer.close()
    nowhere.dispose()


def test_a_closed_inbox_has_stored_what_it_took_and_takes_no_more(database, wake_recorder):
    writer = EventWriter(database, wake_recorder, timeout=timedelta(seconds=20))
    before = set(threading.enumerate())
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(writer.write, [make_event(str(n))]) for n in range(8)]
        taken = [response.result() for response in answers]
    assert any(thread.name.startswith("inbox ") for thread in set(threading.enumerate()) - before)
    writer.close()
    assert len(load_events(database)) == len(taken) == 8
    with pytest.raises(WriterBusy, match="closed"):
        writer.write([make_event("late")])
    assert not set(threading.enumerate()) - before


def test_a_forked_child_writes_by_a_thread_of_its_own(database_url, database):
    parents = EventWriter(database, WakeRecorder())
    parents.write([make_event("parent")])
    child = os.fork()
    if child == 0:  # nothing of pytest may run in here
        try:
            database.dispose(close=False)
            parents.write([make_event("child")])
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(row["external_id"] for row in load_events(database)) == ["child", "parent"]
    parents.close()
