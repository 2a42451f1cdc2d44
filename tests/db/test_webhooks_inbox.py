"""The group committer on a real Postgres: what it acknowledges is there, and only once."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.webhooks.desk import ECHO
from core.webhooks.inbox import Busy, Inbox, Refused
from db.arrivals import Arrival, store
from db.session import Database
from tests.flows.brokers import until


class Bell:
    def __init__(self):
        self.rung = []

    def __call__(self, kind):
        self.rung.append(kind)


def an_arrival(key, **fields):
    return Arrival(
        **{
            "provider": "tiktok",
            "external_id": key,
            "event_type": "video.publish.complete",
            "payload_json": {"event": "post.publish.complete"},
            **fields,
        }
    )


def rows(database):
    with database.transaction() as session:
        found = session.execute(text("SELECT * FROM webhook_events ORDER BY id"))
        return list(found.mappings())


@pytest.fixture
def bell():
    return Bell()


@pytest.fixture
def inbox(database, bell):
    made = Inbox(database, bell)
    yield made
    made.close()


def test_a_notice_is_committed_when_put_returns(inbox, database):
    (stored,) = inbox.put([an_arrival("a", account="u", publish_id="p", late=True)])
    (row,) = rows(database)
    assert (stored.id, stored.duplicate, stored.processed) == (row["id"], False, False)
    assert (row["status"], row["processed_at"], row["late"]) == ("pending", None, True)
    assert (row["account"], row["publish_id"]) == ("u", "p")
    assert row["next_attempt_at"] is not None


def test_an_ignored_notice_is_never_due(inbox, database):
    (stored,) = inbox.put([an_arrival("a", ignored=True)])
    (row,) = rows(database)
    assert stored.processed
    assert (row["status"], row["next_attempt_at"]) == ("ignored", None)
    assert row["processed_at"] is not None


def test_a_second_delivery_is_stored_once_and_says_so(inbox, database):
    (first,) = inbox.put([an_arrival("a")])
    (second,) = inbox.put([an_arrival("a")])
    assert (second.id, second.duplicate, second.processed) == (first.id, True, False)
    assert len(rows(database)) == 1


def test_a_duplicate_says_whether_it_was_applied_already(inbox, database):
    inbox.put([an_arrival("a")])
    with database.transaction() as session:
        session.execute(text("UPDATE webhook_events SET processed_at = now()"))
    assert inbox.put([an_arrival("a")])[0].processed


def test_the_same_key_twice_in_one_delivery_is_one_row(inbox, database):
    first, second = inbox.put([an_arrival("a"), an_arrival("a")])
    assert (first.duplicate, second.duplicate) == (False, True)
    assert first.id == second.id
    assert len(rows(database)) == 1


def test_the_same_key_of_two_platforms_is_two_rows(inbox, database):
    inbox.put([an_arrival("a"), an_arrival("a", provider="instagram")])
    assert len(rows(database)) == 2


def test_answers_come_in_the_order_of_the_question(inbox):
    inbox.put([an_arrival("b")])
    stored = inbox.put([an_arrival(key) for key in "cba"])
    assert [one.duplicate for one in stored] == [False, True, False]


def test_two_processes_storing_the_same_in_opposite_orders_do_not_deadlock(database, inbox):
    """Who has to wait for one key must not hold the other meanwhile."""
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            store(session, [an_arrival("a")])
            other = threads.submit(inbox.put, [an_arrival("b"), an_arrival("a")])
            until(lambda: waiting(database), what="the writer held up")
            store(session, [an_arrival("b")])
        assert [one.duplicate for one in other.result()] == [True, True]


def test_ten_deliveries_of_each_of_many_at_once_are_one_row_each(database, bell):
    """From two processes' worth of inboxes."""
    inboxes = [Inbox(database, bell), Inbox(database, bell)]
    keys = [f"k{number}" for number in range(60)]
    work = [
        (inboxes[turn % 2], [an_arrival(key) for key in (pair if turn % 2 else pair[::-1])])
        for turn in range(10)
        for pair in zip(keys[::2], keys[1::2], strict=True)
    ]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda each: each[0].put(each[1]), work))
    for inbox in inboxes:
        inbox.close()
    fresh = [one.id for answer in answers for one in answer if not one.duplicate]
    assert len(fresh) == len(set(fresh)) == 60
    assert {one.id for answer in answers for one in answer} == {row["id"] for row in rows(database)}


def test_many_that_wait_share_one_commit(database, bell):
    """While the first is held up, the others gather and go together."""
    inbox = Inbox(database, bell, patience=timedelta(seconds=20))
    with database.transaction() as session, ThreadPoolExecutor(12) as threads:
        store(session, [an_arrival("blocked")])
        first = threads.submit(inbox.put, [an_arrival("blocked")])
        until(lambda: waiting(database), what="the writer held up")
        others = [threads.submit(inbox.put, [an_arrival(f"o{n}")]) for n in range(10)]
        until(lambda: inbox._desk.letters.qsize() == 10, what="ten letters waiting")
        session.rollback()
        first.result()
        for other in others:
            other.result()
    inbox.close()
    with database.transaction() as session:
        groups = session.execute(
            text("SELECT xmin::text, count(*) FROM webhook_events GROUP BY 1 ORDER BY 2")
        )
        assert [count for _, count in groups] == [1, 10]


