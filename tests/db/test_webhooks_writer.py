"""`EventWriter` on a real Postgres: what it acknowledges is stored, and stored once."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.event import listen, remove

from core.webhooks.writer import WAKE_INTERVAL_SECONDS, EventWriter, WriterBusy, WriteRejected
from db.session import Database
from db.webhooks.insert import NewEvent, insert_events
from tests.db.schema_catalog import run_sql
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
            "dedupe_key": key,
            "event_type": "video.publish.complete",
            "payload_json": {"event": "post.publish.complete"},
            **fields,
        }
    )


def load_events(database):
    with database.transaction() as session:
        rows = session.execute(text("SELECT * FROM webhook_events ORDER BY id"))
        return list(rows.mappings())


@pytest.fixture
def wake_recorder():
    return WakeRecorder()


@pytest.fixture
def writer(database, wake_recorder):
    event_writer = EventWriter(database, wake_recorder)
    yield event_writer
    event_writer.close()


def test_an_event_is_committed_when_write_returns(writer, database):
    event = make_event("a", account="u", publish_id="p", late=True, parsed={"removal_reason": "x"})
    (result,) = writer.write([event])
    (row,) = load_events(database)
    assert (result.id, result.duplicate, result.processed) == (row["id"], False, False)
    assert (row["status"], row["processed_at"], row["late"]) == ("pending", None, True)
    assert (row["account"], row["publish_id"]) == ("u", "p")
    assert row["parsed"] == {"removal_reason": "x"}
    assert row["next_attempt_at"] is not None


def test_an_ignored_event_is_never_due(writer, database):
    (result,) = writer.write([make_event("a", ignored=True)])
    (row,) = load_events(database)
    assert result.processed
    assert (row["status"], row["next_attempt_at"], row["parsed"]) == ("ignored", None, None)
    assert row["processed_at"] is not None


def test_a_second_delivery_is_reported_as_a_duplicate(writer, database):
    (first,) = writer.write([make_event("a")])
    (second,) = writer.write([make_event("a")])
    assert (second.id, second.duplicate, second.processed) == (first.id, True, False)
    assert len(load_events(database)) == 1


def test_the_result_of_a_duplicate_includes_whether_it_is_processed(writer, database):
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


def test_results_are_in_the_order_given(writer):
    writer.write([make_event("b")])
    results = writer.write([make_event(key) for key in "cba"])
    assert [result.duplicate for result in results] == [False, True, False]


def test_two_processes_storing_the_same_in_opposite_orders_do_not_deadlock(database, writer):
    """Rows are inserted by key: a process that waits for one key has not locked a later one."""
    with ThreadPoolExecutor(1) as threads:
        with database.transaction() as session:
            insert_events(session, [make_event("a")])
            other = threads.submit(writer.write, [make_event("b"), make_event("a")])
            wait_until(lambda: count_lock_waits(database), what="the writer waiting for a lock")
            insert_events(session, [make_event("b")])
        assert [result.duplicate for result in other.result()] == [True, True]


def test_events_delivered_ten_times_at_once_are_one_row_each(database, wake_recorder):
    """By two writers, as in two processes, which get the events in opposite orders."""
    writers = [EventWriter(database, wake_recorder), EventWriter(database, wake_recorder)]
    keys = [f"k{number}" for number in range(60)]
    deliveries = [
        (writers[repetition % 2], [make_event(key) for key in pair[:: 1 if repetition % 2 else -1]])
        for repetition in range(10)
        for pair in zip(keys[::2], keys[1::2], strict=True)
    ]

    def write(delivery):
        writer, events = delivery
        return writer.write(events)

    with ThreadPoolExecutor(16) as threads:
        results = [result for written in threads.map(write, deliveries) for result in written]
    for writer in writers:
        writer.close()
    new_ids = [result.id for result in results if not result.duplicate]
    assert len(new_ids) == len(set(new_ids)) == 60
    assert {result.id for result in results} == {row["id"] for row in load_events(database)}


def test_many_that_wait_share_one_commit(database, wake_recorder):
    """While the first waits for a lock, the others gather and are stored together."""
    writer = EventWriter(database, wake_recorder, timeout=timedelta(seconds=20))
    with database.transaction() as session, ThreadPoolExecutor(12) as threads:
        insert_events(session, [make_event("blocked")])
        first = threads.submit(writer.write, [make_event("blocked")])
        wait_until(lambda: count_lock_waits(database), what="the writer waiting for a lock")
        others = [threads.submit(writer.write, [make_event(f"o{n}")]) for n in range(10)]
        wait_until(lambda: writer._threads.queue.qsize() == 10, what="ten deliveries in the queue")
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
        query = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'transactionid'"
        )
        return session.execute(query).scalar_one()


def test_a_row_the_database_refuses_does_not_affect_the_others(database, wake_recorder):
    writer = EventWriter(database, wake_recorder, timeout=timedelta(seconds=20))
    with database.transaction() as session, ThreadPoolExecutor(12) as threads:
        insert_events(session, [make_event("blocked")])
        first = threads.submit(writer.write, [make_event("blocked")])
        wait_until(lambda: count_lock_waits(database), what="the writer waiting for a lock")
        good = [threads.submit(writer.write, [make_event(f"g{n}")]) for n in range(3)]
        bad = threads.submit(writer.write, [make_event("bad", payload_json={"text": "\0"})])
        wait_until(lambda: writer._threads.queue.qsize() == 4, what="four deliveries in the queue")
        session.rollback()
        first.result()
        assert all(not future.result()[0].duplicate for future in good)
        with pytest.raises(WriteRejected):
            bad.result()
    writer.close()
    assert sorted(row["external_id"] for row in load_events(database)) == [
        "blocked",
        "g0",
        "g1",
        "g2",
    ]


def test_a_commit_wakes_workers_once_and_a_duplicate_does_not(writer, wake_recorder):
    writer.write([make_event("a"), make_event("b")])
    wait_until(lambda: wake_recorder.kinds, what="the wake-up")
    writer.write([make_event("a")])
    writer.close()
    assert wake_recorder.kinds[:1] == ["webhooks"]
    assert len(wake_recorder.kinds) <= 2  # `close` wakes once more


def test_a_burst_of_events_wakes_once_and_once_more_at_its_end(writer, wake_recorder):
    started_at = time.monotonic()
    for number in range(40):
        writer.write([make_event(str(number))])
    writer.close()
    assert len(wake_recorder.kinds) <= 2 + (time.monotonic() - started_at) / WAKE_INTERVAL_SECONDS


def test_a_worker_that_listens_gets_signals_and_no_message(database, wake_recorder):
    signals = []
    writer = EventWriter(database, wake_recorder, send_signal=lambda: signals.append(1) or True)
    writer.write([make_event("a")])
    wait_until(lambda: signals, what="a signal")
    writer.write([make_event("b")])
    wait_until(lambda: len(signals) > 1, what="another signal")
    writer.close()
    assert wake_recorder.kinds == []


def test_a_worker_that_begins_to_listen_gets_the_signal_that_it_missed(database, wake_recorder):
    """After a message the next one has to wait, a signal has not."""
    worker_listens, signals = threading.Event(), []

    def send_signal():
        if worker_listens.is_set():
            signals.append(1)
        return worker_listens.is_set()

    writer = EventWriter(database, wake_recorder, send_signal=send_signal)
    writer.write([make_event("a")])
    wait_until(lambda: wake_recorder.kinds, what="the message")
    writer.write([make_event("b")])
    worker_listens.set()
    wait_until(lambda: signals, what="the signal")
    writer.close()
    assert wake_recorder.kinds in (["webhooks"], ["webhooks"] * 2)  # two on a slow machine


def test_deliveries_that_come_close_together_share_one_commit(writer, database):
    """One by one they would take forty commits."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: writer.write([make_event(str(number))]), range(40)))
    with database.transaction() as session:
        groups = session.execute(text("SELECT count(DISTINCT xmin::text) FROM webhook_events"))
        assert groups.scalar_one() < 30


def test_a_broker_that_hangs_delays_no_delivery(database):
    release = threading.Event()
    writer = EventWriter(database, lambda _kind: release.wait(10))
    started_at = time.monotonic()
    for number in range(5):
        writer.write([make_event(str(number))])
    assert time.monotonic() - started_at < 5  # of the ten that the broker hangs
    release.set()
    writer.close()


def test_a_delivery_that_waits_too_long_gets_a_retry_time(database, wake_recorder):
    writer = EventWriter(database, wake_recorder, timeout=timedelta(milliseconds=200))
    with database.transaction() as session:
        insert_events(session, [make_event("blocked")])
        started_at = time.monotonic()
        with pytest.raises(WriterBusy) as busy:
            writer.write([make_event("blocked")])
        assert time.monotonic() - started_at < 10  # the rows stay locked until it has failed
        assert busy.value.retry_after
        session.rollback()
    wait_until(lambda: len(load_events(database)) == 1, what="the event stored all the same")
    writer.close()


def test_a_full_queue_refuses_at_once(database, wake_recorder):
    writer = EventWriter(database, wake_recorder, timeout=timedelta(seconds=20), capacity=1)
    with database.transaction() as session, ThreadPoolExecutor(4) as threads:
        insert_events(session, [make_event("blocked")])
        first = threads.submit(writer.write, [make_event("blocked")])
        wait_until(lambda: count_lock_waits(database), what="the writer waiting for a lock")
        second = threads.submit(writer.write, [make_event("waits")])
        wait_until(lambda: writer._threads.queue.qsize() == 1, what="a full queue")
        with pytest.raises(WriterBusy, match="full"):
            writer.write([make_event("too many")])
        session.rollback()
        first.result()
        second.result()
    writer.close()