def waiting(database):
    with database.transaction() as session:
        found = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'transactionid'"
        )
        return session.execute(found).scalar_one()


def test_a_row_the_database_refuses_costs_its_neighbours_nothing(database, bell):
    inbox = Inbox(database, bell, patience=timedelta(seconds=20))
    with database.transaction() as session, ThreadPoolExecutor(12) as threads:
        store(session, [an_arrival("blocked")])
        first = threads.submit(inbox.put, [an_arrival("blocked")])
        until(lambda: waiting(database), what="the writer held up")
        good = [threads.submit(inbox.put, [an_arrival(f"g{n}")]) for n in range(3)]
        bad = threads.submit(inbox.put, [an_arrival("bad", payload_json={"text": "\0"})])
        until(lambda: inbox._desk.letters.qsize() == 4, what="all of them waiting")
        session.rollback()
        first.result()
        assert all(not answer.result()[0].duplicate for answer in good)
        with pytest.raises(Refused):
            bad.result()
    inbox.close()
    assert sorted(row["external_id"] for row in rows(database)) == ["blocked", "g0", "g1", "g2"]


def test_one_ring_follows_a_commit_and_none_a_duplicate(inbox, bell):
    inbox.put([an_arrival("a"), an_arrival("b")])
    until(lambda: bell.rung, what="the bell")
    inbox.put([an_arrival("a")])
    inbox.close()
    assert bell.rung[:1] == ["webhooks"]
    assert len(bell.rung) <= 2  # the last one is the closing


def test_what_comes_in_a_burst_is_rung_for_once_and_once_more_at_its_end(inbox, bell):
    began = time.monotonic()
    for number in range(40):
        inbox.put([an_arrival(str(number))])
    inbox.close()
    assert len(bell.rung) <= 2 + (time.monotonic() - began) / ECHO


def test_letters_that_come_close_together_go_together(inbox, database):
    """One by one they would be forty commits."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: inbox.put([an_arrival(str(number))]), range(40)))
    with database.transaction() as session:
        groups = session.execute(text("SELECT count(DISTINCT xmin::text) FROM webhook_events"))
        assert groups.scalar_one() < 30


def test_a_bell_that_hangs_holds_up_nobody(database):
    let_go = threading.Event()
    inbox = Inbox(database, lambda _kind: let_go.wait(10))
    began = time.monotonic()
    for number in range(5):
        inbox.put([an_arrival(str(number))])
    assert time.monotonic() - began < 1
    let_go.set()
    inbox.close()


def test_who_waits_too_long_is_told_to_come_again(database, bell):
    inbox = Inbox(database, bell, patience=timedelta(milliseconds=200))
    with database.transaction() as session:
        store(session, [an_arrival("blocked")])
        began = time.monotonic()
        with pytest.raises(Busy) as busy:
            inbox.put([an_arrival("blocked")])
        assert time.monotonic() - began < 1
        assert busy.value.retry_after
        session.rollback()
    until(lambda: len(rows(database)) == 1, what="the writing all the same")
    inbox.close()


def test_a_full_inbox_refuses_at_once(database, bell):
    inbox = Inbox(database, bell, patience=timedelta(seconds=20), capacity=1)
    with database.transaction() as session, ThreadPoolExecutor(4) as threads:
        store(session, [an_arrival("blocked")])
        first = threads.submit(inbox.put, [an_arrival("blocked")])
        until(lambda: waiting(database), what="the writer held up")
        second = threads.submit(inbox.put, [an_arrival("waits")])
        until(inbox._desk.letters.full, what="a full queue")
        with pytest.raises(Busy, match="full"):
            inbox.put([an_arrival("too many")])
        session.rollback()
        first.result()
        second.result()
    inbox.close()


def test_a_database_that_is_away_is_busy_within_two_seconds():
    nowhere = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    inbox = Inbox(nowhere, Bell())
    began = time.monotonic()
    with pytest.raises(Busy):
        inbox.put([an_arrival("a")])
    assert time.monotonic() - began < 2.5
    inbox.close()
    nowhere.dispose()


def test_a_closed_inbox_has_stored_what_it_took_and_takes_no_more(database, bell):
    inbox = Inbox(database, bell, patience=timedelta(seconds=20))
    before = set(threading.enumerate())
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(inbox.put, [an_arrival(str(n))]) for n in range(8)]
        taken = [answer.result() for answer in answers]
    assert any(thread.name.startswith("inbox ") for thread in set(threading.enumerate()) - before)
    inbox.close()
    assert len(rows(database)) == len(taken) == 8
    with pytest.raises(Busy, match="closed"):
        inbox.put([an_arrival("late")])
    assert not set(threading.enumerate()) - before


def test_a_forked_child_writes_by_a_thread_of_its_own(database_url, database):
    parents = Inbox(database, Bell())
    parents.put([an_arrival("parent")])
    child = os.fork()
    if child == 0:  # nothing of pytest may run in here
        try:
            database.dispose(close=False)
            parents.put([an_arrival("child")])
            os._exit(0)
        except BaseException:  # noqa: BLE001
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(row["external_id"] for row in rows(database)) == ["child", "parent"]
    parents.close()