def test_without_a_database_the_writer_is_busy_within_two_seconds():
    unreachable = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    writer = EventWriter(unreachable, WakeRecorder())
    started_at = time.monotonic()
    with pytest.raises(WriterBusy):
        writer.write([make_event("a")])
    assert time.monotonic() - started_at < 10  # it may be late on a busy machine
    writer.close()
    unreachable.dispose()


def test_a_closed_writer_has_stored_everything_and_refuses_more(database, wake_recorder):
    writer = EventWriter(database, wake_recorder, timeout=timedelta(seconds=20))
    before = set(threading.enumerate())
    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(writer.write, [make_event(str(n))]) for n in range(8)]
        results = [future.result() for future in futures]
    started = {thread.name for thread in set(threading.enumerate()) - before}
    assert started >= {"webhook-event-writer", "webhook-event-waker"}
    writer.close()
    assert len(load_events(database)) == len(results) == 8
    with pytest.raises(WriterBusy, match="closed"):
        writer.write([make_event("late")])
    assert not set(threading.enumerate()) - before


def test_a_forked_child_writes_with_a_thread_of_its_own(database_url, database):
    writer = EventWriter(database, WakeRecorder())
    writer.write([make_event("parent")])
    child = os.fork()
    if child == 0:  # nothing of pytest may run in here
        try:
            database.dispose(close=False)
            writer.write([make_event("child")])
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent asserts on the exit code
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(row["external_id"] for row in load_events(database)) == ["child", "parent"]
    writer.close()


def test_an_event_whose_earlier_row_is_deleted_meanwhile_is_stored_again(database, database_url):
    """Between the insert, which finds the earlier row, and the look-up of that row."""
    with database.transaction() as session:
        (first,) = insert_events(session, [make_event("a")])
    statements = []

    def delete_after_insert(_connection, _cursor, statement, *_others):
        if statement.startswith("EXECUTE insert_webhook_events"):
            statements.append(statement)
            if len(statements) == 1:
                run_sql(database_url, "DELETE FROM webhook_events WHERE external_id = 'a'")

    listen(Engine, "after_cursor_execute", delete_after_insert)
    try:
        with database.transaction() as session:
            (second,) = insert_events(session, [make_event("a")])
    finally:
        remove(Engine, "after_cursor_execute", delete_after_insert)
    assert len(statements) == 2
    assert second.id != first.id
    assert not second.duplicate
